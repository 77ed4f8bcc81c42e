"""XANES by FEFF 10: real runs of a small crystal, and stand-ins for what goes wrong."""

import importlib.util
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import ItemFailure
from exafscn_flows.spectra import Feff10Settings, feff10
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.feff_input import UNLIMITED, feff_input
from exafscn_flows.spectra.process import KilledError
from exafscn_flows.spectra.scratch import sweep_scratch

MakeStages = Callable[..., None]

needs_feff10 = pytest.mark.skipif(
    importlib.util.find_spec("feff10") is None, reason="the package feff10-rs is not here"
)

QUICK = {"FMS": 2.9, "SCF": "1 0 30 0.2 1", "XANES": "3 0.2 0"}
"""Two processor seconds for aluminium."""

ALUMINIUM = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.05), ["Al"], [[0, 0, 0]])


def settings(cards: dict[str, Any] = QUICK, **keys: Any) -> Feff10Settings:
    return Feff10Settings.model_validate({"kind": "feff10", "radius": 4, "cards": cards, **keys})


def compute(structure: Structure, scratch: Path, site_index: int = 0, **keys: Any) -> Spectrum:
    return feff10.compute_spectrum(structure, site_index, settings(**keys), scratch)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def running_in(folder: Path) -> list[psutil.Process]:
    """Processes that work in a folder or below."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def wait_for_none(folder: Path) -> None:
    limit = time.monotonic() + 20
    while running_in(folder):
        assert time.monotonic() < limit
        time.sleep(0.02)


# Real runs


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
    oxide = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.06), ["V", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    spectrum = compute(oxide, scratch)
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


# Stand-ins

HEADER = """\
# # Once                                                         FEFF 10.0.0
# FMS rfms= 4.5000
#  xsedge+ 50, used to normalize mu           2.5137E-04
#  -----------------------------------------------------------------------
#  omega    e    k    mu    mu0     chi     @#
"""


def rows(e0: float = 1560.0, kmax: float = 3.0, step: float = 1.0) -> str:
    k = np.arange(-1.5, kmax, 0.1)
    mu0 = step * (0.5 + np.arctan(5 * k) / np.pi)
    table = zip(e0 + 3.81 * k * abs(k), k, 1.1 * mu0, mu0, strict=True)
    return "".join(
        f"{e:22.10f}{e - e0 - 8:22.10f}{k:22.10f}{mu:22.10E}{mu0:22.10E}{mu - mu0:22.10E}\n"
        for e, k, mu, mu0 in table
    )


def iterations(*numbers: int, converged: bool = True) -> str:
    """Write what pot says about its iterations."""
    lines = [f"{n:4d}     -10.299         0.0001         0.0004     0" for n in numbers]
    if converged:
        lines[-1] = f"{lines[-1][:-1]}1"
    return "\n".join(
        [" # it. E_fermi(eV)  Charge Distance  Partial Chg. D.  Convergence", *lines, ""]
    )


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeStages:
    """Replace the stages of FEFF 10 by shell scripts; those that are not given do what they should.

    In a script, $DATA is a folder with what the real ones write.
    """
    data = tmp_path / "data"
    data.mkdir()
    (data / "good").write_text(iterations(0, 1, 2, 3))
    (data / "out").write_text(iterations(0, 1, 2, 3, converged=False))
    (data / "ends").write_text(iterations(0, 1, 2, converged=False))
    (data / "xmu.dat").write_text(HEADER + rows())

    def make(**scripts: str) -> None:
        given = {"pot": "cp $DATA/good convergence.scf", "ff2x": "cp $DATA/xmu.dat .", **scripts}
        program = tmp_path / "stages.py"
        program.write_text(
            f"import os, subprocess, sys\nos.environ['DATA'] = {str(data)!r}\n"
            f"for stage in sys.argv[1:]:\n    script = {given!r}.get(stage, '')\n"
            "    status = script and subprocess.run(['/bin/sh', '-c', script]).returncode\n"
            "    if status:\n        sys.exit(status if status > 0 else 128 - status)\n"
        )
        monkeypatch.setattr(feff10, "_PROGRAM", program)
        monkeypatch.setattr(feff10, "_why_missing", lambda: "")

    return make


def test_a_run_that_goes_well_is_one_run(stages: MakeStages, scratch: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    names = ("rdinp", "atomic", "xsph", "fms", "mkgtr", "path", "genfmt")
    stages(**{name: f"echo {name} >>{log}" for name in names})
    spectrum = compute(ALUMINIUM, scratch)
    assert tuple(log.read_text().split()) == names
    assert spectrum.e0 == pytest.approx(1560, abs=0.01)
    assert (spectrum.program, spectrum.version) == ("FEFF", "10.0.0")
    assert not any(scratch.iterdir())


def test_feff_gets_cards_potentials_and_a_cluster(
    stages: MakeStages, scratch: Path, tmp_path: Path
) -> None:
    stages(rdinp=f"cp feff.inp {tmp_path}/seen; env >{tmp_path}/env")
    rutile = Structure.from_spacegroup(
        "P4_2/mnm", Lattice.tetragonal(4.594, 2.9586), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
    )
    (tmp_path / "data" / "xmu.dat").write_text(HEADER + rows(e0=4966, kmax=4))
    feff10.compute_spectrum(rutile, 0, Feff10Settings(kind="feff10"), scratch)
    lines = (tmp_path / "seen").read_text().splitlines()
    assert lines[: lines.index("ATOMS")] == [
        "EDGE K",
        "CONTROL 1 1 1 1 1 1",
        "PRINT 0 0 0 0 0 0",
        "COREHOLE FSR",
        "EXCHANGE 0 0 0 2",
        "FMS 4.5",
        "S02 1",
        "SCF 2.8 0 30 0.1 3",
        "XANES 4 0.07 0",
        "POTENTIALS",
        "0 22 Ti 2 2 0.0001",
        "1 8 O 2 2 2",
        "2 22 Ti 2 2 1",
    ]
    assert lines[-1] == "END"
    atoms = [line.split()[:3] for line in lines[lines.index("ATOMS") + 1 : -1]]
    farthest = np.linalg.norm(np.array(atoms, dtype=float), axis=1).max()
    assert 8.5 < farthest <= 9


def test_feff_runs_on_one_core_and_sees_no_keys(
    stages: MakeStages, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://user:secret@host/x")
    monkeypatch.setenv("MP_API_KEY", "secret")
    stages(rdinp=f"env >{tmp_path}/env")
    compute(ALUMINIUM, scratch)
    env = (tmp_path / "env").read_text()
    assert "secret" not in env
    assert "OMP_NUM_THREADS=1\n" in env
    assert "MKL_NUM_THREADS=1\n" in env


def test_screening_needs_a_stage_of_its_own(
    stages: MakeStages, scratch: Path, tmp_path: Path
) -> None:
    stages(screen=f"echo >>{tmp_path}/screened")
    compute(ALUMINIUM, scratch)
    assert not (tmp_path / "screened").exists()
    compute(ALUMINIUM, scratch, cards={**QUICK, "COREHOLE": "RPA"})
    assert (tmp_path / "screened").exists()


BUSY = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"


@pytest.mark.parametrize(
    "first",
    [
        "cp $DATA/out convergence.scf",
        "cp $DATA/good convergence.scf; echo ' Found bad counts.'",
        "cp $DATA/ends convergence.scf; exit 1",
    ],
)
def test_potentials_that_do_not_converge_are_tried_again_with_slower_mixing(
    stages: MakeStages, scratch: Path, tmp_path: Path, first: str
) -> None:
    pot = (
        f"[ ! -e convergence.scf ] || exit 1; grep SCF feff.inp >>{tmp_path}/seen;"
        f"if grep -q 'SCF 1 0 30 0.2 1' feff.inp; then {BUSY}; {first};"
        "else cp $DATA/good convergence.scf; fi"
    )
    stages(pot=pot)
    spectrum = compute(ALUMINIUM, scratch)
    assert (tmp_path / "seen").read_text() == "SCF 1 0 30 0.2 1\nSCF 1 0 30 0.05 1\n"
    assert spectrum.cards["SCF"] == "1 0 30 0.05 1"
    assert not any(scratch.iterdir())
    # The time of the first counts.
    stages()
    assert spectrum.seconds > compute(ALUMINIUM, scratch).seconds + 0.02


@pytest.mark.parametrize(
    ("scf", "mixings"),
    [
        ("3", ["3", "3 0 30 0.05"]),
        ("3 1 50", ["3 1 50", "3 1 50 0.05"]),
        ("3 0 30 0.2 5 -40 0", ["3 0 30 0.2 5 -40 0", "3 0 30 0.05 5 -40 0"]),
        ("3 0 30 0.05 1", ["3 0 30 0.05 1"]),
        ("3 0 30 0.01 1", ["3 0 30 0.01 1"]),
    ],
)
def test_only_mixing_is_slower_in_the_second_try(scf: str, mixings: list[str]) -> None:
    assert [cards["SCF"] for cards in feff10._mixings({"SCF": scf})] == mixings


@pytest.mark.parametrize(
    ("scripts", "kind", "message"),
    [
        (
            {"pot": "cp $DATA/out convergence.scf"},
            "feff_no_convergence",
            "potentials: not in 3 iterations; with slower mixing, not in 3 iterations",
        ),
        (
            {"pot": "cp $DATA/good convergence.scf; echo ' Found bad counts.'"},
            "feff_no_convergence",
            "potentials: electrons were missing before iteration 3; with slower mixing, electrons",
        ),
        (
            {"pot": "cp $DATA/ends convergence.scf; exit 1"},
            "feff_no_convergence",
            "potentials: pot failed after iteration 2; with slower mixing, pot failed after",
        ),
        (
            {"pot": "cp $DATA/ends convergence.scf; kill -SEGV $$"},
            "feff_died",
            "FEFF 10 was killed by signal 11",
        ),
        ({"pot": "head -n 1 $DATA/ends >convergence.scf; exit 1"}, "feff_no_output", "FEFF 10: it"),
        ({"atomic": "echo no such atom; exit 1"}, "feff_no_output", "FEFF 10: no such atom"),
        ({"pot": "exit 0"}, "feff_no_output", "pot wrote no list of iterations"),
        ({"pot": "echo >convergence.scf"}, "feff_no_output", "pot wrote no list of iterations"),
        (
            {"pot": "sed 's/^   3/  **/' $DATA/good >convergence.scf"},
            "feff_no_output",
            "pot wrote no list of iterations",
        ),
        ({"xsph": "echo \"stage 'xsph' failed\"; exit 1"}, "feff_no_output", "stage 'xsph' failed"),
        ({"fms": "kill -SEGV $$"}, "feff_died", "FEFF 10 was killed by signal 11"),
        ({"fms": "kill -KILL $$"}, "feff_killed", "killed by signal 9 in 4 runs"),
        ({"ff2x": "exit 0"}, "feff_no_output", "FEFF 10 wrote no xmu.dat"),
        ({"ff2x": ": >xmu.dat"}, "feff_no_output", "FEFF 10 wrote no xmu.dat"),
        ({"ff2x": "echo rubbish >xmu.dat"}, "feff_incomplete", "not a whole table"),
        (
            {"ff2x": "cp $DATA/xmu.dat .; truncate -s -30 xmu.dat"},
            "feff_incomplete",
            "not a whole table",
        ),
        ({"ff2x": "head -n 30 $DATA/xmu.dat >xmu.dat"}, "feff_incomplete", "ends at k = 0.9/Å"),
        (
            {"ff2x": "sed '20s/[0-9.]*E[-+0-9]*/NaN/' $DATA/xmu.dat >xmu.dat"},
            "feff_not_finite",
            "NaN",
        ),
    ],
)
def test_broken_run_is_a_failure_of_its_site(
    stages: MakeStages, scratch: Path, scripts: dict[str, str], kind: str, message: str
) -> None:
    stages(**scripts)
    with pytest.raises(ItemFailure) as error:
        compute(ALUMINIUM, scratch)
    assert error.value.kind == kind
    assert message in error.value.message
    assert "\n" not in error.value.message
    assert str(scratch) not in error.value.message
    assert error.value.hint
    assert not any(scratch.iterdir())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"e0": 1860}, "e0 is 1860 eV, and the K edge of Al is at 15"),
        ({"step": 0.3}, "the edge step is 0.32"),
        ({"step": -1.0}, "the edge step is -1"),
    ],
)
def test_nonsense_is_no_spectrum(
    stages: MakeStages, scratch: Path, tmp_path: Path, changes: dict[str, float], message: str
) -> None:
    stages()
    (tmp_path / "data" / "xmu.dat").write_text(HEADER + rows(**changes))
    with pytest.raises(ItemFailure, match=message) as error:
        compute(ALUMINIUM, scratch)
    assert error.value.kind == "bad_spectrum"


def test_a_stage_that_hangs_is_ended_with_all_that_it_started(
    stages: MakeStages, scratch: Path
) -> None:
    stages(pot="sleep 60 & sleep 60")
    with pytest.raises(ItemFailure, match=r"did not end within 0.5 s") as error:
        compute(ALUMINIUM, scratch, time_limit=0.5)
    assert error.value.kind == "feff_timeout"
    wait_for_none(scratch)


def test_both_tries_share_the_time_limit(stages: MakeStages, scratch: Path) -> None:
    stages(pot="sleep 0.6; cp $DATA/out convergence.scf")
    with pytest.raises(ItemFailure) as error:
        compute(ALUMINIUM, scratch, time_limit=1)
    assert error.value.kind == "feff_timeout"


@pytest.mark.parametrize("site_index", [0, 1])
def test_two_atoms_on_one_spot_are_refused_before_feff_runs(
    stages: MakeStages, scratch: Path, tmp_path: Path, site_index: int
) -> None:
    stages(rdinp=f"touch {tmp_path}/run")
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]
    structure = Structure(Lattice.cubic(3.2), ["Al", "O", "O"], sites)
    with pytest.raises(ItemFailure, match=r"an atom 0\.00 Å from") as error:
        compute(structure, scratch, site_index=site_index)
    assert error.value.kind == "overlapping_atoms"
    assert not (tmp_path / "run").exists()
