"""What the report reads of spectra, and of models that failed."""

from typing import Any

import pytest

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.report import collect_report
from exafscn_flows.report.data import Skipped
from exafscn_flows.store.documents import FailureDoc, SpectrumDoc

HEAD = {"campaign": "test", "absorber": "Ni", "hash": "0" * 16}


@pytest.fixture(autouse=True)
def _campaign(store) -> None:
    settings = {"campaign": "test", "absorbers": ["Ni"], "sources": [{"kind": "amcsd"}]}
    store.save_config(CampaignConfig.model_validate(settings))


def spectrum(site: int, name: str, program: str, version: str, **more: Any) -> SpectrumDoc:
    arrays = {key: [0.0] for key in ("k", "chi", "energy_rel", "mu", "mu0")}
    return SpectrumDoc(
        **HEAD,
        **arrays,
        site=f"mp-{site}:Ni:0",
        spectrum=name,
        edge="K",
        e0=0.0,
        program=program,
        version=version,
        cards={},
        **{"seconds": 0.0, **more},
    )


def test_time_is_that_of_computed_spectra_by_program(store):
    store.write(
        [
            *(spectrum(site, "stored", "ocean", "3.1", computed=False) for site in range(3)),
            spectrum(0, "exafs", "FEFF", "8.5L", seconds=2.0),
            spectrum(1, "exafs", "FEFF", "8.5L", seconds=4.0),
            spectrum(2, "exafs", "FEFF", "8.4", seconds=90.0, found_in="other"),
            spectrum(0, "plain", "plain waves", "1", seconds=0.5),
        ]
    )
    data = collect_report(store, "test")
    assert data.timings == {
        "FEFF, spectra computed": 2,
        "FEFF, processor seconds": 6.0,
        "FEFF, processor seconds per spectrum": 3.0,
        "plain waves, spectra computed": 1,
        "plain waves, processor seconds": 0.5,
        "plain waves, processor seconds per spectrum": 0.5,
        "spectra found, computed before": 1,
    }
    assert data.versions["FEFF"] == "8.4, 8.5L"
    assert data.versions["plain waves"] == "1"
    assert "ocean" not in data.versions


def test_stored_spectra_took_no_time(store):
    store.write([spectrum(0, "stored", "FEFF", "9.6.4", computed=False)])
    data = collect_report(store, "test")
    assert data.timings == {}
    assert "FEFF" not in data.versions


def test_models_that_failed_are_named(store):
    failure = {"kind": "one_class", "message": "all sites have the label 6", "hint": "more"}
    keys = [f"coordination_number/Ni/r_space/{model}" for model in ("extra_trees", "mlp")]
    store.write([FailureDoc(**HEAD, **failure, stage="models", item=key) for key in keys])
    assert collect_report(store, "test").skipped == [
        Skipped("coordination_number", "Ni", "r_space", model, failure["message"])
        for model in ("extra_trees", "mlp")
    ]
