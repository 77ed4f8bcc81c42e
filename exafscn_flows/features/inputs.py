"""What feature sets are made from: the spectra of a site, and its structure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exafscn_flows.spectra.base import Spectrum

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True)
class Inputs:
    """One site, as feature sets see it.

    Attributes
    ----------
    spectra
        Its spectra by name.
    structure
        Structure of the site; None where it is not known, as of a measured spectrum.
    site_index
        0-based index of the site in it; None where the spectrum is a mean over several sites.
    composition
        Where no structure is known, atoms of each element, in any unit; None: not known either.
    """

    spectra: Mapping[str, Spectrum]
    structure: "Structure | None" = None
    site_index: int | None = 0
    composition: Mapping[str, float] | None = None

    def spectrum(self, name: str | None) -> Spectrum:
        """Return a spectrum; without a name, the only one there is.

        Raises
        ------
        KeyError
            If there is no such spectrum.
        """
        if name is None and len(self.spectra) == 1:
            return next(iter(self.spectra.values()))
        return self.spectra[name or ""]
