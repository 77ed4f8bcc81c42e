"""Running PDFfit2: G(r) of a crystal, and of the pairs that contain one element.

C. L. Farrow et al., J. Phys.: Condens. Matter 19, 335219 (2007).
"""

import os
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from exafscn_flows.errors import CampaignError, ItemFailure, UsageError
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.pdf_settings import PdfSettings

if TYPE_CHECKING:
    from pymatgen.core import Structure

PACKAGE_VERSION = "1.5.1"
"""Another one may give other numbers."""

_TYPES = {"xray": "X", "neutron": "N"}
"""PDFfit2's names."""

_MOST_PAIRS = 10_000_000
"""Pairs of atoms of a cell within rmax: some seconds, and PDFfit2 cannot be stopped."""


def check_installed() -> None:
    """Raise UsageError if PDFfit2 is not installed."""
    if why := _why_missing():
        raise UsageError(why)


def compute_pdf(structure: "Structure", site_index: int, settings: PdfSettings) -> Spectrum:
    """Compute the pair distribution functions of a crystal, as a site's element sees it.

    Parameters
    ----------
    structure
        Ordered crystal structure.
    site_index
        0-based index of the absorbing site.
    settings
        Radiation, resolution, thermal parameter and grid.

    Returns
    -------
    Spectrum
        Total and differential G(r) in 1/Å², without mu(E) and chi(k). All sites of an element
        have the same.

    Raises
    ------
    ItemFailure
        ``unknown_element`` for an element without a form factor or scattering length,
        ``too_many_atoms`` for too many pairs, ``bad_spectrum`` for what is not finite.
    CampaignError
        If PDFfit2 is not installed.
    """
    if why := _why_missing():
        raise CampaignError(why)
    started = time.thread_time()
    _check_size(structure, settings.rmax)
    made = _pdffit()()
    _check_elements(made, structure, settings)
    made.read_struct_string(_text(structure, settings.uiso))
    # The ripples come from what is on the grid: begun at rmin, they would lack the peaks before.
    r = settings.r()
    ends = (settings.rstep, float(r[-1]))
    n = round(ends[1] / settings.rstep)
    made.alloc(_TYPES[settings.radiation], settings.qmax, settings.qdamp, *ends, n)
    made.setvar("qbroad", settings.qbroad)
    made.calc()
    total = _checked(made, len(r))
    # A pair is selected if one of its atoms is in i and the other in j, whichever is which; j
    # stays all atoms.
    made.selectNone(1, "i")
    made.selectAtomType(1, "i", _symbol(structure, site_index), True)
    made.calc()
    none = np.empty(0)
    return Spectrum(
        edge="",
        spectrum_type="PDF",
        e0=0.0,
        k=none,
        chi=none,
        energy_rel=none,
        mu=none,
        mu0=none,
        program="PDFfit2",
        version=PACKAGE_VERSION,
        seconds=time.thread_time() - started,
        r=r,
        pdf=total,
        dpdf=_checked(made, len(r)),
    )


def _why_missing() -> str:
    need = f"spectra of kind pdf need the package diffpy.pdffit2 {PACKAGE_VERSION}"
    try:
        found = version("diffpy.pdffit2")
    except PackageNotFoundError:
        return f"{need}: install exafscn[pdf]"
    return "" if found == PACKAGE_VERSION else f"{need}, not {found}: install exafscn[pdf]"


@cache
def _pdffit() -> Any:
    """Return PDFfit2's class, after it has been made quiet for good."""
    from diffpy.pdffit2 import PdfFit, redirect_stdout

    redirect_stdout(open(os.devnull, "w"))  # noqa: SIM115 (it writes there until the process ends)
    return PdfFit


def _symbol(structure: "Structure", index: int) -> str:
    symbol: str = structure[index].specie.symbol
    return symbol


def _check_size(structure: "Structure", rmax: float) -> None:
    within = 4 / 3 * np.pi * rmax**3 / structure.volume
    pairs = len(structure) ** 2 * max(1.0, within)
    if pairs > _MOST_PAIRS:
        raise ItemFailure(
            "too_many_atoms",
            f"{len(structure)} atoms in the cell make about {pairs:.2g} pairs within rmax "
            f"({rmax:g} Å), above {_MOST_PAIRS:.2g}",
            "lower rmax",
        )


def _check_elements(made: Any, structure: "Structure", settings: PdfSettings) -> None:
    """Refuse elements that PDFfit2 does not know, or takes not to scatter at all."""
    for symbol in sorted({_symbol(structure, index) for index in range(len(structure))}):
        try:
            known = made.get_scat(_TYPES[settings.radiation], symbol) != 0
        except ValueError:
            known = False
        if not known:
            raise ItemFailure(
                "unknown_element",
                f"PDFfit2 does not know how {symbol} scatters ({settings.radiation})",
                "leave the structure out",
            )


def _text(structure: "Structure", uiso: float) -> str:
    """Write a structure in PDFfit's format, in full precision.

    U refers to the axes of the cell: of an isotropic atom, U_ij is uiso times the cosine of the
    angle between the reciprocal axes i and j.
    """
    lattice = structure.lattice
    cosines = np.cos(np.radians(lattice.reciprocal_lattice.angles))
    diagonal = " ".join([f"{uiso:.15g}"] * 3)
    others = " ".join(f"{uiso * cosine:.15g}" for cosine in reversed(cosines))
    lines = [
        "format pdffit",
        "scale 1",
        f"cell {','.join(f'{value:.15g}' for value in lattice.parameters)}",
        f"ncell 1,1,1,{len(structure)}",
        "atoms",
    ]
    for index, position in enumerate(structure.frac_coords):
        place = " ".join(f"{value:.15g}" for value in position)
        # Beside each line of values stand their standard deviations.
        lines += [f"{_symbol(structure, index)} {place} 1", "0 0 0 0"]
        lines += [diagonal, "0 0 0", others, "0 0 0"]
    return "\n".join(lines) + "\n"


def _checked(made: Any, n: int) -> np.ndarray:
    """Return the last n points of what was calculated, if they are numbers."""
    values = np.array(made.getpdf_fit())[-n:]
    if not np.isfinite(values).all():
        message = "PDFfit2: G(r) has values that are not numbers"
        raise ItemFailure("bad_spectrum", message, "check the structure")
    return values
