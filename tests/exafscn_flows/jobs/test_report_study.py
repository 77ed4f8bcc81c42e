"""What the report collects of a study: what is up to date, joined by site."""

import json

import pytest
from crystals import polymorphs

from exafscn_flows.jobs.experiments import experiments
from exafscn_flows.jobs.report import collect_report
from exafscn_flows.jobs.train import train
from exafscn_flows.report.summary import to_json
from exafscn_flows.store.documents import LabelDoc
from exafscn_flows.store.results import PredictionDoc

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
    assert data.study.feature_set == "r_space"
    found = [(one.experiment, one.value) for one in data.study.experiments]
    assert found == [("importance", None), ("rmax", 2.0), ("rmax", 4.0), ("learning_curve", 1.0)]
    numbers = to_json(data)
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
    (rmax, learning) = numbers["curves"]
    assert learning["absorbers"]["Ni"]["points"][0]["accuracy"] == rmax["absorbers"]["Ni"]["all"]


def test_experiments_that_are_out_of_date_are_left_out(studied, with_features, store):
    studied()
    # Another seed, and no run yet: nothing that is there belongs to these settings.
    with_features(models=[FOREST], features=SETS, study=STUDY, evaluation={"n_folds": 2, "seed": 1})
    data = collect_report(store, "test")
    assert data.study.experiments == []
    assert data.models == []
    assert data.labels == []
    assert to_json(data)["claims"] == []


def test_labels_are_joined_with_predictions_by_site(studied, store):
    studied()
    # Of eight sites, one certain label is wrong by both rivals, and one rival fails once.
    for number, label in enumerate(store.find(LabelDoc, {}, sort=[("site", 1)])):
        label.rivals = {"voronoi_nn": label.cn + 2.0, "minimum_distance_nn": float(label.cn)}
        if number == 0:
            label.rivals["minimum_distance_nn"] = None
            label.cn_weights = {"4": 0.6, "6": 0.4}
        store.write([label])
    (report,) = collect_report(store, "test").labels
    agreements = {one.method: one for one in report.agreements}
    assert (agreements["voronoi_nn"].n_sites, agreements["voronoi_nn"].agree) == (8, 0)
    assert agreements["voronoi_nn"].mean_difference == 2
    assert agreements["minimum_distance_nn"].n_sites == 7
    assert agreements["minimum_distance_nn"].agree == 1
    bins = {one.low: one for one in report.certainty}
    assert (bins[0.5].n_sites, bins[0.99].n_sites) == (1, 7)
    query = {"feature_set": "r_space"}
    predictions = list(store.find(PredictionDoc, query, sort=[("site", 1)]))
    right = [not one.disagrees for one in predictions]
    assert bins[0.5].accuracy == right[0]
    assert bins[0.99].accuracy == pytest.approx(sum(right[1:]) / 7)


def test_provenance_has_what_each_set_goes_through(studied, store):
    parts = [{"kind": "r_space"}, {"kind": "r_space", "input": "chi"}]
    studied(features={"sets": [*SETS["sets"], {"kind": "concatenation", "parts": parts}]})
    provenance = collect_report(store, "test").provenance
    assert provenance.sources == ["files"]
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
    assert len(to_json(data)["model_cards"]) == 1
    assert to_json(data)["elements"] is None
