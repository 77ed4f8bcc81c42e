"""The schema of the campaign file: what editors accept is what the loader accepts."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.schema import campaign_schema

ROOT = Path(__file__).resolve().parents[3]
BASE: dict[str, Any] = {"campaign": "x", "absorbers": ["Cu"], "sources": [{"kind": "amcsd"}]}
SCHEMA = campaign_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda f: f.stem)
def test_campaign_files_meet_it(file):
    data = YAML(typ="safe", pure=True).load(file.read_text())
    for source in data["sources"]:
        if source["kind"] in ("table", "files"):
            source.setdefault("path", "given by --set")
    assert [error.message for error in VALIDATOR.iter_errors(data)] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"targets": ["coordination_number", {"kind": "bond_length"}]},
        {"targets": "coordination_number"},
        {"absorbers": "Cu"},
        {"absorbers": {"Cu": 1}},
        {"sources": {"kind": "amcsd"}},
        {"spectra": {"kind": "feff", "cards": {"RPATH": 6}}},
        {"spectra": [{"kind": "feff"}, {"kind": "pdf"}]},
        {"models": ["random_forest"]},
        {"models": [{"kind": "mlp", "hidden_layers": [16]}]},
        {"features": {"sets": ["r_space"]}},
        {"features": {"sets": [{"kind": "q_space"}]}},
        {"models": []},
        {"models": [{"kind": "forest"}]},
        {"spectra": {"kind": "fef"}},
        {"sample": {"per_absorber": 0}},
        {"evaluation": {"n_folds": 1}},
        {"filter": {}},
        {"absorbers": []},
        {"campaign": "a b"},
        {"sites": {"symprec": 2}},
    ],
    ids=str,
)
def test_short_forms_and_mistakes_are_those_of_the_loader(changes):
    try:
        CampaignConfig.model_validate(BASE | changes)
    except ValueError:
        is_valid = False
    else:
        is_valid = True
    assert VALIDATOR.is_valid(BASE | changes) is is_valid


def test_keys_are_explained():
    rpath = SCHEMA["$defs"]["FeffSettings"]["properties"]["cards"]["description"]
    assert "FEFF's own names" in rpath
