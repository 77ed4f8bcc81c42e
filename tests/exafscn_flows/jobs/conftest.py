"""Campaigns whose jobs run one after the other in the process of the test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crystals import write_cifs

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.plan import plan_sites
from exafscn_flows.store.documents import FeatureDoc, LabelDoc
from exafscn_flows.store.store import Store
from exafscn_flows.store.wanted import wanted_hashes

SETTINGS: dict[str, Any] = {
    "campaign": "test",
    "absorbers": ["Ni"],
    "models": [{"kind": "random_forest", "n_estimators": 5}],
    "evaluation": {"n_folds": 2},
}

Plan = Callable[..., CampaignConfig]


@pytest.fixture
def cifs(tmp_path: Path) -> Path:
    return tmp_path / "cifs"


@pytest.fixture
def plan(store: Store, cifs: Path) -> Plan:
    """Store settings, with changes, and plan the campaign; crystals are written first."""

    def run(crystals: dict[str, Any] | None = None, **changes: Any) -> CampaignConfig:
        write_cifs(cifs, crystals or {})
        sources = [{"kind": "files", "path": str(cifs)}]
        config = CampaignConfig.model_validate({**SETTINGS, "sources": sources, **changes})
        store.save_config(config)
        plan_sites.original(config.campaign)
        return config

    return run


def write_features(store: Store, config: CampaignConfig) -> None:
    """Write labels by name (rs: 6, zb: 4) and vectors of noise, as if FEFF had run."""
    random = np.random.default_rng(0)
    sets = config.features.sets
    lengths = {one.name: len(one.axis(config.features)[0]) for one in sets}
    for site in store.active_sites(config.campaign):
        wanted = wanted_hashes(config, site)
        head = {"campaign": site.campaign, "site": site.site, "absorber": site.absorber}
        cn = 6 if "-rs" in site.material_id else 4
        values = {"coordination_number": cn, "environment": f"cn_{cn}", "bond_length": cn / 3}
        kinds = {target.name: target.kind for target in config.targets}
        labels = [
            LabelDoc(
                **head,
                hash=hash_,
                target=name,
                value=values[kinds[name]],
                weights={str(values[kinds[name]]): 1.0},
                spread=None,
                details={},
                neighbours={},
            )
            for name, hash_ in wanted.labels.items()
        ]
        features = [
            FeatureDoc(
                **head,
                hash=hash_,
                feature_set=name,
                vector=random.random(lengths.get(name, 326)),
            )
            for name, hash_ in wanted.features.items()
        ]
        store.write([*labels, *features])


@pytest.fixture
def with_features(store: Store, plan: Plan) -> Plan:
    """As `plan`, and everything that models are trained on is there."""

    def run(*args: Any, **changes: Any) -> CampaignConfig:
        config = plan(*args, **changes)
        write_features(store, config)
        return config

    return run
