"""The study section, models on some feature sets, and what all that leaves as it was."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import UsageError
from exafscn_flows.hashing import content_hash
from exafscn_flows.jobs.fits import _evaluation_parameters
from exafscn_flows.store.asked import default_names

BASE: dict[str, Any] = {
    "campaign": "x",
    "absorbers": ["Cu"],
    "sources": [{"kind": "amcsd"}],
    "features": {"sets": [{"kind": "r_space", "rmin": 1.0}, {"kind": "k_space"}]},
    "models": [{"kind": "random_forest"}, {"kind": "mlp", "feature_sets": ["k_space"]}],
}


CN = "coordination_number"

XANES: dict[str, Any] = {
    "features": {"sets": [{"kind": "xanes", "emin": -5.0, "emax": 40.0}]},
    "spectra": {"kind": "feff10"},
    "models": [{"kind": "random_forest"}],
}


def config(**changes: Any) -> CampaignConfig:
    return CampaignConfig.model_validate({**BASE, **changes})


# Computed by the version before `study`, `search`, `feature_sets` and `chemical_systems`.
HASHES = {
    "random_forest": "606dd6c1cfd4130b",
    "extra_trees": "552020586297fac3",
    "bagging": "bc6cfe05ba6f1571",
    "gradient_boosting": "f9f46608b42517c1",
    "mlp": "5225ffe05c55cbe0",
}


def model_hash(**changes: Any) -> str:
    found = config(**changes)
    settings = [found.models[0].parameters(), _evaluation_parameters(found.evaluation)]
    # 1 stands for the version of the training, 0s for the data.
    return content_hash("models", 1, settings, "0" * 16)


@pytest.mark.parametrize(("kind", "expected"), HASHES.items())
def test_models_of_campaigns_without_the_new_keys_keep_their_hashes(kind, expected):
    assert model_hash(models=[{"kind": kind}]) == expected
    same = {"kind": kind, "name": "mine", "feature_sets": ["r_space"], "search": None}
    assert model_hash(models=[same], evaluation={"chemical_systems": False}) == expected
    assert model_hash(models=[{"kind": kind}], study={"rmax": [2.0]}) == expected


def test_another_split_is_another_result():
    models = [{"kind": "bagging"}]
    found = {
        model_hash(models=models, evaluation=evaluation)
        for evaluation in ({}, {"chemical_systems": True}, {"seed": 1}, {"n_folds": 4})
    }
    assert len(found) == 4


def test_the_study_looks_into_the_first_feature_set_if_none_is_named():
    assert config().study is None
    assert config(study={}).studied_set == "r_space"
    assert config(study={"feature_set": "k_space"}).studied_set == "k_space"
    found = [config().models_on(name, CN) for name in ("r_space", "k_space")]
    assert [[model.name for model in models] for models in found] == [
        ["random_forest"],
        ["random_forest", "mlp"],
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"study": {"feature_set": "q_space"}}, "study.feature_set: feature set 'q_space' is not"),
        (
            {"study": {"importance": ["mlp"]}},
            "study.importance[0]: model on r_space 'mlp' is not in",
        ),
        ({"study": {"curves": ["bagging"]}}, "'bagging' is not in this file, which has random"),
        ({"study": {"rmax": [2.0], "feature_set": "k_space"}}, "needs a feature set in R"),
        ({"study": {"rmin": [2.0], "feature_set": "k_space"}}, "needs a feature set in R"),
        (
            {"study": {"emax": [2.0]}},
            "study.emax[0]: emax needs a feature set in energy, which",
        ),
        ({**XANES, "study": {"rmax": [2.0]}}, "rmax needs a feature set in R, which xanes is not"),
        ({**XANES, "study": {"emax": [-5.0]}}, "emax -5 eV leaves nothing of feature set xanes"),
        ({**XANES, "study": {"emin": [0.0, 40.1]}}, "study.emin[1]: emin 40.1 eV leaves nothing"),
        ({"study": {"rmax": [0.5]}}, "rmax 0.5 Å leaves nothing of feature set r_space"),
        ({"study": {"rmax": [3.0], "rmin": [12.0]}}, "rmin 12 Å leaves nothing"),
        ({"study": {}, "models": []}, f"no model of {CN} is fitted on feature set r_space"),
        (
            {"study": {"target": "x"}},
            f"study.target: target 'x' is not in this file, which has {CN}",
        ),
        (
            {"models": [{"kind": "mlp", "feature_sets": ["x"]}]},
            "models[0].feature_sets[0]: feature set 'x'",
        ),
        ({"study": {"rmax": [2.0, 2.0]}}, "rmax[1]: a value is listed twice"),
        (
            {"study": {"importance": ["random_forest"] * 2}},
            "importance[1]: a value is listed twice",
        ),
        ({"study": {"rmax": [0.0]}}, "greater than 0"),
        ({"study": {"learning_curve": [1.5]}}, "less than or equal to 1"),
        ({"study": {"curves": []}}, "at least 1 item"),
        ({"study": {"rmaxx": [1.0]}}, "did you mean `rmax`?"),
    ],
)
def test_studies_that_make_no_sense_are_one_line(tmp_path: Path, changes, words):
    file = tmp_path / "campaign.yaml"
    YAML(typ="safe", pure=True).dump({**BASE, **changes}, file)
    with pytest.raises(UsageError) as error:
        load_campaign_file(file)
    (line,) = str(error.value).splitlines()
    assert words in line
    assert line.startswith(f"{file}:")


def test_every_r_of_a_set_may_be_a_limit():
    assert config(study={"rmax": [1.05, 99.0], "rmin": [0.1, 9.9]}).study is not None
    features = config().features
    last = float(features.sets[0].axis(features)[0][-1])
    assert config(study={"rmin": [last]}).study is not None
    with pytest.raises(ValidationError, match="leaves nothing of feature set r_space"):
        config(study={"rmin": [last + 1e-9]})


def test_every_energy_of_a_set_may_be_a_limit():
    study = config(**XANES, study={"emax": [-4.9, 0.0, 99.0], "emin": [-99.0, 40.0]}).study
    assert study.emax == [-4.9, 0.0, 99.0]


def test_a_study_is_strict():
    with pytest.raises(ValidationError):
        config(study={"rmax": ["2"]})


def test_the_model_that_is_meant_is_one_that_is_fitted():
    models = [{"kind": "mlp", "feature_sets": ["k_space"]}, {"kind": "bagging"}]
    found = config(models=models)
    assert default_names(found) == ("r_space", "bagging")
    assert default_names(found, "k_space") == ("k_space", "mlp")
    assert default_names(found, None, "mlp") == ("k_space", "mlp")
    assert default_names(found, "k_space", "bagging") == ("k_space", "bagging")
    with pytest.raises(UsageError, match="fits no model 'mlp' on feature set 'r_space'"):
        default_names(found, "r_space", "mlp")
    with pytest.raises(UsageError, match="has no models"):
        default_names(config(models=[]))
