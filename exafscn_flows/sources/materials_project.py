"""Structures and stored spectra of the Materials Project."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from exafscn_flows.sources.base import Reader, Record, RemoteSource, Session
from exafscn_flows.spectra.parts import NEAR_EDGE, Part, SpectrumType
from exafscn_flows.strict import Symbol

_ID = re.compile(r"[a-z]+-[0-9]+|([a-z]+-)?[a-z]+")


def _check_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no material id: write one such as mp-19009 or mp-lxf")
    return text


MaterialId = Annotated[str, AfterValidator(_check_id)]
"""With a number, or newer ones with letters alone: mp-19009, mp-lxf, aaabsjpj."""


class MaterialsProjectSource(RemoteSource):
    """Crystals of the Materials Project, or spectra that it has computed with FEFF 9.

    Jain et al., APL Mater. 1, 011002 (2013); spectra: Mathew et al., Sci. Data 5, 180151 (2018).
    An API key is needed while something has to be fetched.
    """

    kind: Literal["materials_project"]
    ids: list[MaterialId] | None = Field(
        default=None, min_length=1, description="Materials; otherwise all that hold an absorber."
    )
    elements: list[Symbol] = Field(
        default=[], description="Elements that must all be present, besides the absorber."
    )
    oxides: bool = Field(default=False, description="Short for O among the elements.")
    max_energy_above_hull: float | None = Field(
        default=None, ge=0, description="Highest energy above the convex hull, eV/atom."
    )
    theoretical: bool | None = Field(
        default=None, description="Only structures that are (or are not) known from theory only."
    )
    max_sites: int | None = Field(
        default=None, ge=1, description="Most atoms in the cell of the Materials Project."
    )
    stored_spectra: SpectrumType | None = Field(
        default=None, description="Stored spectra instead of structures alone."
    )

    @model_validator(mode="after")
    def _askable(self) -> Self:
        given = {
            name
            for name, field in type(self).model_fields.items()
            if name not in ("kind", "ids", "stored_spectra")
            and getattr(self, name) != field.default
        }
        if self.ids is not None and given:
            raise ValueError(f"ids name the materials; leave out {', '.join(sorted(given))}")
        if self.ids is not None and len(set(self.ids)) != len(self.ids):
            raise ValueError("an id is listed twice: leave one out")
        unknown = given & {"max_energy_above_hull", "theoretical"}
        if self.stored_spectra is not None and unknown:
            raise ValueError(
                f"stored spectra cannot be searched by {', '.join(sorted(unknown))}; leave it out, "
                "or name the materials by ids"
            )
        return self

    @property
    def has_spectra(self) -> bool:
        return self.stored_spectra is not None

    def content(self) -> dict[str, Any]:
        return {"kind": self.kind, "stored_spectra": self.stored_spectra}

    @property
    def brings(self) -> frozenset[Part]:
        # Its EXAFS have a point every 7.5 eV.
        return NEAR_EDGE if self.stored_spectra == "XANES" else frozenset({"EXAFS in mu(E)"})

    def check(self) -> None:
        """Do nothing: a campaign that has fetched what it needs needs neither network nor key."""

    @contextmanager
    def connect(self) -> Iterator[Session]:
        """Open a session.

        Raises
        ------
        UsageError
            If there is no key, or the server refuses it.
        CampaignError
            Also from the session: if the server does not answer, after patient retries.
        """
        # What the network needs takes a while to import.
        from exafscn_flows.sources.materials_project_client import open_client
        from exafscn_flows.sources.materials_project_session import (
            SpectraSession,
            StructuresSession,
        )

        with open_client() as client:
            if self.stored_spectra is None:
                yield StructuresSession(
                    client,
                    ids=self.ids,
                    elements=self._required(),
                    max_energy_above_hull=self.max_energy_above_hull,
                    max_sites=self.max_sites,
                    theoretical=self.theoretical,
                )
            else:
                yield SpectraSession(
                    client,
                    self.stored_spectra,
                    ids=self.ids,
                    elements=self._required(),
                    max_sites=self.max_sites,
                )

    def reader(self, records: Mapping[str, Record]) -> Reader:
        """Return what reads structures and spectra from records, by entry name; no network."""
        from exafscn_flows.sources.materials_project_readers import SpectraReader, StructuresReader

        return (StructuresReader if self.stored_spectra is None else SpectraReader)(records)

    def _required(self) -> list[str]:
        return sorted({*self.elements, *(["O"] if self.oxides else [])})
