"""Finished FEFF runs of others: their ``feff.inp``, the site it is about, and their spectrum."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymatgen.core import Element, Structure

from exafscn_flows.errors import ItemFailure
from exafscn_flows.spectra.base import Spectrum, SpectrumType
from exafscn_flows.spectra.feff_output import feff_spectrum, parse_xmu

_COMMENT = re.compile(r"[*!#;%].*")
_CARD = re.compile(r"[A-Z][A-Z0-9_]{1,19}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")

_FULL_NAMES = """
ATOMS CFAVERAGE CONTROL COREHOLE CORRECTIONS CRITERIA DANES DEBYE EDGE EGRID ELLIPTICITY ELNES END
EXAFS EXCHANGE EXELFS FMS FPRIME HOLE INTERSTITIAL LATTICE LDOS MULTIPOLE NLEG NOHOLE NRIXS OVERLAP
PCRITERIA POLARIZATION POTENTIALS PRINT RECIPROCAL RMAX RMULTIPLIER RPATH S02 SCF SIG2 SPIN TARGET
TITLE XANES XES XMCD XNCD
"""
_NAMES = {name[:4]: name for name in _FULL_NAMES.split()}
"""FEFF goes by the first four letters of a card."""

_NO_PHYSICS = {"ATOMS", "CONTROL", "END", "POTENTIALS", "PRINT", "TITLE"}

_OTHER_SPECTRA = {"DANES", "ELNES", "EXELFS", "FPRIME", "NRIXS", "XES", "XMCD", "XNCD"}

_COMPARED = 5.0
"""Atoms up to this distance from the absorber, Å, must be those of the structure."""

_TOLERANCE = 0.02
"""Two distances that differ by less, Å, are one: programs write three to six decimals."""

_EXAFS_KMAX = 10.0
"""Where FEFF's input names no type, spectra that go beyond this k, 1/Å, are EXAFS."""

_SHORT_OF_KMAX = 1.0
"""So far before the EXAFS card's kmax, 1/Å, FEFF's grid may end."""

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
    def spectrum_type(self) -> SpectrumType | None:
        """Type that the cards name, if they do."""
        if "XANES" in self.cards:
            return "XANES"
        return "EXAFS" if "EXAFS" in self.cards else None


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
        if _NUMBER.fullmatch(words[0]) or words[0].endswith("_grid"):
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
        coords = np.array([row[:3] for row in rows["ATOMS"]], dtype=float).reshape(-1, 3)
        numbers = np.array([atomic_numbers[p] for p in potentials.tolist()], dtype=int)
        scale = float(cards.get("RMULTIPLIER", "1").split()[0])
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
    found = structure[site_index].specie.symbol if site_index < len(structure) else "nothing"
    if found != absorber:
        raise _mismatch(f"site {site_index} of the structure is {found}, not {absorber}")
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
        ``feff_incomplete``, ``feff_not_finite`` or ``feff_zero``.
    """
    kind = run.spectrum_type
    if kind is None:
        kind = "EXAFS" if parse_xmu(xmu_text, 0.0).k[-1] > _EXAFS_KMAX else "XANES"
    words = run.cards.get("EXAFS", "").split()
    asked = float(words[0]) if words and _NUMBER.fullmatch(words[0]) else 0.0
    kmax = asked - _SHORT_OF_KMAX if kind == "EXAFS" else 0.0
    return feff_spectrum(xmu_text, chi_text, kind, run.cards, kmax=kmax)


def _check_cards(cards: dict[str, str]) -> None:
    for name in sorted(_OTHER_SPECTRA & cards.keys()):
        raise _other(f"FEFF card {name} asks for another spectrum than EXAFS or XANES")
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
