"""XAS documents of the Materials Project: what a record says, as structure, site and spectrum.

The documents hold mu(E) of FEFF 9, normalised by FEFF to 1 at 50 eV above the edge, on FEFF's own
grid where one site was computed, and on 200 equidistant energies where several inequivalent sites
were averaged (`pymatgen.analysis.xas.spectrum.site_weighted_spectrum`). A model could learn which
is which. So the spectrum of one site is put on 200 equidistant energies first, as averages were,
and then both are put on one grid relative to E0, in steps of 7.5 eV (EXAFS; averages have 7.66) or
0.5 eV (XANES; averages have 0.28, but one site up to 1.1). In EXAFS, all this changes |chi(R)| of
1 to 6 Å by 2 to 3 %.

*E0*, where k = 0, is not in the documents. FEFF's grids begin and end at fixed distances from it
(the first point may be missing), so for one site the last energy tells E0. An average covers what
its sites have in common: it begins at the highest of their E0, which is taken for E0, and ends as
much earlier as the lowest is lower. For the near-edge spectra, E0 is the Fermi level in the same
way, not the inflection point, which jumps between the features of an edge.

*Values that are not positive* are stored as 1e-12 by newer versions of the database and as they
are by older ones; here all of them are 0. They are common near E0 only, where the path expansion
does not hold; a spectrum that has them farther up is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.base import Record, StoredSite
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.edge_step import edge_step_fault
from exafscn_flows.spectra.parts import SpectrumType

if TYPE_CHECKING:
    from pymatgen.core import Structure

SAMPLES = 200
"""Energies of an averaged document."""

_EV_PER_K2 = 3.80998212
"""ħ²/2m, eV Å²."""

_ROUNDING = 0.05
"""Energies are rounded to 0.001 eV, and a grid may begin at its second point, 0.01 eV later."""

_FLOOR = 1e-12
"""Stored for what is not positive."""

_NEAR_EDGE = 15.0
"""Above E0, eV (k = 2 1/Å). From here on mu must be positive. Of 13,721 spectra of FEFF 8.5L, 6
are not from 5 eV on."""

_HINT = "the stored spectrum is at fault; leave it out, or compute it by FEFF"


@dataclass(frozen=True)
class _Grid:
    """Where FEFF's energies begin and end for the cards of one kind of document, above E0, eV.

    `delivered` is the common grid, which lies within what averages cover.
    """

    first: float
    last: float
    delivered: np.ndarray


_GRIDS: Mapping[SpectrumType, _Grid] = {
    # EXAFS 20: k = 0, 0.05 ... 20 1/Å. The end, 19.9 1/Å, leaves 16 eV for sites that differ in E0.
    "EXAFS": _Grid(0.0, _EV_PER_K2 * 20**2, 0.04 + 7.5 * np.arange(202)),
    # XANES 3.7 0.04 0.1: 100 points. The end leaves 5 eV.
    "XANES": _Grid(-2.538, 52.624, -2.5 + 0.5 * np.arange(101)),
}


def document_structure(record: Record, name: str) -> "Structure":
    """Return the structure inside the spectrum, in which its site index counts.

    The Materials Project may hold another one, with its sites in another order, under the same id.

    Parameters
    ----------
    record
        XAS document.
    name
        What to call it in errors.

    Raises
    ------
    ItemFailure
        ``bad_record`` or ``unreadable``.
    """
    from exafscn_flows.sources.structure_json import parse_structure_dict

    structure = _spectrum(record, name).get("structure")
    if isinstance(structure, dict) and "sites" not in structure:
        # pymatgen averages spectra into one with a SymmetrizedStructure, whose dictionary has the
        # structure one level down.
        structure = structure.get("structure")
    if not isinstance(structure, dict):
        raise _bad_record(name, "it holds no structure")
    return parse_structure_dict(structure, name)


def document_site(record: Record, name: str) -> StoredSite:
    """Return the site, or the sites, that the spectrum belongs to.

    Parameters and errors are those of :func:`document_structure`, and ``bad_record`` also if the
    site is none of the absorber.
    """
    index = _spectrum(record, name).get("absorbing_index")
    absorber = record.get("absorbing_element")
    if not isinstance(absorber, str):
        raise _bad_record(name, "it names no absorber")
    structure = document_structure(record, name)
    sites = [i for i, site in enumerate(structure) if absorber in site.species.as_dict()]
    if not sites:
        raise _bad_record(name, f"there is no {absorber} in its structure")
    if index is None:
        return StoredSite(absorber, sites[0], averaged=True)
    if index not in sites or isinstance(index, bool):
        raise _bad_record(name, f"site {str(index)[:20]} of its structure is no {absorber}")
    return StoredSite(absorber, int(index))


def document_spectrum(record: Record, name: str) -> Spectrum:
    """Return mu(E) on the grid that all documents of one type share.

    Parameters
    ----------
    record
        XAS document.
    name
        What to call it in errors.

    Returns
    -------
    Spectrum
        `k`, `chi` and `mu0` are empty; `energy_rel` has shape (202,) for EXAFS, 0.04 to
        1507.54 eV in steps of 7.5, and (101,) for XANES, -2.5 to 47.5 eV in steps of 0.5.

    Raises
    ------
    ItemFailure
        ``bad_record`` if there is no spectrum in the document; ``bad_spectrum`` if its energies
        are not those of the Materials Project, or mu is not physical.
    """
    content = _spectrum(record, name)
    spectrum_type = content.get("spectrum_type", record.get("spectrum_type"))
    if spectrum_type not in _GRIDS or record.get("edge") != "K":
        raise _bad_record(name, "it is no EXAFS or XANES of a K edge")
    energy, mu = _arrays(content, name)
    grid = _GRIDS[spectrum_type]
    e0 = _e0(energy, grid, averaged=content.get("absorbing_index") is None, name=name)
    delivered = resample(energy - e0, mu, grid.delivered)
    _check(grid.delivered, delivered, name)
    empty = np.empty(0)
    return Spectrum(
        edge="K",
        spectrum_type=spectrum_type,
        e0=e0,
        k=empty,
        chi=empty,
        energy_rel=grid.delivered,
        mu=delivered,
        mu0=empty,
        program="FEFF",
        # The documents do not tell; the database was computed by FEFF 9.
        version="9",
    )


def resample(energy: np.ndarray, mu: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Put mu(E) on 200 equidistant energies, and from there on another grid, by cubic splines.

    Parameters
    ----------
    energy, mu
        Energies, eV, ascending, and absorption; shape (n_e,). Left as they are where they have
        been put on 200 equidistant energies before.
    grid
        Energies wanted, eV; shape (n_grid,).

    Returns
    -------
    numpy.ndarray
        Absorption at `grid`, not negative; shape (n_grid,).
    """
    from scipy.interpolate import CubicSpline

    even = np.linspace(energy[0], energy[-1], SAMPLES)
    sampled = CubicSpline(energy, mu)(even)
    delivered: np.ndarray = np.maximum(CubicSpline(even, sampled)(grid), 0.0)
    return delivered


