"""What a campaign file may say about spectra."""

from typing import Any, Literal

from pydantic import Field, field_validator

from exafscn_flows.config.base import StrictModel
from exafscn_flows.spectra.feff_cards import card_text

_ALGORITHM_VERSION = 1
"""Raised whenever the code gives other spectra for the same settings."""

DEFAULT_CARDS: dict[str, str] = {
    "EXAFS": "20",
    "NLEG": "4",
    "PCRITERIA": "1 1",
    "RPATH": "8",
}
"""About one second a site; chi(R) within 1 % of a converged path list for R of 1-3 Å."""


class FeffSettings(StrictModel):
    """K-edge EXAFS by FEFF 8.5L."""

    kind: Literal["feff"] = "feff"
    cards: dict[str, str | int | float | None] = Field(
        default=dict(DEFAULT_CARDS),
        description="FEFF cards under FEFF's own names. They replace or extend the defaults; "
        "null takes a default away.",
    )
    time_limit: float = Field(
        default=60, gt=0, allow_inf_nan=False, description="Longest FEFF run of one site, seconds."
    )

    @field_validator("cards", mode="before")
    @classmethod
    def _one_form(cls, cards: Any) -> Any:
        if not isinstance(cards, dict):
            return cards
        merged: dict[str, str | None] = dict(DEFAULT_CARDS)
        for name, value in cards.items():
            if value is None and name in DEFAULT_CARDS and name != "RPATH":
                merged[name] = None
            elif value is None:
                raise ValueError(
                    "FEFF card RPATH is needed: the cluster is cut by it"
                    if name == "RPATH"
                    else f"FEFF card {name} is no default, so null has nothing to take away"
                )
            else:
                merged[name] = card_text(str(name), value)
        return dict(sorted(merged.items()))

    def feff_cards(self) -> dict[str, str]:
        """Return the cards that FEFF gets, in alphabetical order, values as text."""
        return {name: str(value) for name, value in self.cards.items() if value is not None}

    def parameters(self) -> dict[str, Any]:
        """Return all that decides a spectrum, except the structure; JSON-serialisable."""
        return {"kind": self.kind, "cards": self.feff_cards(), "version": _ALGORITHM_VERSION}
