"""Models that come with the package: what they answer, and what they refuse."""

import hashlib
import json
import subprocess
import sys
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.models.measured_fitted import MeasuredClassifier, dump_measured
from exafscn_flows.pretrained import Pretrained, load_general
from exafscn_flows.pretrained.formulas import dump_formulas
from exafscn_flows.pretrained.model import E0_SHIFTS
from exafscn_flows.pretrained.network import Network, Networks
from exafscn_flows.pretrained.network_file import dump_networks, load_networks
from exafscn_flows.processing.real_space import N_SHOWN, shown, with_e0_moved
from exafscn_flows.tasks.calibration import tempered
from exafscn_flows.tasks.softmax import softmax

K = 0.05 * np.arange(261)
CHI = np.sin(2 * K * 1.9) * np.exp(-0.01 * K**2) / (K + 1)
RANGE = (3.0, 11.0)
CLASSES = [4, 5, 6]
ABSORBERS = ["Fe", "Cu"]


def networks(n_outputs: int, seed: int = 0) -> Networks:
    rng = np.random.default_rng(seed)

    def array(*shape: int) -> np.ndarray:
        return (0.3 * rng.normal(size=shape)).astype(np.float32)

    n_in = N_SHOWN + len(ABSORBERS)
    made = (
        Network(
            array(n_in),
            np.ones(n_in, dtype=np.float32),
            ((array(8, n_in), array(8)), (array(n_outputs, 8), array(n_outputs))),
        )
        for _ in range(2)
    )
    return Networks(tuple(made))


PARTS = {
    "cn": dump_networks(networks(3), {}, {}),
    "bond": dump_networks(networks(1), {}, {}),
    "formulas": dump_formulas(["NiO"]),
}


def card(**changes: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "classes": CLASSES,
        "absorbers": ABSORBERS,
        "kmin": [2.5, 3.5],
        "kmax": [5.0, 13.0],
        "temperature": 1.3,
        "thresholds": {"Fe": 0.3, "Cu": 0.1},
        "bond_length": {"numbers": [2.0, 0.2], "doubt": {"constant": 0.01, "slope": 0.5}},
        "sha256": {part: hashlib.sha256(data).hexdigest() for part, data in PARTS.items()},
        **changes,
    }


MODEL = Pretrained.of(card(), PARTS)


def test_probabilities_are_means_over_networks_and_e0_and_calibrated() -> None:
    found = MODEL.probabilities(K, CHI, *RANGE, "Cu")
    ends = np.array([RANGE[0]]), np.array([RANGE[1]])
    each = []
    for by in E0_SHIFTS:
        seen = shown(with_e0_moved(CHI[None], np.array([by])), *ends)
        inputs = np.hstack([seen, [[0.0, 1.0]]]).astype(np.float32)
        each += [softmax(one(inputs).astype(float)) for one in networks(3).networks]
    np.testing.assert_allclose(found, tempered(np.mean(each, axis=0), 1.3)[0], atol=1e-4)
    assert found.sum() == pytest.approx(1)
    assert not np.allclose(found, MODEL.probabilities(K, CHI, *RANGE, "Fe"))


def test_what_lies_beyond_the_range_does_not_matter() -> None:
    longer = 0.05 * np.arange(341)
    chi = np.append(CHI, np.ones(80))
    found = MODEL.probabilities(longer, chi, 3.0, 11.0, "Fe")
    np.testing.assert_allclose(found, MODEL.probabilities(K, CHI, 3.0, 11.0, "Fe"), atol=1e-6)
    # The networks have seen no longer range than 13.
    at_end = MODEL.probabilities(longer, chi, 3.0, 16.0, "Fe")
    np.testing.assert_array_equal(at_end, MODEL.probabilities(longer, chi, 3.0, 13.0, "Fe"))


def test_the_set_holds_what_reaches_its_threshold_and_the_likeliest() -> None:
    assert MODEL.prediction_set(np.array([0.29, 0.6, 0.11]), "Fe") == (5,)
    assert MODEL.prediction_set(np.array([0.29, 0.6, 0.11]), "Cu") == (4, 5, 6)
    assert MODEL.prediction_set(np.array([0.29, 0.31, 0.40]), "Fe") == (5, 6)
    assert MODEL.prediction_set(np.array([0.34, 0.33, 0.33]), "Fe") == (4, 5, 6)
    high = Pretrained.of(card(thresholds={"Fe": 0.9}), PARTS)
    assert high.prediction_set(np.array([0.2, 0.5, 0.3]), "Fe") == (5,)


def test_bond_length_is_a_mean_with_its_standard_deviation() -> None:
    found = MODEL.bond_length(K, CHI, *RANGE, "Fe")
    assert found is not None
    mean, deviation = found
    assert 1 < mean < 3
    assert deviation > 0.01


