"""From mu(E) or chi(k) to a coordination number, by a model that goes by the size of chi(k)."""

import time
from functools import partial

import numpy as np
import pytest
from measurements import E0, GRID, absorption, energies, shell
from predictor import AmplitudeModel

from exafscn_flows import predict
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.prediction import Answer, Failed
from exafscn_flows.processing import ProcessingSettings

ENERGY = energies()
SIX = absorption(ENERGY)
MODEL = AmplitudeModel()
ask = partial(predict, model=MODEL)


@pytest.mark.parametrize("n", [4, 5, 6, 8])
def test_the_answer_is_that_of_the_model_on_chi_of_the_measurement(n):
    mu = absorption(ENERGY, partial(shell, n=float(n)))
    found = ask(ENERGY, mu, "Fe")
    assert (found.cn, found.absorber, found.edge, found.model) == (n, "Fe", "K", "amplitude")
    assert found.probability == max(found.probabilities.values()) > 0.8
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert n in found.set
    mean = sum(cn * p for cn, p in found.probabilities.items())
    assert found.expected_cn == pytest.approx(mean)
    assert abs(found.expected_cn - n) < 0.3
    assert found.e0 == pytest.approx(E0, abs=0.5)
    assert found.edge_step == pytest.approx(1, abs=0.05)
    assert (found.kmin, found.kmax) == (3, 13)
    assert (found.bond_length, found.bond_length_sd) == (2.0, 0.01)


def test_what_it_says_in_json_has_neither_arrays_nor_numbers_of_numpy():
    said = ask(ENERGY, SIX, "Fe").to_dict()
    assert {type(value) for value in said.values()} == {str, int, float, dict, list, type(None)}
    assert said["probabilities"].keys() == {"4", "5", "6", "8"}
    assert said["set"] == [5, 6]
    assert said["file"] is None
    assert not {"k", "chi", "processed"} & said.keys()


@pytest.mark.parametrize(
    "changed",
    [
        lambda e, mu: (e / 1000, mu),
        lambda e, mu: (e[::-1], mu[::-1]),
        lambda e, mu: (np.repeat(e, 2), np.repeat(mu, 2)),
        lambda e, mu: (e, mu - 3),
        lambda e, mu: (e, 1e-4 * mu),
        lambda e, mu: (list(e), list(mu)),
        lambda e, mu: (e, np.where(np.arange(len(e)) % 97 == 50, np.nan, mu)),
        lambda e, mu: (e, np.where(np.arange(len(e)) % 97 == 50, np.inf, mu)),
    ],
    ids=["keV", "descending", "repeated", "negative", "small", "lists", "nan", "inf"],
)
def test_how_a_spectrum_is_written_down_does_not_matter(changed):
    found, plain = ask(*changed(ENERGY, SIX), "Fe"), ask(ENERGY, SIX, "Fe")
    assert found.cn == 6
    assert found.expected_cn == pytest.approx(plain.expected_cn, abs=0.05)
    if np.isfinite(changed(ENERGY, SIX)[1]).all():
        assert found.e0 == pytest.approx(plain.e0, abs=1e-3)
    else:
        assert any("hold no usable number: 4 of" in text for text in found.warnings)


def test_rows_are_answered_one_by_one_and_a_bad_one_stops_no_other():
    four = absorption(ENERGY, partial(shell, n=4.0))
    flat = np.full(len(ENERGY), 0.5)
    first, bad, second = ask(ENERGY, np.array([SIX, flat, four]), "Fe")
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (first.cn, first.group, second.cn, second.group) == (6, "spectrum 1", 4, "spectrum 3")
    assert isinstance(bad, Failed)
    assert str(bad).startswith("spectrum 2: mu is the same at all energies")
    assert first.to_dict() | {"group": ""} == ask(ENERGY, SIX, "Fe").to_dict()
    assert ask(ENERGY, np.empty((0, len(ENERGY))), "Fe") == []
    shifted = ask(np.array([ENERGY, ENERGY + 3]), np.array([SIX, SIX]), "Fe")
    assert shifted[1].e0 - shifted[0].e0 == pytest.approx(3, abs=1e-3)


def test_settings_are_those_of_the_processing():
    found = ask(ENERGY, SIX, "Fe", settings=ProcessingSettings(kmax=9.0, kmin=2.5, e0=7118.0))
    assert (found.kmin, found.kmax, found.e0) == (2.5, 9.0, 7118.0)
    assert found.processed.rbkg == 1.0
    with pytest.raises(UsageError, match="kmax is 5 1/Å, and 6 is the least"):
        ask(ENERGY, SIX, "Fe", settings=ProcessingSettings(kmax=5.0))


def test_self_absorption_is_said_of_fluorescence_alone():
    said = [ask(ENERGY, SIX, "Fe", mode=mode).warnings for mode in ("fluorescence", None)]
    assert ["self-absorption" in " ".join(one) for one in said] == [True, False]


