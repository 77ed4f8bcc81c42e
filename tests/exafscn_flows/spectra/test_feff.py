import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.spectra import feff, feff_input
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.feff import compute_spectrum
from exafscn_flows.spectra.settings import FeffSettings

MakeFeff = Callable[..., None]

# Beside the checkout, for those who have it.
INDEPENDENT = Path(__file__).parents[4] / "shared/data/exafs/feff8l_sites.parquet"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def spectrum(copper: Structure, scratch: Path) -> Spectrum:
    return compute_spectrum(copper, 0, FeffSettings(), scratch)


def first_shell(spectrum: Spectrum) -> float:
    """R, Å, where |FT(k^2 chi)| is largest."""
    k = np.arange(3, 15, 0.05)
    signal = k**2 * np.interp(k, spectrum.k, spectrum.chi) * np.hanning(len(k))
    r = np.arange(1, 6, 0.005)
    return float(r[np.argmax(np.abs(np.exp(2j * np.outer(r, k)) @ signal))])


def test_copper_peaks_at_its_first_shell_less_the_phase_shift(spectrum: Spectrum) -> None:
    # 2.553 Å; the phase of Cu on Cu takes off 0.2-0.4 Å (Teo, EXAFS, 1986).
    assert 2.15 < first_shell(spectrum) < 2.4


def test_longer_bond_moves_the_peak_as_far(
    spectrum: Spectrum, copper: Structure, scratch: Path
) -> None:
    longer = copper.copy()
    longer.apply_strain(0.04)
    moved = first_shell(compute_spectrum(longer, 0, FeffSettings(), scratch))
    assert moved - first_shell(spectrum) == pytest.approx(0.04 * 2.5527, abs=0.02)


def test_spectrum_of_copper_is_physical(spectrum: Spectrum, scratch: Path) -> None:
    assert spectrum.e0 == pytest.approx(8979, abs=10)  # xraydb: 8979 eV
    np.testing.assert_allclose(np.diff(spectrum.k), 0.05, atol=1e-3)
    assert spectrum.k[-1] == pytest.approx(20)
    # A free electron: E - e0 = 3.81 k^2.
    assert np.interp(10, spectrum.k, spectrum.energy_rel) == pytest.approx(381, abs=0.5)
    beyond = spectrum.energy_rel > 100
    # FEFF normalises at 50 eV; from there the absorption of an atom falls.
    assert np.interp(50, spectrum.energy_rel, spectrum.mu0) == pytest.approx(1, abs=0.02)
    assert (np.diff(spectrum.mu0[beyond]) < 0).all()
    oscillation = (spectrum.mu - spectrum.mu0)[beyond]
    assert np.corrcoef(oscillation, spectrum.chi[-len(oscillation) :])[0, 1] > 0.99
    assert 0.1 < spectrum.seconds < 10
    assert (spectrum.edge, spectrum.program) == ("K", "Feff8L (EXAFS)")
    assert spectrum.version == "0.1"
    assert spectrum.cards == FeffSettings().feff_cards()
    assert not any(scratch.iterdir())


def test_files_that_may_not_become_larger_are_no_failure_of_the_site(
    copper: Structure, tmp_path: Path, small_files: None
) -> None:
    with pytest.raises(CampaignError, match="the size of files is limited here, to 40 kB"):
        compute_spectrum(copper, 0, FeffSettings(), tmp_path)
    assert not any(tmp_path.iterdir())


def test_two_runs_are_equal_to_the_last_digit(
    spectrum: Spectrum, copper: Structure, scratch: Path
) -> None:
    again = compute_spectrum(copper * (2, 1, 1), 1, FeffSettings(), scratch)
    for name in ("k", "chi", "energy_rel", "mu", "mu0"):
        assert np.array_equal(getattr(again, name), getattr(spectrum, name))
    assert again.e0 == spectrum.e0


def test_cards_reach_feff(spectrum: Spectrum, copper: Structure, scratch: Path) -> None:
    half = compute_spectrum(copper, 0, FeffSettings(cards={"S02": 0.5}), scratch)
    np.testing.assert_allclose(half.chi, spectrum.chi / 2, rtol=1e-3, atol=1e-6)


def failing(structure: Structure, scratch: Path, **settings: float) -> ItemFailure:
    before = set(psutil.Process().children())  # other tests may have left some
    with pytest.raises(ItemFailure) as error:
        compute_spectrum(structure, 0, FeffSettings(**settings), scratch)
    assert not any(scratch.iterdir())
    assert set(psutil.Process().children()) <= before
    assert "\n" not in error.value.message
    assert str(scratch) not in error.value.message
    return error.value


