"""XANES by FEFF 10: real runs of small crystals."""

import importlib.util
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from aluminium import ALUMINIUM, compute, running_in, settings, wait_for_none
from crystals import rock_salt
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import ItemFailure
from exafscn_flows.spectra import feff10
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.feff10_potentials import electrons, free_atom
from exafscn_flows.spectra.feff_input import UNLIMITED, feff_input
from exafscn_flows.spectra.process import KilledError
from exafscn_flows.spectra.scratch import sweep_scratch

needs_feff10 = pytest.mark.skipif(
    importlib.util.find_spec("feff10") is None, reason="the package feff10-rs is not here"
)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def xanes(tmp_path_factory: pytest.TempPathFactory) -> Spectrum:
    folder = tmp_path_factory.mktemp("scratch")
    spectrum = compute(ALUMINIUM, folder)
    assert not any(folder.iterdir())
    assert not running_in(folder)
    return spectrum


@needs_feff10
def test_xanes_of_aluminium_is_physical(xanes: Spectrum) -> None:
    assert xanes.e0 == pytest.approx(1559.6, abs=5)  # xraydb
    assert (xanes.edge, xanes.spectrum_type) == ("K", "XANES")
    assert (xanes.program, xanes.version) == ("FEFF", "10.0.0")
    assert xanes.k.shape == xanes.chi.shape == (0,)
    assert (np.diff(xanes.energy_rel) > 0).all()
    # FEFF's grid ends half a step before k = 3/Å: E - E0 = 3.81 k².
    assert 27 < xanes.energy_rel[-1] < 35
    assert (xanes.mu[xanes.energy_rel < -15] < 0.05).all()
    top = xanes.energy_rel[np.argmax(xanes.mu)]
    assert 0 < top < 20
    assert 1 < xanes.mu.max() < 2
    # Normalised at 50 eV, and the free atom has no white line.
    assert xanes.mu0[-1] == pytest.approx(1, abs=0.15)
    assert xanes.mu0.max() < xanes.mu.max()
    assert 0.2 < xanes.seconds < 60
    assert xanes.cards == settings().feff_cards()


@needs_feff10
def test_two_runs_are_equal_to_the_last_digit(xanes: Spectrum, scratch: Path) -> None:
    again = compute(ALUMINIUM * (2, 1, 1), scratch, site_index=1)
    for name in ("energy_rel", "mu", "mu0"):
        np.testing.assert_array_equal(getattr(again, name), getattr(xanes, name))
    assert again.e0 == xanes.e0


@needs_feff10
def test_electrons_of_aluminium_are_those_of_the_free_atom(scratch: Path) -> None:
    text = feff_input(ALUMINIUM, 0, settings().feff_cards(), UNLIMITED, reach=4.0, lmax=2)
    (scratch / "feff.inp").write_text(text)
    run = feff10._run(scratch, feff10._POTENTIALS, deadline=time.monotonic() + 60, time_limit=60)
    free, found = free_atom(scratch), electrons(run.log)
    assert {potential for potential, _ in found} == {0, 1}
    # Potential 0 has a core hole, which one more valence electron screens.
    for potential, valence in ((0, 4), (1, 3)):
        assert sum(free[potential, one] for one in range(3)) == pytest.approx(valence, abs=0.01)
        assert sum(found[potential, one] for one in range(3)) == pytest.approx(valence, abs=0.4)


@needs_feff10
def test_what_is_written_is_what_feff_reads(scratch: Path) -> None:
    text = feff_input(ALUMINIUM, 0, settings().feff_cards(), UNLIMITED, reach=9.0, lmax=2)
    (scratch / "feff.inp").write_text(text)
    deadline = time.monotonic() + 60
    feff10._run(scratch, ("rdinp",), deadline=deadline, time_limit=60)
    assert (scratch / "feff.inp").read_text() == text
    atoms = text[text.index("ATOMS") :].splitlines()[1:-1]
    # 12 atoms in each shell of fcc up to 4 Å, and 9 Å holds 183 of 66.4/4 Å³.
    assert len(atoms) == pytest.approx(4 / 3 * np.pi * 9**3 / 16.6, rel=0.05)
    table = (scratch / "geom.dat").read_text().splitlines()
    assert len([line for line in table if len(line.split()) == 6]) == len(atoms)


