"""``xmu.dat`` and ``chi.dat`` of FEFF, for comparing calculated spectra with measured ones."""

import re

import numpy as np

from exafscn_flows.elements import element_symbol
from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured.header import edge_name
from exafscn_flows.sources.measured.spectrum import ColumnTable, MeasuredSpectrum, Stated, failure
from exafscn_flows.sources.measured.tables import Wish, agreed, chi_spectrum, mu_spectrum
from exafscn_flows.spectra.feff_output import parse_chi, parse_xmu

XMU_FORMAT = "xmu.dat of FEFF"
CHI_FORMAT = "chi.dat of FEFF"

_XMU = re.compile(r"^[^\w\n]*omega\s+e\s+k\s+mu\s+mu0\s+chi\s*@#", re.MULTILINE)
_CHI = re.compile(r"^[^\w\n]*k\s+chi\s+mag\s+phase\b.*@#", re.MULTILINE)
_ABSORBER = re.compile(r"Abs\s+Z=\s*(\d{1,3}).*?([KLM]\d?)\s+shell")

_HINT = "repeat the run, or copy the file again"


def is_xmu(text: str) -> bool:
    """Whether a text is ``xmu.dat``."""
    return bool(_XMU.search(text))


def is_chi(text: str) -> bool:
    """Whether a text is ``chi.dat``."""
    return bool(_CHI.search(text))


def read_feff(text: str, name: str, group: str, wish: Wish) -> MeasuredSpectrum:
    """Read ``xmu.dat``, whose mu FEFF has normalised, or ``chi.dat``.

    Parameters
    ----------
    text
        Of the file.
    name, group
        What to call it in errors, and in the spectrum.
    wish
        What the user says; columns and mode do not apply.

    Raises
    ------
    ItemFailure
        If the file is not whole.
    """
    of_mu = is_xmu(text)
    file_format = XMU_FORMAT if of_mu else CHI_FORMAT
    table = ColumnTable(name, group, file_format, (), (), np.empty((0, 0)), Stated())
    match = _ABSORBER.search(text)
    absorber = element_symbol(int(match[1])) if match else None
    edge = edge_name(match[2]) if match else None
    try:
        if of_mu:
            xmu = parse_xmu(text, 0.0)
            stated = agreed(Stated(absorber, edge, xmu.e0), wish, name)
            energy = xmu.e0 + xmu.energy_rel
            return mu_spectrum(table, energy, xmu.mu, stated, "normalized", "mu", [])
        found = parse_chi(text, 0.0)
        stated = agreed(Stated(absorber, edge), wish, name)
        return chi_spectrum(table, found.k, found.chi, stated, [])
    except ItemFailure as error:
        if not error.kind.startswith("feff_"):
            raise
        raise failure(error.kind, name, error.message, _HINT) from error
