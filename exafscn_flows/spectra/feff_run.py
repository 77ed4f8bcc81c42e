"""Finished FEFF runs of others: their ``feff.inp``, the site it is about, and their spectrum."""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymatgen.core import Element, Structure

from exafscn_flows.crystal import check_element_at
from exafscn_flows.errors import ItemFailure
from exafscn_flows.fortran import fortran_float, is_number
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.edge_energy import e0_fault
from exafscn_flows.spectra.edge_step import edge_step_fault
from exafscn_flows.spectra.feff_output import feff_spectrum, parse_chi
from exafscn_flows.spectra.parts import SpectrumType

_COMMENT = re.compile(r"[*!#;%].*")
_CARD = re.compile(r"[A-Z][A-Z0-9_]{1,19}")

_FULL_NAMES = """
ABSOLUTE ATOMS CFAVERAGE COMPTON CONTROL COREHOLE CORRECTIONS CRITERIA DANES DEBYE EDGE EGRID
ELLIPTICITY ELNES END EXAFS EXCHANGE EXELFS FMS FPRIME HOLE INTERSTITIAL LATTICE LDOS MULTIPOLE NLEG
NOHOLE NRIXS OVERLAP PCRITERIA POLARIZATION POTENTIALS PRINT RECIPROCAL RIXS RMAX RMULTIPLIER RPATH
S02 SCF SIG2 SPIN SS TARGET TITLE XANES XES XMCD XNCD
"""
_NAMES = {name[:4]: name for name in _FULL_NAMES.split()}
"""FEFF goes by the first four letters of a card."""

_NO_PHYSICS = {"ATOMS", "CONTROL", "END", "POTENTIALS", "PRINT", "TITLE"}

_REFUSED = dict.fromkeys(
    ["COMPTON", "DANES", "ELNES", "EXELFS", "FPRIME", "NRIXS", "RIXS", "XES", "XMCD", "XNCD"],
    "asks for another spectrum than EXAFS or XANES",
) | {
    "ABSOLUTE": "leaves mu(E) as a cross section, not normalised to 1",
    "POLARIZATION": "makes the spectrum depend on the direction of the crystal",
    "RECIPROCAL": "names a crystal instead of the atoms around the absorber, so that nothing shows "
    "whether the run is about this site",
    "SS": "takes paths that are not those of the atoms",
}
"""Cards after which the output is no normalised, isotropic absorption of the atoms in ATOMS."""

_COMPARED = 5.0
"""Atoms up to this distance from the absorber, Å, must be those of the structure."""

_TOLERANCE = 0.02
"""Two distances that differ by less, Å, are one: programs write three to six decimals."""

_KMAX = 20.0
"""Where the grid of EXAFS ends, 1/Å, if no card says so (``rdinp`` of FEFF 6 to 10)."""

_SHORT_OF_KMAX = 1.0
"""So far before kmax, 1/Å, FEFF's grid may end."""

_LONGEST_TEXT = 200
"""Characters of a card's arguments that are kept."""


@dataclass(frozen=True)
class RunInput:
    """What a ``feff.inp`` says.

    Attributes
    ----------
    cards
        Cards that decide the physics, with their arguments as text.
    absorber
        Atomic number of the absorber.
    distances, numbers
        Distances from the absorber, Å, ascending, and atomic numbers of the other atoms; shape
        (n_atoms - 1,).
    """

    cards: dict[str, str]
    absorber: int
    distances: np.ndarray
    numbers: np.ndarray

    @property
    def spectrum_type(self) -> SpectrumType:
        """Type that the cards ask for: FEFF, from 6 to 10, computes EXAFS if none is named."""
        return "XANES" if "XANES" in self.cards else "EXAFS"


def parse_feff_input(text: str) -> RunInput:
    """Read ``feff.inp``, as pymatgen, Atoms or a person writes it.

    Raises
    ------
    ItemFailure
        ``site_mismatch`` if it has no list of atoms around one absorber; ``other_spectrum`` if it
        asks for anything but the absorption at the K edge of one site.
    """
    cards: dict[str, str] = {}
    rows: dict[str, list[list[str]]] = {"ATOMS": [], "POTENTIALS": []}
    card = ""
    for line in text.splitlines():
        words = _COMMENT.sub("", line).split()
        if not words:
            continue
        if is_number(words[0]) or words[0].endswith("_grid"):
            # Rows of the card above.
            if card in rows:
                rows[card].append(words)
            elif card in cards:
                cards[card] = " ".join([cards[card], *words]).strip()[:_LONGEST_TEXT]
            continue
        name = words[0].upper()
        card = _NAMES.get(name[:4], name)
        if card == "END":
            break
        if _CARD.fullmatch(card) and card not in _NO_PHYSICS:
            cards[card] = " ".join(words[1:])[:_LONGEST_TEXT]
    _check_cards(cards)
    try:
        atomic_numbers = {int(row[0]): int(row[1]) for row in rows["POTENTIALS"]}
        potentials = np.array([int(row[3]) for row in rows["ATOMS"]], dtype=int)
        coords = np.array([[*map(_float, row[:3])] for row in rows["ATOMS"]]).reshape(-1, 3)
        numbers = np.array([atomic_numbers[p] for p in potentials.tolist()], dtype=int)
        scale = _float(cards.get("RMULTIPLIER", "1").split()[0])
    except (ValueError, IndexError, KeyError) as error:
        raise _mismatch(f"its atoms cannot be read ({type(error).__name__}: {error})") from error
    (absorbers,) = np.nonzero(potentials == 0)
    if len(absorbers) != 1 or len(coords) < 2:
        raise _mismatch(f"ATOMS lists {len(coords)} atoms, {len(absorbers)} of potential 0")
    distances = scale * np.linalg.norm(coords - coords[absorbers[0]], axis=1)
    others = np.argsort(distances, kind="stable")
    others = others[others != absorbers[0]]
    return RunInput(cards, int(numbers[absorbers[0]]), distances[others], numbers[others])