@needs_feff10
def test_a_stage_that_fails_is_named(scratch: Path) -> None:
    (scratch / "feff.inp").write_text(
        feff_input(ALUMINIUM, 0, settings().feff_cards(), UNLIMITED, lmax=2)
    )
    deadline = time.monotonic() + 60
    ended = feff10._run(scratch, ("rdinp", "xsph"), deadline=deadline, time_limit=60)
    with pytest.raises(ItemFailure) as error:  # there is no pot.bin
        feff10._check(ended)
    assert error.value.kind == "feff_no_output"
    assert error.value.message.startswith("FEFF 10: stage 'xsph' failed (exit code: 29)")
    assert "\n" not in error.value.message


@needs_feff10
def test_somebody_elses_kill_of_a_worker_is_told_apart(scratch: Path) -> None:
    (scratch / "feff.inp").write_text(
        feff_input(ALUMINIUM, 0, settings().feff_cards(), UNLIMITED, lmax=2)
    )

    def kill() -> None:
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            for process in running_in(scratch):
                if "feff10._worker" in process.cmdline():
                    process.kill()
                    return
            time.sleep(0.01)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(KilledError, match="killed by signal 9"):
        feff10._run(scratch, feff10._POTENTIALS, deadline=time.monotonic() + 60, time_limit=60)
    killer.join()
    assert not running_in(scratch)


@needs_feff10
def test_time_limit_ends_the_worker(scratch: Path) -> None:
    start = time.monotonic()
    with pytest.raises(ItemFailure) as error:
        compute(ALUMINIUM, scratch, time_limit=0.6)
    assert error.value.kind == "feff_timeout"
    assert "did not end within 0.6 s" in error.value.message
    assert time.monotonic() - start < 10
    wait_for_none(scratch)
    assert not any(scratch.iterdir())


@needs_feff10
@pytest.mark.engine
def test_sites_that_differ_have_spectra_that_differ(scratch: Path) -> None:
    # A perovskite of one metal: six O around one site, twelve around the other.
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    perovskite = Structure(Lattice.cubic(3.8), ["Al", "Al", "O", "O", "O"], sites)
    first, second = (compute(perovskite, scratch, site_index=i) for i in (0, 1))
    mu = np.interp(first.energy_rel, second.energy_rel, second.mu)
    assert np.abs(first.mu - mu).max() > 0.1


@needs_feff10
@pytest.mark.engine
def test_slower_mixing_finds_potentials_where_faster_did_not(scratch: Path) -> None:
    spectrum = compute(rock_salt("V", "O", 4.06), scratch)
    assert spectrum.cards["SCF"] == "1 0 30 0.05 1"
    assert spectrum.e0 == pytest.approx(5465, abs=10)  # xraydb


PARENT = """
import sys
from pathlib import Path
from pymatgen.core import Structure
from exafscn_flows.spectra import Feff10Settings
way = Feff10Settings.model_validate_json(sys.argv[2])
print("ready", flush=True)
way.compute(Structure.from_str(sys.argv[3], fmt="json"), 0, Path(sys.argv[1]))
"""


@needs_feff10
@pytest.mark.engine
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_runs_on_without_its_parent(
    scratch: Path, number: signal.Signals, seed: int
) -> None:
    command = [sys.executable, "-c", PARENT, str(scratch), settings().model_dump_json()]
    command.append(ALUMINIUM.to_json())
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    time.sleep(random.Random(seed).uniform(0, 3))
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    wait_for_none(scratch)
    sweep_scratch(scratch)
    assert not any(scratch.iterdir())