@pytest.mark.parametrize(
    ("energy", "mu", "words"),
    [
        ([1.0, 2.0], [1.0], "shapes"),
        (ENERGY, "mu", "arrays of numbers"),
        (np.array([ENERGY, ENERGY]), SIX, "shapes"),
        (7112.0, 1.0, "shapes"),
        (ENERGY, np.zeros((1, 1, len(ENERGY))), "shapes"),
        ([], [], "0 usable points"),
        (ENERGY[:10], SIX[:10], "10 usable points"),
        (ENERGY, np.full(len(ENERGY), np.nan), "points hold usable numbers"),
    ],
)
def test_arrays_that_are_no_spectrum(energy, mu, words):
    with pytest.raises((UsageError, ItemFailure), match=words) as raised:
        ask(energy, mu, "Fe")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("absorber", "error", "words"),
    [
        ("Co", ItemFailure, "the model does not know Co as absorber"),
        ("Cu", ItemFailure, "the K edge of Cu is at 8979 eV"),
        ("fe", UsageError, "did you mean 'Fe'"),
    ],
)
def test_absorbers_that_cannot_be(absorber, error, words):
    with pytest.raises(error, match=words):
        ask(ENERGY + 597 * (absorber == "Co"), SIX, absorber)


@pytest.mark.parametrize("elements", ["Fe,O", ["Fe", "O"], {"Fe"}, "Fe", ()])
def test_elements_of_the_sample_are_a_text_or_a_list(elements):
    assert ask(ENERGY, SIX, "Fe", elements=elements).cn == 6


def test_elements_that_cannot_be():
    with pytest.raises(ItemFailure, match="Fe, is not among the elements"):
        ask(ENERGY, SIX, "Fe", elements="Cu,O")
    with pytest.raises(UsageError, match="elements: 'Feo' is not an element symbol"):
        ask(ENERGY, SIX, "Fe", elements="Feo")


def test_the_edge_tells_the_absorber_and_it_is_said():
    found = ask(ENERGY, SIX)
    assert (found.absorber, found.cn) == ("Fe", 6)
    (warning,) = found.warnings
    assert "the K edge of Fe (7112 eV)" in warning
    # L3 of praseodymium is 25 eV below the K edge of chromium.
    found = ask(ENERGY - 7112 + 5989, SIX)
    assert found.absorber == "Cr"
    assert "so does the L3 edge of Pr (5964 eV)" in found.warnings[0]


@pytest.mark.parametrize(("edge", "words"), [(9659, "no K edge of Cr, Fe, Cu"), (8071, "no K")])
def test_an_edge_that_is_none_of_the_model_is_not_taken_for_one(edge, words):
    with pytest.raises(ItemFailure, match=words) as raised:
        ask(ENERGY - 7112 + edge, SIX)
    assert "--absorber" in raised.value.hint


def test_a_straight_line_has_no_absorber():
    with pytest.raises(ItemFailure, match="no clear edge"):
        ask(ENERGY, 1e-4 * ENERGY)


def test_too_little_of_the_exafs_is_refused():
    short = ENERGY < E0 + 130  # k = 5.8 1/Å
    with pytest.raises(ItemFailure, match="6 is the least"):
        ask(ENERGY[short], SIX[short], "Fe")


def test_points_that_no_scan_reaches_take_no_memory():
    far = np.append(ENERGY, [1e8, 1e12, 1e29])
    found = ask(far, np.append(SIX, [1.0, 2.0, 3.0]), "Fe")
    assert (found.cn, found.kmax) == (6, 13)
    assert "3 points were left out, 4000 eV or more above E0." in found.warnings


def test_oscillations_that_no_atoms_give_are_refused():
    with pytest.raises(ItemFailure, match="more than atoms give"):
        ask(ENERGY, SIX, "Fe", settings=ProcessingSettings(edge_step=0.02))


def test_a_warm_call_takes_a_few_milliseconds():
    ask(ENERGY, SIX, "Fe")
    times = []
    for _ in range(15):
        start = time.process_time()
        ask(ENERGY, SIX, "Fe")
        times.append(time.process_time() - start)
    assert min(times) < 0.03  # 5 ms on a machine that does nothing else


def test_the_grid_of_the_model_is_that_of_the_processing():
    found = ask(ENERGY, SIX, "Fe")
    assert np.allclose(found.k, GRID[: len(found.k)])
    assert found.chi is found.processed.chi


def test_what_is_answered_says_how_far_the_model_looks():
    """It has learned k up to 13 1/Å: whoever asks for more is told, and not shown another range."""
    found = ask(ENERGY, SIX, "Fe", settings=ProcessingSettings(kmax=14.5))
    assert found.kmax == 13.0
    assert any("from 2.5 to 13 1/Å" in one for one in found.warnings)
    assert not any("model looks" in one for one in ask(ENERGY, SIX, "Fe").warnings)
