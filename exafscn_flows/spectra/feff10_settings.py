"""What a campaign file may say about XANES by FEFF 10."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from exafscn_flows.spectra.feff_cards import FEFF10_CARDS, merged_cards
from exafscn_flows.spectra.parts import NEAR_EDGE, Part
from exafscn_flows.spectra.way import SpectraModel, SpectrumName

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from exafscn_flows.spectra.base import Spectrum

_ALGORITHM_VERSION = 2
"""Raised whenever the code, or another version of FEFF 10, gives other spectra for the same
settings."""

_DEFAULT_CARDS: dict[str, str] = {
    "COREHOLE": "FSR",
    "EXCHANGE": "0 0 0 2",
    "FMS": "4.5",
    "S02": "1",
    "SCF": "2.8 0 30 0.1 3",
    "XANES": "4 0.07 0",
}
"""Near to XANES with SCF 7 and FMS 9, which take minutes a site. FEFF's own mixing, 0.2 from the
first iteration on, is not faster: with it, electrons went missing in 7 of 18 V oxides, and FEFF
found potentials whose Fermi level is 4 to 6 eV off."""

_NEEDED = {
    "FMS": "it is the radius of full multiple scattering",
    "SCF": "without self-consistent potentials, edges are off by 7 eV and their shape is wrong",
    "XANES": "it is what is computed",
}


class Feff10Settings(SpectraModel):
    """K-edge XANES by FEFF 10, which the package feff10-rs brings along."""

    seconds = 13.0

    kind: Literal["feff10"]
    name: SpectrumName = Field(default="xanes", description="What feature sets call it.")
    cards: dict[str, str | int | float | None] = Field(
        default=dict(_DEFAULT_CARDS),
        description="FEFF cards under FEFF's own names. They replace or extend the defaults; "
        "null takes a default away.",
    )
    radius: float = Field(
        default=9.0,
        gt=1,
        le=20,
        description="Farthest atom that FEFF gets, Å, unless FMS or SCF need farther ones.",
    )
    time_limit: float = Field(
        default=600, gt=0, allow_inf_nan=False, description="Longest FEFF run of one site, seconds."
    )

    @field_validator("cards", mode="before")
    @classmethod
    def _one_form(cls, cards: Any) -> Any:
        if not isinstance(cards, dict):
            return cards
        return merged_cards(cards, _DEFAULT_CARDS, FEFF10_CARDS, _NEEDED, nullable=_DEFAULT_CARDS)

    @property
    def brings(self) -> frozenset[Part]:
        """What its spectra hold."""
        return NEAR_EDGE

    def check(self) -> None:
        """Raise UsageError if FEFF 10 is not installed."""
        from exafscn_flows.spectra.feff10 import check_installed

        check_installed()

    def feff_cards(self) -> dict[str, str]:
        """Return the cards that FEFF gets, in alphabetical order, values as text."""
        return {name: str(value) for name, value in self.cards.items() if value is not None}

    def parameters(self) -> dict[str, Any]:
        """Return all that decides a spectrum, except the structure; JSON-serialisable."""
        return {
            "kind": self.kind,
            "cards": self.feff_cards(),
            "radius": self.radius,
            "version": _ALGORITHM_VERSION,
        }

    def compute(self, structure: "Structure", site_index: int, scratch: Path) -> "Spectrum":
        from exafscn_flows.spectra.feff10 import compute_spectrum

        return compute_spectrum(structure, site_index, self, scratch)