def check_site(run: RunInput, structure: Structure, site_index: int, absorber: str) -> None:
    """Check that a run is about one site of a structure.

    Parameters
    ----------
    run
        What its input says.
    structure
        Ordered structure.
    site_index
        0-based index of the site.
    absorber
        Element that should be there.

    Raises
    ------
    ItemFailure
        ``site_mismatch``, if site, absorber or the distances up to 5 Å differ.
    """
    check_element_at(structure, site_index, absorber)
    if run.absorber != Element(absorber).Z:
        symbol = Element.from_Z(run.absorber).symbol
        raise _mismatch(f"the absorber in feff.inp is {symbol}, not {absorber}")
    nearest, outermost = run.distances[0], run.distances[-1]
    reach = max(min(_COMPARED, outermost), nearest) + _TOLERANCE
    # Its type information knows only the zipped form.
    points: Any = structure.lattice.get_points_in_sphere(
        structure.frac_coords, structure[site_index].coords, reach + _TOLERANCE, zip_results=False
    )
    _, distances, indices, _ = points
    numbers = np.array([structure[i].specie.Z for i in np.asarray(indices, dtype=int).tolist()])
    around = distances > _TOLERANCE
    distances, numbers = distances[around], numbers[around]
    for z in sorted({*numbers.tolist(), *run.numbers[run.distances <= reach].tolist()}):
        _compare(
            Element.from_Z(z).symbol,
            np.sort(run.distances[(run.numbers == z) & (run.distances <= reach + _TOLERANCE)]),
            np.sort(distances[numbers == z]),
            reach - _TOLERANCE,
        )


def run_spectrum(run: RunInput, xmu_text: str, chi_text: str | None) -> Spectrum:
    """Make a spectrum of a run's output.

    Parameters
    ----------
    run
        What its input says.
    xmu_text, chi_text
        Content of ``xmu.dat`` and, if there is one, ``chi.dat``.

    Raises
    ------
    ItemFailure
        ``feff_incomplete``, also if one file ends before the other; ``feff_not_finite`` or
        ``feff_zero``; ``bad_spectrum`` if the edge step is not about 1, or E0 is that of another
        edge.
    """
    kmax = 0.0
    if run.spectrum_type == "EXAFS":
        kmax = _asked_kmax(run.cards)
        if chi_text is not None:
            kmax = max(kmax, float(parse_chi(chi_text, 0.0).k[-1]))
        kmax -= _SHORT_OF_KMAX
    spectrum = feff_spectrum(xmu_text, chi_text, run.spectrum_type, run.cards, kmax=kmax)
    symbol = Element.from_Z(run.absorber).symbol
    fault = e0_fault(symbol, spectrum.e0) or edge_step_fault(spectrum.energy_rel, spectrum.mu)
    if fault:
        raise ItemFailure("bad_spectrum", f"xmu.dat: {fault}", "repeat the run, or remove it")
    return spectrum


def _asked_kmax(cards: dict[str, str]) -> float:
    """Return where the cards have EXAFS end, 1/Å; 0 if that is in the lines of EGRID only."""
    words = cards.get("EXAFS", "").split()
    if words and is_number(words[0]):
        return _float(words[0])
    return 0.0 if "EGRID" in cards else _KMAX


def _float(word: str) -> float:
    number = fortran_float(word)
    if not math.isfinite(number):
        raise ValueError(f"{word} is not finite")
    return number


def _check_cards(cards: dict[str, str]) -> None:
    for name in sorted(_REFUSED.keys() & cards.keys()):
        raise _other(f"FEFF card {name} {_REFUSED[name]}")
    edge = (cards.get("EDGE") or cards.get("HOLE") or "K").split()[0].upper()
    if edge not in ("K", "1"):
        raise _other(f"it is the {edge} edge, not K")
    average = cards.get("CFAVERAGE", "").split()
    if len(average) > 1 and average[1] != "1":
        raise _other("FEFF card CFAVERAGE averages over several sites")


def _compare(symbol: str, ours: np.ndarray, theirs: np.ndarray, reach: float) -> None:
    """Compare distances of one element: in feff.inp, and in the structure."""
    n = max(np.count_nonzero(ours <= reach), np.count_nonzero(theirs <= reach))
    if len(ours) < n or len(theirs) < n:
        raise _mismatch(
            f"{len(ours)} {symbol} within {reach:.2f} Å of the absorber in feff.inp, "
            f"{len(theirs)} in the structure"
        )
    differ = np.flatnonzero(np.abs(ours[:n] - theirs[:n]) > _TOLERANCE)
    if len(differ):
        i = differ[0]
        raise _mismatch(
            f"{symbol} at {ours[i]:.3f} Å from the absorber in feff.inp, at {theirs[i]:.3f} Å "
            "in the structure"
        )


def _mismatch(message: str) -> ItemFailure:
    hint = "put the POSCAR beside the run that it was made from, or remove the run"
    return ItemFailure("site_mismatch", message, hint)


def _other(message: str) -> ItemFailure:
    return ItemFailure("other_spectrum", message, "remove the run")