def _spectrum(record: Record, name: str) -> Mapping[str, Any]:
    content = record.get("spectrum")
    if not isinstance(content, dict):
        raise _bad_record(name, "it holds no spectrum")
    return content


def _arrays(content: Mapping[str, Any], name: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        x = np.asarray(content.get("x"), dtype=float)
        y = np.asarray(content.get("y"), dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise _bad_record(name, "its energies or values are no numbers") from None
    if x.ndim != 1 or x.shape != y.shape:
        raise _bad_record(name, "it has not one value for each energy")
    if len(x) < 50 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise _bad_spectrum(name, "it has too few points, or values that are not finite")
    x, first = np.unique(x, return_index=True)
    return x, np.where(y[first] > _FLOOR, y[first], 0.0)


def _e0(energy: np.ndarray, grid: _Grid, *, averaged: bool, name: str) -> float:
    """Find E0 from where the energies begin and end."""
    lowest = float(energy[-1]) - grid.last
    highest = float(energy[0]) - grid.first
    spread = highest - lowest
    room = grid.last - grid.delivered[-1] if averaged else _ROUNDING
    if not -_ROUNDING <= spread <= room or lowest <= 0:
        raise _bad_spectrum(
            name,
            f"its energies cover {energy[-1] - energy[0]:.2f} eV, and not the "
            f"{grid.last - grid.first:.2f} eV of the Materials Project's calculations",
        )
    return highest if averaged and spread > _ROUNDING else lowest


def _check(energy_rel: np.ndarray, mu: np.ndarray, name: str) -> None:
    far = energy_rel > _NEAR_EDGE
    if (mu[far] <= _FLOOR).any():
        where = float(energy_rel[far][np.argmax(mu[far] <= _FLOOR)])
        raise _bad_spectrum(name, f"mu(E) is not positive {where:.0f} eV above E0")
    if fault := edge_step_fault(energy_rel, mu):
        raise _bad_spectrum(name, fault)


def _bad_record(name: str, cause: str) -> ItemFailure:
    return ItemFailure("bad_record", f"{name}: unusable document: {cause}", _HINT)


def _bad_spectrum(name: str, cause: str) -> ItemFailure:
    return ItemFailure("bad_spectrum", f"{name}: {cause}", _HINT)
