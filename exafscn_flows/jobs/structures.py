"""Jobs on single structures: they know no campaign and no database, and give documents back."""

from typing import Any

import numpy as np
from jobflow import job
from pydantic import TypeAdapter, ValidationError
from pymatgen.core import Structure

from exafscn_flows.config.ways import SpectraSettings
from exafscn_flows.crystal import absorbing_sites, reduce_structure, without_decoration
from exafscn_flows.elements import check_absorber
from exafscn_flows.errors import ItemFailure, UsageError, problem_text
from exafscn_flows.jobs.documents import (
    LabelDocument,
    LabelsDocument,
    PredictionDocument,
    SiteInCell,
    SpectrumDocument,
)
from exafscn_flows.prediction import general
from exafscn_flows.prediction.answering import answer
from exafscn_flows.processing import ProcessingSettings
from exafscn_flows.settings import Settings
from exafscn_flows.sources.measured import MeasuredSpectrum
from exafscn_flows.spectra import SpectraModel
from exafscn_flows.targets import Target, TargetModel
from exafscn_flows.targets.surroundings import Surroundings


def inequivalent_sites(
    structure: Structure, absorber: str, symprec: float = 0.01
) -> list[SiteInCell]:
    """Find the inequivalent sites of an element, in the primitive cell.

    Parameters
    ----------
    structure
        Any cell of an ordered crystal.
    absorber
        Element symbol.
    symprec
        Tolerance of spglib, Å.

    Raises
    ------
    UsageError
        If there is no such element that can absorb.
    ItemFailure
        If the structure cannot be used, or does not hold the absorber.
    """
    try:
        check_absorber(absorber)
    except ValueError as error:
        raise UsageError(f"absorber {error}") from None
    reduced = reduce_structure(structure, symprec)
    found = absorbing_sites(reduced, absorber)
    if not found:
        message = f"{reduced.formula} does not hold {absorber}"
        raise ItemFailure("no_absorber", message, "name an element of the structure")
    return [
        SiteInCell(
            structure=reduced.structure,
            formula=reduced.formula,
            spacegroup=reduced.spacegroup,
            absorber=absorber,
            site_index=site.site_index,
            multiplicity=site.multiplicity,
        )
        for site in found
    ]


@job(output_schema=SpectrumDocument)
def compute_spectrum(
    structure: Structure, site_index: int, settings: dict[str, Any] | None = None
) -> SpectrumDocument:
    """Compute the spectrum of one site.

    Parameters
    ----------
    structure
        Ordered structure.
    site_index
        0-based index of the absorber.
    settings
        As under `spectra` in a campaign file, such as ``{"kind": "feff", "cards": {"RPATH": 6}}``.

    Raises
    ------
    UsageError
        If a setting is wrong, or what it needs is not installed.
    ItemFailure
        If there is no spectrum of this site.
    """
    way: SpectraModel = _validated(SpectraSettings, settings or {}, "spectra")
    if way.stored:
        raise UsageError("spectra: kind stored computes nothing: name another one")
    way.check()
    plain, absorber = _checked(structure, site_index)
    spectrum = way.compute(plain, site_index, Settings().SCRATCH_DIR)
    return SpectrumDocument.of(spectrum, absorber, site_index, way.model_dump(mode="json"))


@job(output_schema=LabelsDocument)
def label_site(
    structure: Structure, site_index: int, targets: list[Any] | None = None
) -> LabelsDocument:
    """Find out what one site is.

    Parameters
    ----------
    structure
        Ordered structure.
    site_index
        0-based index of the site.
    targets
        As under `targets` in a campaign file; by default the coordination number.

    Raises
    ------
    UsageError
        If a target is wrong, or has no label of its own.
    ItemFailure
        If this site has no such label that can be trusted.
    """
    plain, absorber = _checked(structure, site_index)
    surroundings = Surroundings(plain)
    found = {}
    for number, one in enumerate(targets or ["coordination_number"]):
        target = _validated(Target, one, f"targets[{number}]")
        if not isinstance(target, TargetModel):
            raise UsageError(f"targets[{number}]: {target.kind} is no label of a structure")
        label = target.label_site(surroundings, site_index)
        found[target.name] = LabelDocument.of(label, target.name, target.unit)
    return LabelsDocument(
        absorber=absorber,
        site_index=site_index,
        labels=found,
        neighbours=dict(surroundings.coordination(site_index).neighbours),
    )


@job(output_schema=PredictionDocument)
def predict_from_spectrum(spectrum: SpectrumDocument | dict[str, Any]) -> PredictionDocument:
    """Let the model that comes with the package say what the absorber's coordination number is.

    Parameters
    ----------
    spectrum
        Output of `compute_spectrum`, with chi(k).

    Raises
    ------
    ItemFailure
        If there is no chi(k), or the model does not know the absorber.
    """
    found = SpectrumDocument.model_validate(spectrum)
    name = f"{found.absorber}, site {found.site_index}"
    if not found.chi:
        message = f"{name}: the spectrum has no chi(k), from which the model predicts"
        raise ItemFailure("bad_spectrum", message, "compute EXAFS")
    measured = MeasuredSpectrum(
        group=name,
        energy=None,
        mu=None,
        k=np.array(found.k),
        chi=np.array(found.chi),
        kind="chi",
        absorber=found.absorber,
        edge=found.edge,
        e0=None,
        mode="mu",
        format=found.program,
        notes=(),
    )
    said = answer(measured, None, name, general(), ProcessingSettings())
    return PredictionDocument.of(said)


def _checked(structure: Structure, site_index: int) -> tuple[Structure, str]:
    """Return a structure of plain elements, and the element of a site.

    Raises
    ------
    ItemFailure
        ``site_mismatch``, if there is no such site; ``disordered`` or ``unknown_species``.
    """
    plain = without_decoration(structure)
    if not 0 <= site_index < len(plain):
        message = f"there is no site {site_index}: the structure has {len(plain)}"
        raise ItemFailure("site_mismatch", message, "count sites from 0")
    return plain, plain[site_index].specie.symbol


def _validated(kind: Any, value: Any, place: str) -> Any:
    """Return settings as their model has them, as those of a campaign file.

    Raises
    ------
    UsageError
        If one is wrong.
    """
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise UsageError(f"{place}: {key}: {problem_text(problem)}") from None