HYDRIDE = Structure.from_spacegroup(
    "Pm-3m", Lattice.cubic(2.6), ["Fe", "H"], [[0, 0, 0], [0.5, 0.5, 0]]
)


def test_run_that_never_ends_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # FEFF's pot never ends where hydrogen is equally far from several atoms.
    monkeypatch.setattr(feff_input, "_without_ties", lambda coords, _numbers: coords)
    failure = failing(HYDRIDE, tmp_path, time_limit=1)
    assert failure.kind == "feff_timeout"
    assert "pot did not end within 1 s" in failure.message


def test_hydrogen_between_atoms_does_not_hang_feff(scratch: Path) -> None:
    spectrum = compute_spectrum(HYDRIDE, 0, FeffSettings(time_limit=20), scratch)
    assert spectrum.chi.any()


def test_hydrogen_too_near_its_oxygen_does_not_spoil_the_spectrum(scratch: Path) -> None:
    # Left where X-rays put it, chi at 0.7 Å is ten times too large.
    def chi(bond: float) -> np.ndarray:
        coords = [[0, 0, 0], [1.95, 0, 0], [-1.95, 0, 0], [0, 1.95, 0], [0, -1.95, 0]]
        coords.append([1.95 + 0.6 * bond, 0.8 * bond, 0])
        structure = Structure(Lattice.cubic(7), ["Cu", *"OOOOH"], coords, coords_are_cartesian=True)
        spectrum = compute_spectrum(structure, 0, FeffSettings(cards={"RPATH": 4}), scratch)
        return np.interp(np.arange(3, 12, 0.05), spectrum.k, spectrum.chi)

    neutrons = chi(0.98)
    assert abs(chi(0.7) - neutrons).sum() < 0.05 * abs(neutrons).sum()


@pytest.mark.parametrize(
    ("scripts", "kind", "message"),
    [
        ({"pot": "exit 0"}, "feff_no_output", "pot did not finish: it printed nothing"),
        ({"pot": "kill -SEGV $$"}, "feff_died", "pot was killed by signal 11"),
        ({"pot": "kill -KILL $$"}, "feff_killed", "pot was killed by signal 9 in 4 runs"),
        ({"xsph": "echo ' Too many  things'; echo STOP"}, "feff_no_output", "Too many things"),
        ({"genfmt": "echo At line 3; echo x >list.dat; echo x >feff.pad"}, "feff_no_output", "At"),
        (
            # Cut between two paths, as a full disk may do: genfmt does not see it.
            {"pathfinder": "$REAL/feff8l_pathfinder; head -n 43 paths.dat >p; mv p paths.dat"},
            "feff_incomplete",
            "did not examine every path",
        ),
        ({"ff2x": "echo Done with module 6"}, "feff_no_output", "ff2x did not finish"),
        (
            {"ff2x": "$REAL/feff8l_ff2x; sed -i '200,$s/[0-9.]*E[-+0-9]*/NaN/' chi.dat"},
            "feff_not_finite",
            "chi.dat",
        ),
        (
            {"ff2x": "$REAL/feff8l_ff2x; sed -i '200,$s/[0-9.]*E[-+0-9]*/********/' xmu.dat"},
            "feff_not_finite",
            "xmu.dat",
        ),
        (
            {"ff2x": "$REAL/feff8l_ff2x; head -n 200 chi.dat >c; mv c chi.dat"},
            "feff_incomplete",
            "chi.dat: ends at k",
        ),
    ],
    ids=[
        "nothing",
        "crashed",
        "killed",
        "stops",
        "half",
        "paths",
        "no chi",
        "NaN",
        "overflow",
        "short",
    ],
)
def test_broken_run_is_a_failure_of_its_site(
    copper: Structure,
    tmp_path_factory: pytest.TempPathFactory,
    fake_feff: MakeFeff,
    scripts: dict[str, str],
    kind: str,
    message: str,
) -> None:
    fake_feff(**scripts)
    failure = failing(copper, tmp_path_factory.mktemp("scratch"))
    assert failure.kind == kind
    assert message in failure.message
    assert failure.hint
    # A second run says the same, so that the documents of two campaigns are equal.
    assert failing(copper, tmp_path_factory.mktemp("scratch")).message == failure.message