@pytest.mark.parametrize("ask", ["probabilities", "bond_length"])
def test_what_it_does_not_know_is_refused(ask: str) -> None:
    with pytest.raises(ItemFailure, match="model small does not know Mo: it knows Fe, Cu") as one:
        getattr(MODEL, ask)(K, CHI, *RANGE, "Mo")
    assert one.value.kind == "unknown_absorber"
    for k, chi, problem in (
        (K, np.full(261, np.nan), "not finite"),
        (K[1:], CHI[1:], "does not go from 0"),
        (K[:-1], CHI, "not as many"),
        (K[:70], CHI[:70], "from 3 to 3.45 1/Å, is too short"),
    ):
        with pytest.raises(ItemFailure, match=problem) as one:
            getattr(MODEL, ask)(k, chi, *RANGE, "Fe")
        assert one.value.kind == "bad_spectrum"


def test_a_set_for_an_unknown_absorber_is_refused() -> None:
    with pytest.raises(ItemFailure, match="does not know Mo"):
        MODEL.prediction_set(np.array([0.2, 0.5, 0.3]), "Mo")


@pytest.mark.parametrize("part", ["cn", "formulas"])
def test_tampered_files_are_refused_in_one_line(part: str) -> None:
    data = bytearray(PARTS[part])
    data[-3] ^= 1
    with pytest.raises(CampaignError, match=f"file {part} of model small is not that of its card"):
        Pretrained.of(card(), {**PARTS, part: bytes(data)})


def test_weights_that_do_not_fit_the_card_are_refused() -> None:
    for changes in ({"classes": [4, 5]}, {"absorbers": ["Fe"]}):
        with pytest.raises(CampaignError, match="do not fit"):
            Pretrained.of(card(**changes), PARTS)


def test_networks_that_cannot_be_used_are_refused() -> None:
    first = networks(3).networks[0]
    (weight, bias), last = first.layers
    with pytest.raises(ValueError, match="do not fit together"):
        Network(first.mean, first.scale, ((weight.T.copy(), bias), last))
    with pytest.raises(ValueError, match="cannot be used"):
        Network(np.full_like(first.mean, np.inf), first.scale, first.layers)
    with pytest.raises(ValueError, match="do not fit together"):
        Network(first.mean, -first.scale, first.layers)
    data = dump_networks(networks(3), {}, {"axis": K})
    loaded, _, extra = load_networks(data)
    np.testing.assert_array_equal(extra["axis"], K)
    assert dump_networks(loaded, {}, {"axis": K}) == data


def test_a_model_of_a_campaign_becomes_the_shipped_one() -> None:
    """Same bytes, same outputs; here of spectra that have no background any more."""
    made = networks(3)
    fitted = MeasuredClassifier(made, K[1:], 2, 3.0, 11.0, np.arange(3))
    parts = {**PARTS, "cn": dump_measured(fitted)}
    model = Pretrained.of(
        card(
            temperature=1.0,
            sha256={part: hashlib.sha256(data).hexdigest() for part, data in parts.items()},
        ),
        parts,
    )
    others, ends = np.array([[1.0, 0.0]]), (np.array([3.0]), np.array([11.0]))
    outputs = made.outputs(CHI[None].astype(np.float32), *ends, others, E0_SHIFTS)
    expected = softmax(outputs).mean(axis=0)[0]
    np.testing.assert_allclose(model.probabilities(K, CHI, *RANGE, "Fe"), expected, atol=1e-5)


def test_the_shipped_model_is_whole() -> None:
    model = load_general()
    assert model.absorbers == ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn")
    assert {4, 6, 8, 12} <= set(model.classes)
    for absorber in model.absorbers:
        proba = model.probabilities(K, CHI, *RANGE, absorber)
        assert proba.sum() == pytest.approx(1)
        assert model.classes[proba.argmax()] in model.prediction_set(proba, absorber)
        found = model.bond_length(K, CHI, *RANGE, absorber)
        assert found is not None
        assert 1.4 < found[0] < 3.5
    folder = files("exafscn_flows.pretrained")
    sizes = [len((folder / name).read_bytes()) for name in model.card["files"].values()]
    assert sum(sizes) < 15e6


def test_its_card_says_what_it_is() -> None:
    found = load_general().card
    assert "CC BY 4.0" in found["attribution"]
    assert "Materials Project" in found["attribution"]
    assert "American Mineralogist" in found["attribution"]
    for kind in ("computed", "changed"):
        figures = found["figures"][kind]
        by_element = figures["by_element"].values()
        n = sum(one["n"] for one in by_element)
        mean = sum(one["n"] * one["accuracy"] for one in by_element) / n
        assert figures["accuracy"] == pytest.approx(mean)
        assert figures["accuracy"] > figures["majority"]
        assert n == sum(found["sites"].values())
    assert found["not_for"]
    assert found["left_out"]


def test_neither_torch_nor_larch_is_needed() -> None:
    code = (
        "import sys, json; from exafscn_flows.pretrained import load_general; import numpy as np;"
        "k = 0.05 * np.arange(261); m = load_general();"
        "m.probabilities(k, np.sin(4 * k), 3.0, 11.0, 'Fe'); print(json.dumps(list(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert not {"torch", "larch", "sklearn", "pymatgen"} & set(json.loads(found.stdout))
