"""From a spectrum that was read to an answer."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.prediction.answer import Answer, ModelAnswer
from exafscn_flows.prediction.campaign_model import CampaignModels
from exafscn_flows.prediction.near_edge import disagreement, near_edge_of
from exafscn_flows.prediction.predictor import Predictor
from exafscn_flows.processing import ProcessingSettings
from exafscn_flows.processing.noise import LEAST_KMAX
from exafscn_flows.sources.measured import MeasuredSpectrum
from exafscn_flows.sources.measured.absorber import absorber_of
from exafscn_flows.sources.measured.spectrum import failure
from exafscn_flows.sources.measured.usable import as_spectrum, check_size, sentences, usable_chi


def answer(
    spectrum: MeasuredSpectrum,
    file: str | None,
    name: str,
    model: Predictor,
    settings: ProcessingSettings,
    elements: Collection[str] = (),
) -> Answer:
    """Return what a model answers for a spectrum.

    Parameters
    ----------
    spectrum
        As it was read.
    file
        Path as it was given; None of arrays.
    name
        What to call the spectrum in errors.
    model
        The model.
    settings
        What is to be done otherwise than by default.
    elements
        Those of the sample; empty if they are not known.

    Raises
    ------
    ItemFailure
        One line that says why there is no answer.
    """
    absorber, guess = absorber_of(spectrum, model.absorbers, name)
    try:
        _check_elements(absorber, elements)
        usable = usable_chi(spectrum, absorber, settings)
        kmin, kmax, said = looked_at(model, usable.kmin, usable.kmax)
        check_size(replace(usable, kmin=kmin, kmax=kmax))
        inputs = (usable.k, usable.chi, kmin, kmax, absorber)
        probabilities = model.probabilities(*inputs)
        bond = model.bond_length(*inputs)
    except ItemFailure as error:
        raise failure(error.kind, name, error.message, error.hint) from error
    best = int(np.argmax(probabilities))
    classes, processed = model.classes, usable.processed
    shares = dict(zip(classes, map(float, probabilities), strict=True))
    near_edge = near_edge_of(processed, absorber, shares, elements)
    said = (*said, *disagreement(near_edge, classes[best]))
    return Answer(
        file=file,
        group=spectrum.group,
        absorber=absorber,
        edge="K",
        format=spectrum.format,
        model=model.name,
        cn=classes[best],
        probability=float(probabilities[best]),
        probabilities=shares,
        set=tuple(model.prediction_set(probabilities, absorber)),
        expected_cn=float(probabilities @ np.array(classes)),
        bond_length=None if bond is None else float(bond[0]),
        bond_length_sd=None if bond is None else float(bond[1]),
        kmin=kmin,
        kmax=kmax,
        e0=None if processed is None else processed.e0,
        edge_step=None if processed is None else processed.edge_step,
        near_edge=near_edge,
        warnings=(*sentences(spectrum.notes), *guess, *usable.warnings, *said),
        k=usable.k,
        chi=usable.chi,
        processed=processed,
    )


def answer_of_campaign(
    spectrum: MeasuredSpectrum,
    file: str | None,
    name: str,
    models: CampaignModels,
    settings: ProcessingSettings,
    elements: Collection[str] = (),
) -> ModelAnswer:
    """Return what the model of a campaign predicts of a spectrum; as `answer`.

    Raises
    ------
    ItemFailure
        One line that says why there is no answer.
    """
    absorber, guess = absorber_of(spectrum, models.absorbers, name)
    model = models.models[absorber]
    try:
        _check_elements(absorber, elements)
        if models.composition is not None and absorber not in models.composition:
            cause = f"the absorber, {absorber}, is not in the formula that is given"
            raise ItemFailure("no_absorber", cause, "give that of the sample")
        usable = usable_chi(spectrum, absorber, settings)
        check_size(usable)
        measured = as_spectrum(spectrum, usable, absorber, guess)
        found, said = model.predicted(measured, models.composition)
    except ItemFailure as error:
        raise failure(error.kind, name, error.message, error.hint) from error
    kmin, kmax = model.k_range or (None, None)
    within, processed = found.pop("prediction_set"), usable.processed
    return ModelAnswer(
        file=file,
        group=spectrum.group,
        absorber=absorber,
        edge="K",
        format=spectrum.format,
        model=model.name,
        version=model.version,
        target=model.target,
        unit=model.unit,
        **found,
        set=None if within is None else tuple(within),
        kmin=kmin,
        kmax=kmax,
        e0=None if processed is None else processed.e0,
        edge_step=None if processed is None else processed.edge_step,
        warnings=(*measured.warnings, *said),
        k=usable.k,
        chi=usable.chi,
        processed=processed,
    )


def _check_elements(absorber: str, elements: Collection[str]) -> None:
    if elements and absorber not in elements:
        cause = f"the absorber, {absorber}, is not among the elements that are given"
        raise ItemFailure("no_absorber", cause, "give all those of the sample")


def check_settings(settings: ProcessingSettings) -> None:
    """Raise UsageError if the end of chi(k) is set to where it tells nothing."""
    if settings.kmax is not None and settings.kmax < LEAST_KMAX:
        raise UsageError(f"kmax is {settings.kmax:g} 1/Å, and {LEAST_KMAX:g} is the least")


def looked_at(model: Predictor, kmin: float, kmax: float) -> tuple[float, float, tuple[str, ...]]:
    """Return the range of k that a model looks at, with a warning if it leaves some of it out.

    Parameters
    ----------
    kmin, kmax
        Usable range of chi(k), 1/Å.
    """
    least, most = model.k_range
    low, high = max(kmin, least), min(kmax, most)
    if (low, high) == (kmin, kmax):
        return kmin, kmax, ()
    said = f"The model looks at k from {least:g} to {most:g} 1/Å, and at no more."
    return low, high, (said,)
