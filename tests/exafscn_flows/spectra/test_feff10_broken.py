"""XANES by FEFF 10 where stages do what they should not; needs no FEFF 10."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from aluminium import ALUMINIUM, QUICK, compute, settings, wait_for_none
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import ItemFailure
from exafscn_flows.spectra import Feff10Settings, feff10

MakeStages = Callable[..., None]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


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
    # Valence electrons of aluminium: two 3s, one 3p.
    (data / "free").write_text(f"  0 13 Al 2 2 2 4 2 1{' 0' * 34}\n 0 0 0 0 2 1{' 0' * 34}\n")

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


def test_feff_runs_on_one_core_keeps_its_memory_and_sees_no_keys(
    stages: MakeStages, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://user:secret@host/x")
    monkeypatch.setenv("MP_API_KEY", "secret")
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")  # by Dask, for its workers
    stages(rdinp=f"env >{tmp_path}/env")
    compute(ALUMINIUM, scratch)
    env = (tmp_path / "env").read_text()
    assert "secret" not in env
    assert "MALLOC" not in env
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
        "cp $DATA/good convergence.scf; cp $DATA/free config.dat; echo '     0     1    6.500'",
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


LOST = "cp $DATA/good convergence.scf; echo ' Found bad counts.'"


def test_core_and_valence_are_parted_elsewhere_where_electrons_were_missing(
    stages: MakeStages, scratch: Path
) -> None:
    good = "cp $DATA/good convergence.scf"
    stages(pot=f"if grep -q 'CORVAL -60' feff.inp; then {good}; else {LOST}; fi")
    cards = compute(ALUMINIUM, scratch).cards
    assert cards == {**settings().feff_cards(), "CORVAL": "-60"}


def test_a_parting_that_is_given_is_kept(stages: MakeStages, scratch: Path, tmp_path: Path) -> None:
    stages(pot=f"grep -E 'SCF|CORVAL' feff.inp >>{tmp_path}/seen; {LOST}")
    with pytest.raises(ItemFailure, match=r"with SCF 1 0 30 0.05 1 and CORVAL -90, electrons"):
        compute(ALUMINIUM, scratch, cards={**QUICK, "CORVAL": -90})
    seen = (tmp_path / "seen").read_text().split("\n")
    assert seen == ["CORVAL -90", "SCF 1 0 30 0.2 1", "CORVAL -90", "SCF 1 0 30 0.05 1", ""]


@pytest.mark.parametrize(
    ("scf", "slower", "quicker"),
    [
        ("3", ["3 0 30 0.05"], []),
        ("3 1 50", ["3 1 50 0.05"], []),
        ("3 0 30 0.2 5 -40 0", ["3 0 30 0.05 5 -40 0"], ["3 0 30 0.2 1 -40 0"]),
        ("2.8 0 30 0.1 3", ["2.8 0 30 0.05 3"], ["2.8 0 30 0.2 1"]),
        ("3 0 30 0.05 1", [], ["3 0 30 0.2 1"]),
        ("3 0 30 0.01 1", [], ["3 0 30 0.2 1"]),
    ],
)
def test_mixing_is_slower_then_quicker_and_only_then_the_parting_is_another(
    scf: str, slower: list[str], quicker: list[str]
) -> None:
    plain = [{"SCF": one} for one in (scf, *slower)]
    parted = [{**one, "CORVAL": "-60"} for one in plain]
    assert feff10._attempts({"SCF": scf}) == [*plain, *({"SCF": one} for one in quicker), *parted]


@pytest.mark.parametrize(
    ("scripts", "kind", "message"),
    [
        (
            {"pot": "cp $DATA/out convergence.scf"},
            "feff_no_convergence",
            "potentials: with SCF 1 0 30 0.2 1, not in 3 iterations; with SCF 1 0 30 0.05 1, not",
        ),
        (
            {"pot": LOST},
            "feff_no_convergence",
            "potentials: with SCF 1 0 30 0.2 1, electrons were missing",
        ),
        (
            {"pot": "cp $DATA/ends convergence.scf; exit 1"},
            "feff_no_convergence",
            "with SCF 1 0 30 0.05 1, pot failed after iteration 2",
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
        ({"fms": "kill -KILL $$"}, "feff_killed", "was killed by signal 9 in 4 runs"),
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
