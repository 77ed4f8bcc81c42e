"""A model in place of FEFF: what it computes, what it leaves to the program, and what decides."""

from dataclasses import replace

import numpy as np
import pytest
from crystals import rock_salt
from pydantic import ValidationError
from simulators import ENERGIES, LEARNED, on_paper, paper_simulator, simulator_file

from exafscn_flows.config.ways import WAYS
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.features import Inputs, LarchSettings
from exafscn_flows.registry import kind_of
from exafscn_flows.simulation.surrogate import Surrogate
from exafscn_flows.spectra import Feff10Settings
from exafscn_flows.spectra.base import Spectrum

TIO = rock_salt("Ti", "O", 4.2)
PROGRAM = {"kind": "feff10"}


@pytest.fixture
def way(tmp_path):
    """Return the settings that name a file of the model."""
    file = tmp_path / "paper.zip"
    file.write_bytes(simulator_file())

    def made(**changes):
        return Surrogate(kind="surrogate", model=str(file), **changes)

    return made


@pytest.fixture
def feff(monkeypatch):
    """Replace FEFF 10 by a spectrum of its own energies, shifted and twice as high."""
    energy = np.linspace(-30, 60, 400)
    none = np.empty(0)
    mu = 2 * np.interp(energy - 7.5, ENERGIES, on_paper(2.1))
    spectrum = Spectrum("K", "XANES", 4966.0, none, none, energy, mu, mu, "FEFF", "10", {}, 13.0)
    calls = []

    def compute(self, structure, site_index, scratch):
        calls.append(site_index)
        return spectrum

    monkeypatch.setattr(Feff10Settings, "compute", compute)
    return calls


def curve(spectrum: Spectrum) -> np.ndarray:
    return LEARNED.vector(Inputs({"xanes": spectrum}), LarchSettings())


def test_what_it_is_sure_of_it_says_itself(way, feff, tmp_path):
    spectrum = way(max_error=0.2, program=PROGRAM).compute(TIO, 0, tmp_path)
    simulator = paper_simulator()
    (said,) = simulator.curves(TIO, [0], "Ti")
    assert feff == []
    assert spectrum.expected_error == said.expected_error
    assert (spectrum.program, spectrum.version) == ("exafscn paper", simulator.card.version)
    np.testing.assert_allclose(spectrum.mu, said.values)


@pytest.mark.parametrize(
    ("crystal", "max_error"),
    [(TIO, 1e-6), (rock_salt("Ti", "S", 4.9), 9.0), (rock_salt("Ni", "O", 4.18), 9.0)],
    ids=["doubted", "element", "absorber"],
)
def test_what_it_doubts_is_computed(way, feff, tmp_path, crystal, max_error):
    spectrum = way(max_error=max_error, program=PROGRAM).compute(crystal, 0, tmp_path)
    assert feff == [0]
    assert (spectrum.program, spectrum.seconds, spectrum.expected_error) == ("FEFF", 13.0, None)
    # On one scale with what the model says: energies from the edge, a level of 1.
    np.testing.assert_array_equal(spectrum.energy_rel, ENERGIES)
    assert np.interp(0, spectrum.energy_rel, spectrum.mu) == pytest.approx(0.5, abs=0.03)
    with pytest.raises(ItemFailure, match="not sure of this site") as failure:
        way(max_error=max_error).compute(crystal, 0, tmp_path)
    assert failure.value.kind == "doubted"


def test_its_parameters_are_those_of_its_model(way, tmp_path):
    known = way().parameters()
    assert way(max_error=0.5).parameters() != known
    assert way(program=PROGRAM).parameters() != known
    other = tmp_path / "other.zip"
    other.write_bytes(simulator_file(0.5))
    assert Surrogate(kind="surrogate", model=str(other)).parameters() != known
    same = tmp_path / "elsewhere.zip"
    same.write_bytes(simulator_file())
    assert Surrogate(kind="surrogate", model=str(same)).parameters() == known


def test_a_file_that_changes_is_read_again(way, tmp_path):
    known = way().parameters()
    (tmp_path / "paper.zip").write_bytes(simulator_file(0.5))
    assert way().parameters() != known


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no such file"), (b"no zip", "holds no model")]
)
def test_a_model_that_is_not_there(tmp_path, content, words):
    file = tmp_path / "gone.zip"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=words) as error:
        Surrogate(kind="surrogate", model=str(file)).check()
    assert str(file) in str(error.value)


def test_a_program_that_it_is_itself_is_refused(way):
    with pytest.raises(ValidationError):
        way(program={"kind": "surrogate"})


def test_it_is_a_way_to_spectra():
    assert "surrogate" in {kind_of(one) for one in WAYS}


def test_features_of_what_it_says_are_what_it_said(way, tmp_path):
    spectrum = way(max_error=9.0).compute(TIO, 0, tmp_path)
    inner = replace(spectrum, energy_rel=np.append(ENERGIES, 32), mu=np.append(spectrum.mu, 1))
    assert np.abs(curve(inner) - spectrum.mu).max() < 0.05
