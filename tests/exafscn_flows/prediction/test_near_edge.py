"""The near edge as a second opinion: when it is asked, and what is said of it."""

from typing import Any

import numpy as np
import pytest

from exafscn_flows import pretrained
from exafscn_flows.errors import ItemFailure
from exafscn_flows.prediction.near_edge import NearEdge, disagreement, near_edge_of
from exafscn_flows.processing import ProcessedSpectrum, ProcessingSettings, process

E = np.concatenate([np.arange(6950.0, 7100, 5), np.arange(7100.0, 7160, 0.5)])
E = np.concatenate([E, np.arange(7160.0, 7800, 3)])
MU = 1 / (1 + np.exp(-(E - 7120))) + 0.02 * np.sin(np.sqrt(np.maximum(E - 7120, 0)) * 2)


class Model:
    classes = (4, 5, 6)
    absorbers = ("Fe", "Mn")
    asked: list[Any]

    def probabilities(self, energy: np.ndarray, norm: np.ndarray, absorber: str) -> np.ndarray:
        assert energy[-1] < 250
        if energy[0] < -200:
            raise ItemFailure("bad_spectrum", "the points are too far apart")
        assert abs(float(np.interp(0, energy, norm)) - 0.5) < 0.1
        assert absorber == "Fe"
        return np.array([0.7, 0.1, 0.2])


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "load_near_edge", Model)


def processed(energy: np.ndarray = E, mu: np.ndarray = MU) -> ProcessedSpectrum:
    return process(energy, mu, "Fe", ProcessingSettings())


def test_it_says_what_its_model_says_of_the_normalised_spectrum() -> None:
    found = near_edge_of(processed(), "Fe", {6: 0.6, 8: 0.4})
    assert (found.cn, found.probability, found.missing) == (4, 0.7, "")
    assert found.to_dict()["probabilities"] == {"4": 0.7, "5": 0.1, "6": 0.2}
    assert disagreement(found, 4) == ()
    (line,) = disagreement(found, 6)
    assert "4 neighbours in an oxide (probability 0.70)" in line


def test_of_a_sample_without_oxygen_it_is_not_asked() -> None:
    found = near_edge_of(processed(), "Fe", {6: 1.0}, {"Fe", "S"})
    assert found.cn is None
    assert "the sample has no O" in found.missing
    assert near_edge_of(processed(), "Fe", {6: 1.0}, {"Fe", "O"}).cn == 4


@pytest.mark.parametrize(
    ("spectrum", "absorber", "shares", "reason"),
    [
        (None, "Fe", {6: 1.0}, "only chi"),
        ("whole", "Zn", {6: 1.0}, "knows Fe, Mn"),
        # In a metal it would name a number all the same.
        ("whole", "Fe", {6: 0.3, 8: 0.7}, "none of 4, 5, 6"),
    ],
)
def test_where_it_cannot_be_asked_it_says_why(
    spectrum: str | None, absorber: str, shares: dict[int, float], reason: str
) -> None:
    found = near_edge_of(None if spectrum is None else processed(), absorber, shares)
    assert (found.cn, found.probability, found.probabilities) == (None, None, {})
    assert reason in found.missing
    assert disagreement(found, 6) == ()


def test_a_failure_of_its_model_is_the_reason() -> None:
    far = np.append(np.arange(6900.0, 6950, 5), E)
    found = near_edge_of(processed(far, np.interp(far, E, MU)), "Fe", {6: 1.0})
    assert found == NearEdge(None, None, {}, "the points are too far apart")
