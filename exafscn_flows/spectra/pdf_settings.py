"""What a campaign file may say about pair distribution functions."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from exafscn_flows.spectra.parts import PAIRS, Part
from exafscn_flows.spectra.way import SpectraModel, SpectrumName

if TYPE_CHECKING:
    import numpy as np
    from pymatgen.core import Structure

    from exafscn_flows.spectra.base import Spectrum

_ALGORITHM_VERSION = 1
"""Raised whenever the code, or another version of PDFfit2, gives other G(r) for the same
settings."""

_ROUNDING = 1e-6
"""Keeps a limit that lies on the grid, in steps."""


class PdfSettings(SpectraModel):
    """G(r) by PDFfit2: of all pairs, and of those that contain an atom of the absorber's element.

    The defaults are about what is measured with an area detector at a synchrotron.
    """

    of_element = True

    kind: Literal["pdf"]
    name: SpectrumName = Field(default="pdf", description="What feature sets call it.")
    radiation: Literal["xray", "neutron"] = Field(
        default="xray",
        description="What scatters: PDFfit2's scattering type X, with one form factor for all Q, "
        "the number of electrons; or N, with neutron scattering lengths.",
    )
    qmax: float = Field(
        default=25.0, ge=5, le=50, description="Where S(Q) is cut, which makes the ripples, 1/Å."
    )
    qdamp: float = Field(
        default=0.04, ge=0, le=1, description="Damping by the resolution in Q, 1/Å."
    )
    qbroad: float = Field(
        default=0.01, ge=0, le=1, description="Broadening of peaks by the resolution in Q, 1/Å."
    )
    uiso: float = Field(
        default=0.005,
        ge=0.001,
        le=0.1,
        description="Thermal parameter of all atoms, isotropic, Å².",
    )
    rmin: float = Field(default=0.0, ge=0, description="Smallest r, Å.")
    rmax: float = Field(default=10.0, gt=0, le=100, description="Largest r, Å.")
    rstep: float = Field(
        default=0.02, ge=0.01, le=0.05, description="Step of r, Å; points are its multiples."
    )

    @model_validator(mode="after")
    def _check_grid(self) -> Self:
        if len(self.r()) < 2:
            raise ValueError(
                f"there are no two multiples of rstep ({self.rstep:g}) from rmin ({self.rmin:g}) "
                f"to rmax ({self.rmax:g} Å)"
            )
        return self

    @property
    def brings(self) -> frozenset[Part]:
        """What its spectra hold."""
        return PAIRS

    def check(self) -> None:
        """Raise UsageError if PDFfit2 is not installed."""
        from exafscn_flows.spectra.pdf import check_installed

        check_installed()

    def r(self) -> "np.ndarray":
        """Return r, Å, shape (n_r,): multiples of rstep from rmin to rmax, without 0."""
        import numpy as np  # most campaigns are read without it

        first = max(1, int(np.ceil(self.rmin / self.rstep - _ROUNDING)))
        return self.rstep * np.arange(first, int(self.rmax / self.rstep + _ROUNDING) + 1)

    def parameters(self) -> dict[str, Any]:
        """Return all that decides G(r), except the structure; JSON-serialisable."""
        return {**self.model_dump(exclude={"name"}), "version": _ALGORITHM_VERSION}

    def compute(self, structure: "Structure", site_index: int, scratch: Path) -> "Spectrum":
        from exafscn_flows.spectra.pdf import compute_pdf

        return compute_pdf(structure, site_index, self)
