"""The near-edge model that comes with the package: what it answers, and what it refuses."""

import hashlib
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.pretrained.near_edge import NearEdgeModel, load_near_edge
from exafscn_flows.pretrained.network import Network, NetworkSet
from exafscn_flows.pretrained.network_file import dump_networks

FEATURES = {
    "reference": "half_step",
    "emin": -15.0,
    "emax": 18.0,
    "estep": 0.5,
    "norm1": 6.0,
    "norm2": None,
}
N_E = 67
ENERGY = np.arange(-150.0, 200.0, 0.4)


def networks() -> NetworkSet:
    """One network, whose second class is the height at 4 eV, and the third the absorber Cu."""
    weight = np.zeros((3, 2 * N_E + 2), dtype=np.float32)
    weight[1, 38], weight[2, -1] = 5.0, 10.0
    ones = np.ones(weight.shape[1], dtype=np.float32)
    return NetworkSet((Network(0 * ones, ones, ((weight, np.zeros(3, dtype=np.float32)),)),))


WEIGHTS = dump_networks(networks(), {"n_axis": N_E, "step": 0.5}, {"classes": np.arange(3)})


def card(**changes: Any) -> dict[str, Any]:
    return {
        "classes": [4, 5, 6],
        "absorbers": ["Fe", "Cu"],
        "features": FEATURES,
        "temperature": 1.0,
        "sha256": hashlib.sha256(WEIGHTS).hexdigest(),
        **changes,
    }


def edge(height: float, at: float = 0.0) -> np.ndarray:
    """Normalised mu(E) with a white line 4 eV after the half step."""
    energy = ENERGY - at
    step = 1 / (1 + np.exp(-energy / 0.5))
    found: np.ndarray = step + height * np.exp(-0.5 * ((energy - 4) / 1.5) ** 2)
    return found


def test_it_looks_at_the_near_edge_wherever_that_is() -> None:
    model = NearEdgeModel.of(card(), WEIGHTS)
    low, high = (model.probabilities(ENERGY, edge(one), "Fe") for one in (0.0, 0.6))
    assert low.sum() == pytest.approx(1)
    assert high[1] > low[1]
    # Whatever energies are relative to, and whatever the level is.
    moved = model.probabilities(ENERGY, edge(0.6, 7.0), "Fe")
    np.testing.assert_allclose(moved, high, atol=5e-3)
    np.testing.assert_allclose(model.probabilities(ENERGY, 3 * edge(0.6), "Fe"), high, atol=1e-6)
    assert model.probabilities(ENERGY, edge(0.6), "Cu")[2] > 0.8
    timid = NearEdgeModel.of(card(temperature=3.0), WEIGHTS).probabilities(ENERGY, edge(0.6), "Fe")
    assert 1 / 3 < timid[1] < high[1]


def test_what_does_not_show_the_near_edge_is_refused() -> None:
    model = NearEdgeModel.of(card(), WEIGHTS)
    with pytest.raises(ItemFailure, match="apart"):
        model.probabilities(ENERGY[::20], edge(0.6)[::20], "Fe")
    with pytest.raises(ItemFailure, match="does not know Zn"):
        model.probabilities(ENERGY, edge(0.6), "Zn")


def test_weights_and_card_must_fit() -> None:
    with pytest.raises(CampaignError, match="not those of its card"):
        NearEdgeModel.of(card(sha256="0"), WEIGHTS)
    with pytest.raises(CampaignError, match="do not fit"):
        NearEdgeModel.of(card(classes=[4, 6]), WEIGHTS)
    with pytest.raises(CampaignError, match="do not fit"):
        NearEdgeModel.of(card(absorbers=["Fe"]), WEIGHTS)


def test_the_shipped_model_is_that_of_its_card() -> None:
    model = load_near_edge()
    assert model.classes == (4, 5, 6)
    figures = model.card["figures"]
    for one in model.absorbers:
        of_one = figures["computed"]["by_element"][one]
        assert of_one["n"] > 100
        assert of_one["accuracy"] > of_one["majority"]
    assert figures["computed"]["accuracy"] >= figures["changed"]["accuracy"]
    assert "CC BY 4.0" in model.card["attribution"]
    assert "oxides" in model.card["not_for"][0]
    weights = files("exafscn_flows.pretrained") / model.card["file"]
    assert len(weights.read_bytes()) < 5e6
