"""Another FEFF than the one that comes along."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Structure

from exafscn_flows.errors import CampaignError, ItemFailure, UsageError
from exafscn_flows.spectra import feff
from exafscn_flows.spectra.feff import compute_spectrum
from exafscn_flows.spectra.settings import FeffSettings

Script = Callable[[str], str]

SIX = "for p in rdinp pot xsph pathfinder genfmt ff2x; do {home}/feff8l_$p || exit 1; done"

XANES = {"XANES": "3.7 0.04 0.1", "FMS": "6 0", "SCF": "4.5 0 30 0.2 1", "COREHOLE": "FSR"}

# What FEFF 9 writes: its own header, and energies from below the edge on.
FEFF9_HEADER = """\
# # Null title                                                   FEFF 9.6.4
# # POT  SCF  30  4.5000   0, core-hole, AFOLP (folp(0)= 1.150)
# FMS rfms= 6.0000
#     0/   0 paths used
#  xsedge+ 50, used to normalize mu           4.6001E-03
#  -----------------------------------------------------------------------
#  omega    e    k    mu    mu0     chi     @#
"""


def xanes_rows(e0: float = 8979.0) -> str:
    k = np.arange(-0.8, 3.73, 0.04)
    mu0 = 0.5 + np.arctan(5 * k) / np.pi
    rows = zip(e0 + 3.81 * k * abs(k), k, mu0 * 1.1, mu0, strict=True)
    return "".join(
        f" {e:11.3f}{e - e0 - 8:11.3f}{k:8.3f}{mu:13.5E}{mu0:13.5E}{mu - mu0:13.5E}\n"
        for e, k, mu, mu0 in rows
    )


@pytest.fixture
def script(tmp_path: Path) -> Script:
    def write(text: str) -> str:
        program = tmp_path / "my feff"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        return f"'{program}'"

    return write


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def feff9(tmp_path: Path, script: Script) -> str:
    """Stand-in for FEFF 9: keeps its input and writes what FEFF 9 writes for XANES."""
    (tmp_path / "xmu.dat").write_text(FEFF9_HEADER + xanes_rows())
    return script(f"cp feff.inp {tmp_path}/seen; cp {tmp_path}/xmu.dat .; echo ' FEFF 9.6.4'")


def test_the_six_programs_in_a_script_give_what_they_give_one_by_one(
    copper: Structure, script: Script, scratch: Path
) -> None:
    home = feff._home()
    cards = {"RPATH": 5}
    command = script(f"export LD_LIBRARY_PATH={home}\n" + SIX.format(home=home))
    ours = compute_spectrum(copper, 0, FeffSettings(cards=cards), scratch)
    theirs = compute_spectrum(copper, 0, FeffSettings(cards=cards, command=command), scratch)
    for name in ("e0", "k", "chi", "energy_rel", "mu", "mu0"):
        np.testing.assert_array_equal(getattr(theirs, name), getattr(ours, name))
    assert (theirs.program, theirs.version) == (ours.program, ours.version)
    assert (theirs.cards, theirs.spectrum_type) == (ours.cards, "EXAFS")
    # The processor time is that of the programs, not of the shell.
    assert theirs.seconds == pytest.approx(ours.seconds, rel=0.5)
    assert not any(scratch.iterdir())


def test_xanes_of_feff_9(copper: Structure, feff9: str, tmp_path: Path, scratch: Path) -> None:
    settings = FeffSettings(command=feff9, cards=dict(XANES))
    spectrum = compute_spectrum(copper, 0, settings, scratch)
    assert (spectrum.spectrum_type, spectrum.edge) == ("XANES", "K")
    assert spectrum.k.shape == spectrum.chi.shape == (0,)
    assert spectrum.e0 == pytest.approx(8979.0, abs=0.01)
    assert spectrum.energy_rel[0] == pytest.approx(-3.81 * 0.64, abs=0.01)
    assert spectrum.energy_rel[-1] == pytest.approx(3.81 * 3.72**2, abs=0.01)
    np.testing.assert_allclose(spectrum.mu, 1.1 * spectrum.mu0, rtol=1e-4)
    assert (spectrum.program, spectrum.version) == ("FEFF", "9.6.4")
    lines = (tmp_path / "seen").read_text().splitlines()
    cards = lines[: lines.index("POTENTIALS")]
    assert cards == [
        "EDGE K",
        "CONTROL 1 1 1 1 1 1",
        "PRINT 0 0 0 0 0 0",
        "COREHOLE FSR",
        "FMS 6 0",
        "SCF 4.5 0 30 0.2 1",
        "XANES 3.7 0.04 0.1",
    ]


@pytest.mark.parametrize(
    ("cards", "radius"), [({"FMS": 6}, 6), ({"SCF": 9}, 9), ({"RPATH": 7.5, "SCF": 3}, 7.5)]
)
def test_the_cluster_covers_the_largest_radius(
    copper: Structure,
    feff9: str,
    tmp_path: Path,
    scratch: Path,
    cards: dict[str, float],
    radius: float,
) -> None:
    compute_spectrum(copper, 0, FeffSettings(command=feff9, cards={**XANES, **cards}), scratch)
    lines = (tmp_path / "seen").read_text().splitlines()
    atoms = [line.split()[:3] for line in lines[lines.index("ATOMS") + 1 : -1]]
    distances = np.linalg.norm(np.array(atoms, dtype=float), axis=1)
    assert radius + 2 - 1 < distances.max() <= radius + 2


def test_limits_of_feff_8_do_not_hold(
    copper: Structure, feff9: str, tmp_path: Path, scratch: Path
) -> None:
    cards = {**XANES, "FMS": 16}
    compute_spectrum(copper, 0, FeffSettings(command=feff9, cards=cards), scratch)
    assert len((tmp_path / "seen").read_text().splitlines()) > 1400


def test_exafs_without_chi_dat_takes_chi_of_xmu_dat(
    copper: Structure, script: Script, scratch: Path
) -> None:
    home = feff._home()
    cards = {"RPATH": 5}
    six = f"export LD_LIBRARY_PATH={home}\n" + SIX.format(home=home)
    command = script(f"{six}; rm chi.dat")
    ours = compute_spectrum(copper, 0, FeffSettings(cards=cards), scratch)
    theirs = compute_spectrum(copper, 0, FeffSettings(cards=cards, command=command), scratch)
    np.testing.assert_allclose(theirs.k, ours.k, atol=1e-3)
    np.testing.assert_allclose(theirs.chi, ours.chi, rtol=1e-5, atol=1e-7)


def failing(copper: Structure, scratch: Path, command: str, limit: float = 20) -> ItemFailure:
    settings = FeffSettings(command=command, cards=dict(XANES), time_limit=limit)
    with pytest.raises(ItemFailure) as error:
        compute_spectrum(copper, 0, settings, scratch)
    assert not any(scratch.iterdir())
    assert "\n" not in error.value.message
    assert str(scratch) not in error.value.message
    assert error.value.hint
    return error.value


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("echo; echo ' Fatal error in rdinp'; exit 0", "feff_no_output", "Fatal error in rdinp"),
        (": >xmu.dat", "feff_no_output", "wrote no xmu.dat"),
        ("echo 1 >xmu.dat; exit 3", "feff_no_output", "ended with exit status 3"),
        ("kill -SEGV $$", "feff_died", "killed by signal 11"),
        ("echo '#  omega    e    k @#' >xmu.dat", "feff_incomplete", "not a whole table"),
        ("cp {folder}/xmu.dat .; truncate -s -30 xmu.dat", "feff_incomplete", "not a whole table"),
        ("sed '30s/E-0/E-x/' {folder}/xmu.dat >xmu.dat", "feff_not_finite", "NaN"),
    ],
)
def test_what_went_wrong_is_told(
    copper: Structure,
    feff9: str,
    script: Script,
    tmp_path: Path,
    scratch: Path,
    text: str,
    kind: str,
    message: str,
) -> None:
    failure = failing(copper, scratch, script(text.format(folder=tmp_path)))
    assert failure.kind == kind
    assert message in failure.message


def test_time_limit_ends_the_script_and_its_programs(
    copper: Structure, script: Script, scratch: Path
) -> None:
    start = time.monotonic()
    failure = failing(copper, scratch, script("sleep 60 & sleep 60; true"), limit=0.5)
    assert failure.kind == "feff_timeout"
    assert "did not end within 0.5 s" in failure.message
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("/nowhere/feff9 -x", "there is no program /nowhere/feff9: install it"),
        ("feff-that-nobody-has", "there is no program feff-that-nobody-has"),
        ("/bin/sh -c 'feff-that-nobody-has'", "/bin/sh does not start on this machine: "),
    ],
)
def test_a_program_that_is_missing_ends_the_campaign(
    copper: Structure, scratch: Path, command: str, message: str
) -> None:
    with pytest.raises(CampaignError) as error:
        compute_spectrum(copper, 0, FeffSettings(command=command, name="of_feff9"), scratch)
    assert str(error.value).startswith(f"command of spectrum of_feff9: {message}")
    assert "\n" not in str(error.value)
    assert not any(scratch.iterdir())


def test_a_program_that_is_missing_is_noticed_before_anything_is_fetched() -> None:
    FeffSettings(command="/bin/sh feff9").check()
    missing = "^command of spectrum exafs: there is no program /nowhere/feff9: "
    with pytest.raises(UsageError, match=missing):
        FeffSettings(command="/nowhere/feff9").check()


def test_what_is_no_program_is_told(
    copper: Structure, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(command: str) -> str:
        with pytest.raises(CampaignError) as error:
            compute_spectrum(copper, 0, FeffSettings(command=command), scratch)
        assert "\n" not in str(error.value)
        return str(error.value).removeprefix("command of spectrum exafs: ")

    program = tmp_path / "my feff9"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o644)
    advice = f"{program} is not executable: run chmod +x '{program}'"
    assert told(f"'{program}' -x") == advice
    assert told(str(tmp_path)) == f"{tmp_path} is a folder: give the path of a program in it"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert told("'my feff9'") == advice
    # Only what is on PATH goes by its name alone.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    assert told("folder").startswith("there is no program folder: install it")


def test_the_command_gets_arguments_and_environment_but_no_keys(
    copper: Structure,
    feff9: str,
    tmp_path: Path,
    scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FEFF_LICENCE", "here")
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://user:secret@host/x")
    for name in ("MP_API_KEY", "PMG_MAPI_KEY", "MAPI_KEY"):
        monkeypatch.setenv(name, "secret")
    # A shell would make two commands of it, and a number of $$.
    code = f'env >{tmp_path}/env; echo "$1" >{tmp_path}/argument; cp {tmp_path}/xmu.dat .'
    command = f"/bin/sh -c '{code}' sh 'a; $$ b'"
    settings = FeffSettings(command=command, cards=dict(XANES))
    compute_spectrum(copper, 0, settings, scratch)
    env = (tmp_path / "env").read_text()
    assert "FEFF_LICENCE=here" in env
    assert f"PATH={os.environ['PATH']}" in env
    assert "secret" not in env
    assert (tmp_path / "argument").read_text() == "a; $$ b\n"
