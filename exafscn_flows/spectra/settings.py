"""What a campaign file may say about spectra."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from exafscn_flows.spectra.feff_cards import EXTERNAL_CARDS, FEFF8L_CARDS, merged_cards
from exafscn_flows.spectra.parts import EVERYTHING, NEAR_EDGE, Part
from exafscn_flows.spectra.way import SpectraModel, SpectrumName
from exafscn_flows.strict import LocatedError, from_folder

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from exafscn_flows.spectra.base import Spectrum

_ALGORITHM_VERSION = 1
"""Raised whenever the code gives other spectra for the same settings."""

_SHORT = 60.0
"""Seconds that self-consistent potentials of many sites take longer than."""

DEFAULT_CARDS: dict[str, str] = {
    "EXAFS": "20",
    "NLEG": "4",
    "PCRITERIA": "1 1",
    "RPATH": "8",
}
"""About one second a site; chi(R) within 1 % of a converged path list for R of 1-3 Å."""


class FeffSettings(SpectraModel):
    """K-edge EXAFS by FEFF 8.5L, or EXAFS and XANES by another FEFF."""

    seconds = 1.0

    kind: Literal["feff"] = "feff"
    name: SpectrumName = Field(
        default="exafs", description="What feature sets call it; by default exafs, or xanes."
    )
    command: str | None = Field(
        default=None,
        description="Program of FEFF 9 or 10, or a script, with arguments as in a shell, that is "
        "run in the folder of feff.inp; None: FEFF 8.5L, which exafscn brings along.",
    )
    cards: dict[str, str | int | float | None] = Field(
        default=dict(DEFAULT_CARDS),
        description="FEFF cards under FEFF's own names. They replace or extend the defaults; "
        "null takes a default away. With XANES, there are no defaults.",
    )
    time_limit: float = Field(
        default=60, gt=0, allow_inf_nan=False, description="Longest FEFF run of one site, seconds."
    )

    @classmethod
    def _default_name(cls, values: dict[str, Any]) -> str:
        cards = values.get("cards")
        xanes = isinstance(cards, dict) and cards.get("XANES") is not None
        return "xanes" if xanes else super()._default_name(values)

    @field_validator("command", mode="wrap")
    @classmethod
    def _from_folder_of_campaign(
        cls, given: Any, check: Callable[[Any], str | None], info: ValidationInfo
    ) -> str | None:
        command = check(given)
        if command is None:
            return None
        try:
            words = shlex.split(command)
        except ValueError as error:
            why = str(error).lower()
            raise ValueError(f"{command!r} names no program: there is {why}") from None
        if not words:
            raise ValueError(f"{command!r} names no program: it is empty")
        program, *arguments = words
        if "/" in program:
            program = from_folder(program, given, info)
        return shlex.join([program, *arguments])

    @field_validator("cards", mode="before")
    @classmethod
    def _one_form(cls, cards: Any, info: ValidationInfo) -> Any:
        if not isinstance(cards, dict):
            return cards
        return merged_cards(
            cards,
            DEFAULT_CARDS if cards.get("XANES") is None else {},
            FEFF8L_CARDS if info.data.get("command") is None else EXTERNAL_CARDS,
            needed={"RPATH": "the cluster is cut by it"},
            nullable=DEFAULT_CARDS,
        )

    @model_validator(mode="after")
    def _one_type(self) -> Self:
        cards = self.feff_cards()
        if "XANES" in cards and "EXAFS" in cards:
            raise LocatedError(("cards", "XANES"), "FEFF card XANES excludes EXAFS")
        if "XANES" in cards and "FMS" not in cards:
            message = "FEFF card XANES needs FMS, the radius of full multiple scattering"
            raise LocatedError(("cards", "XANES"), message)
        return self

    @property
    def brings(self) -> frozenset[Part]:
        """What its spectra hold."""
        return NEAR_EDGE if "XANES" in self.cards else EVERYTHING

    @property
    def found_by_content(self) -> bool:
        # Nobody knows what a command of that name is elsewhere, or was before.
        return self.command is None

    def check(self) -> None:
        """Raise UsageError if the program of `command` is not on this machine."""
        if self.command is not None:
            from exafscn_flows.spectra.feff_external import check_command

            check_command(self.command, self.name)

    def advice(self) -> str:
        if "SCF" not in self.feff_cards() or self.time_limit > _SHORT:
            return ""
        return (
            f"spectra {self.name}: with SCF, FEFF takes 15 to 90 s a site, and time_limit is "
            f"{self.time_limit:g} s: write time_limit: 300, or leave SCF out"
        )

    def feff_cards(self) -> dict[str, str]:
        """Return the cards that FEFF gets, in alphabetical order, values as text."""
        return {name: str(value) for name, value in self.cards.items() if value is not None}

    def parameters(self) -> dict[str, Any]:
        """Return all that decides a spectrum, except the structure; JSON-serialisable."""
        parameters: dict[str, Any] = {"kind": self.kind, "cards": self.feff_cards()}
        if self.command is not None:
            parameters["command"] = self.command
        return {**parameters, "version": _ALGORITHM_VERSION}

    def compute(self, structure: "Structure", site_index: int, scratch: Path) -> "Spectrum":
        from exafscn_flows.spectra.feff import compute_spectrum

        return compute_spectrum(structure, site_index, self, scratch)


class StoredSettings(SpectraModel):
    """The spectra that the sources bring; none is computed."""

    stored = True

    kind: Literal["stored"]
    name: SpectrumName = Field(default="stored", description="What feature sets call it.")

    @property
    def brings(self) -> frozenset[Part]:
        """All there is, as far as sources bring it."""
        return EVERYTHING

    def check(self) -> None:
        """Do nothing: the sources are checked by themselves."""

    def parameters(self) -> dict[str, Any]:
        """Return all that decides a spectrum, except what the source holds."""
        return {"kind": self.kind, "version": 1}

    def compute(self, structure: "Structure", site_index: int, scratch: Path) -> "Spectrum":
        raise NotImplementedError("the sources bring these spectra")
