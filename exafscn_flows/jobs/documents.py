"""What the jobs on single structures give back: documents that any store of jobflow can keep."""

from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from exafscn_flows.prediction import Answer
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.targets.base import Label


class SiteInCell(BaseModel):
    """One inequivalent site of a crystal, in its primitive cell."""

    structure: Any = Field(description="Primitive cell, pymatgen Structure.")
    formula: str = Field(description="Reduced chemical formula.")
    spacegroup: str = Field(description="Hermann-Mauguin symbol found by spglib.")
    absorber: str = Field(description="Element symbol of the site.")
    site_index: int = Field(description="0-based index in the cell.")
    multiplicity: int = Field(description="Equivalent sites in the cell.")


class SpectrumDocument(BaseModel):
    """Spectrum of one site."""

    absorber: str = Field(description="Element symbol.")
    site_index: int = Field(description="0-based index in the structure that was given.")
    settings: dict[str, Any] = Field(description="How it was computed, with all defaults.")
    edge: str = Field(description="Absorption edge; empty of a PDF.")
    spectrum_type: str = Field(description="EXAFS, XANES or PDF.")
    e0: float = Field(description="Energy where k = 0, eV; 0 of a PDF.")
    k: list[float] = Field(description="Photoelectron wave number, 1/Å; empty without chi(k).")
    chi: list[float] = Field(description="chi(k).")
    energy_rel: list[float] = Field(description="Energy above e0, eV; empty of a PDF.")
    mu: list[float] = Field(description="Absorption, edge step 1.")
    mu0: list[float] = Field(description="Background of mu; empty if it is not known.")
    r: list[float] = Field(description="Distance, Å; empty but of a PDF.")
    pdf: list[float] = Field(description="G(r) of all pairs, 1/Å².")
    dpdf: list[float] = Field(description="G(r) of pairs that contain the absorber, 1/Å².")
    program: str = Field(description="Program that made it.")
    version: str = Field(description="Version of the program.")
    cards: dict[str, str] = Field(description="FEFF cards used.")
    seconds: float = Field(description="Processor seconds that it took.")

    @classmethod
    def of(
        cls, spectrum: Spectrum, absorber: str, site_index: int, settings: dict[str, Any]
    ) -> Self:
        """Make one of a spectrum."""
        values = {name: getattr(spectrum, name) for name in Spectrum.__dataclass_fields__}
        plain = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in values.items()
            if name in cls.model_fields
        }
        return cls(absorber=absorber, site_index=site_index, settings=settings, **plain)


class LabelDocument(BaseModel):
    """What one site is, in the words of one target."""

    target: str = Field(description="Name of the target.")
    value: int | float | str = Field(description="Class, or number in the unit of the target.")
    unit: str = Field(description="Unit of its numbers.")
    weights: dict[str, float] | None = Field(description="Weight of every class, sum 1, if known.")
    spread: float | None = Field(description="Standard deviation of what a number is a mean of.")
    details: dict[str, float | str | None] = Field(description="What else is known.")

    @classmethod
    def of(cls, label: Label, target: str, unit: str) -> Self:
        """Make one of a label."""
        weights = None if label.weights is None else dict(label.weights)
        return cls(
            target=target,
            value=label.value,
            unit=unit,
            weights=weights,
            spread=label.spread,
            details=dict(label.details),
        )


class LabelsDocument(BaseModel):
    """Labels of one site."""

    absorber: str = Field(description="Element symbol.")
    site_index: int = Field(description="0-based index in the structure that was given.")
    labels: dict[str, LabelDocument] = Field(description="By name of the target.")
    neighbours: dict[str, int] = Field(description="Number of CrystalNN's neighbours by element.")


class PredictionDocument(BaseModel):
    """What the model that comes with the package says of a chi(k)."""

    absorber: str = Field(description="Element symbol.")
    model: str = Field(description="Name of the model.")
    coordination_number: int = Field(description="The most probable one.")
    probability: float = Field(description="How probable it is, 0-1.")
    probabilities: dict[str, float] = Field(description="Of all that the model knows.")
    prediction_set: list[int] = Field(description="Those among which the true one probably is.")
    expected_value: float = Field(description="Mean by the probabilities.")
    bond_length: float | None = Field(description="Mean distance of the neighbours, Å.")
    bond_length_sd: float | None = Field(description="Its standard deviation, Å.")
    kmin: float = Field(description="Start of what was looked at, 1/Å.")
    kmax: float = Field(description="End of it, 1/Å.")
    warnings: list[str] = Field(description="What may be wrong, a sentence each.")

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Make one of an answer."""
        return cls(
            absorber=answer.absorber,
            model=answer.model,
            coordination_number=answer.cn,
            probability=answer.probability,
            probabilities={str(cn): share for cn, share in answer.probabilities.items()},
            prediction_set=list(answer.set),
            expected_value=answer.expected_cn,
            bond_length=answer.bond_length,
            bond_length_sd=answer.bond_length_sd,
            kmin=answer.kmin,
            kmax=answer.kmax,
            warnings=list(answer.warnings),
        )