def test_log_lines_that_differ_between_runs_are_left_out(
    copper: Structure, tmp_path: Path, fake_feff: MakeFeff
) -> None:
    script = (
        "echo At line 5 of file $(pwd)/x.f; echo Error termination. Backtrace:;"
        "echo '#0  0x7f1234 in ???'; echo Note: The following floating-point exceptions are"
    )
    fake_feff(pot=script)
    (tmp_path / "s").mkdir()
    assert failing(copper, tmp_path / "s").message.endswith("finish: At line 5 of file ./x.f")


def test_programs_that_are_missing_or_do_not_start_end_the_campaign(
    copper: Structure, tmp_path: Path, fake_feff: MakeFeff, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_feff(rdinp="echo error while loading shared libraries: x.so >&2; exit 127")
    with pytest.raises(CampaignError, match="rdinp does not start on this machine: error while"):
        compute_spectrum(copper, 0, FeffSettings(), tmp_path)
    monkeypatch.undo()
    feff._home.cache_clear()
    monkeypatch.setattr(feff, "_PROGRAMS", {"nosuch": ()})
    with pytest.raises(CampaignError, match=r"feff8l_nosuch is missing"):
        compute_spectrum(copper, 0, FeffSettings(), tmp_path)
    feff._home.cache_clear()


FULL = """
import sys
from pathlib import Path
from pymatgen.core import Lattice, Structure
from exafscn_flows.errors import CampaignError
from exafscn_flows.spectra import feff, feff_input
from exafscn_flows.spectra.settings import FeffSettings
scratch, home = Path(sys.argv[1]), Path(sys.argv[2])
feff._home = lambda: home
face_centred = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
copper = Structure(Lattice.cubic(3.61), ["Cu"] * 4, face_centred)
try:
    feff.compute_spectrum(copper, 0, FeffSettings(), scratch)
except CampaignError as error:
    print(error, list(scratch.iterdir()))
"""


@pytest.mark.parametrize("then", ["$REAL/feff8l_pot", "sleep 1.5; rm filler"])
def test_scratch_folder_that_fills_up_in_a_run_ends_the_campaign(
    tmp_path: Path, fake_feff: MakeFeff, then: str
) -> None:
    scratch = tmp_path / "tmpfs"
    scratch.mkdir()
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount += [f'mount -t tmpfs -o size=20m tmpfs {scratch} && exec "$@"', "sh"]
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a tmpfs")
    fake_feff(pot=f"head -c 100000000 /dev/zero >filler 2>/dev/null; {then}")
    command = [*mount, sys.executable, "-c", FULL, str(scratch), str(feff._home())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        f"scratch folder {scratch} is full: free space or set EXAFSCN_SCRATCH_DIR []"
    )


def test_feff_that_somebody_kills_is_run_again(
    copper: Structure, scratch: Path, tmp_path: Path, fake_feff: MakeFeff
) -> None:
    undisturbed = compute_spectrum(copper, 0, FeffSettings(), scratch)
    runs = tmp_path / "runs"
    fake_feff(
        genfmt=f"echo >>{runs}; [ $(wc -l <{runs}) = 3 ] || kill -KILL $$; $REAL/feff8l_genfmt"
    )
    spectrum = compute_spectrum(copper, 0, FeffSettings(), scratch)
    np.testing.assert_array_equal(spectrum.chi, undisturbed.chi)
    assert not any(scratch.iterdir())


def test_feff_is_found_without_importing_larch() -> None:
    code = (
        "import sys; from exafscn_flows.spectra import feff; feff._home();"
        "print('larch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.skipif(not INDEPENDENT.exists(), reason="independent FEFF spectra are not here")
def test_agreement_with_independent_spectra(scratch: Path) -> None:
    import pyarrow.parquet as pq

    columns = ["structure", "site_index", "k", "chi", "e0"]
    first = next(pq.ParquetFile(INDEPENDENT).iter_batches(4, columns=columns))
    for row in first.to_pylist():
        structure = Structure.from_dict(json.loads(row["structure"]))
        spectrum = compute_spectrum(structure, row["site_index"], FeffSettings(), scratch)
        k, chi = np.array(row["k"]), np.array(row["chi"])
        used = (k >= 3) & (k <= 12)
        difference = np.interp(k, spectrum.k, spectrum.chi) - chi
        assert abs(difference[used]).sum() < 0.1 * abs(chi[used]).sum()
        assert spectrum.e0 == pytest.approx(row["e0"], abs=0.05)
