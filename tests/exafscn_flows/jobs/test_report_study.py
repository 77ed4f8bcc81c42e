"""What the report collects of a study: what is up to date, joined by site."""

import json

import pytest
from crystals import polymorphs

from exafscn_flows.jobs.experiments import experiments
from exafscn_flows.jobs.report import collect_report
from exafscn_flows.jobs.train import train
from exafscn_flows.report.summary import to_json

CN = "coordination_number"
FOREST = {"kind": "random_forest", "n_estimators": 5}
STUDY = {"rmax": [2.0, 4.0], "learning_curve": [1.0]}
SETS = {"sets": [{"kind": "r_space"}, {"kind": "k_space", "input": "chi"}]}


@pytest.fixture
def studied(with_features, store):
    """Make a finished study, with changes of its settings."""

    def run(**changes):
        settings = {"models": [FOREST], "features": SETS, "study": STUDY, **changes}
        config = with_features(polymorphs("Ni"), **settings)
        train.original("test", "Ni")
        experiments.original("test", "Ni")
        return config

    return run


def test_experiments_are_collected_in_the_order_of_the_file(studied, store):
    studied()
    data = collect_report(store, "test")
    assert (data.study.target, data.study.feature_set) == (CN, "r_space")
    found = [(one.experiment, one.value) for one in data.study.experiments]
    assert found == [("importance", None), ("rmax", 2.0), ("rmax", 4.0), ("learning_curve", 1.0)]
    numbers = to_json(data)
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
    rmax, learning = numbers["targets"][CN]["curves"]
    assert learning["absorbers"]["Ni"]["points"][0]["accuracy"] == rmax["absorbers"]["Ni"]["all"]


def test_experiments_that_are_out_of_date_are_left_out(studied, with_features, store):
    studied()
    # Another seed, and no run yet: nothing that is there belongs to these settings.
    with_features(models=[FOREST], features=SETS, study=STUDY, evaluation={"n_folds": 2, "seed": 1})
    data = collect_report(store, "test")
    assert data.study.experiments == []
    assert data.models == []
    assert data.labels == []
    assert to_json(data)["targets"][CN]["curves"] == []


@pytest.mark.parametrize("claims", [None, "exafs_coordination"])
def test_claims_are_judged_where_the_study_names_them(studied, store, claims):
    studied(study=STUDY | {"claims": claims})
    numbers = to_json(collect_report(store, "test"))["targets"][CN]
    assert bool(numbers["claims"]) == bool(numbers["published"]) == (claims is not None)


def test_provenance_has_what_each_set_goes_through(studied, store):
    parts = [{"kind": "r_space"}, {"kind": "r_space", "input": "chi"}]
    studied(features={"sets": [*SETS["sets"], {"kind": "concatenation", "parts": parts}]})
    provenance = collect_report(store, "test").provenance
    assert provenance.sources == ["files"]
    assert [one["name"] for one in provenance.targets] == [CN]
    assert [one["name"] for one in provenance.spectra] == ["exafs"]
    sets = provenance.feature_sets
    assert sets["r_space"]["autobk"]["rbkg"] == 1.0
    assert sets["r_space"]["xftf"]["kmax"] == 12.0
    assert "autobk" not in sets["k_space_chi"]
    joined = sets["r_space+r_space_chi"]["parts"]
    assert ["autobk" in part for part in joined] == [True, False]


def test_ordinary_campaign_has_no_study(studied, store):
    studied(study=None)
    data = collect_report(store, "test")
    assert data.study is None
    numbers = to_json(data)["targets"][CN]
    assert len(numbers["model_cards"]) == 1
    assert numbers["elements"] is None
