"""From a spectrum that was read to an answer."""

from dataclasses import dataclass, replace

import numpy as np

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.prediction.absorber import absorber_of
from exafscn_flows.prediction.answer import Answer
from exafscn_flows.prediction.predictor import Predictor
from exafscn_flows.processing import (
    ProcessedSpectrum,
    ProcessingSettings,
    process,
    process_chi,
)
from exafscn_flows.processing.noise import LEAST_KMAX
from exafscn_flows.sources.measured import MeasuredSpectrum
from exafscn_flows.sources.measured.feff import CHI_FORMAT
from exafscn_flows.sources.measured.spectrum import failure
from exafscn_flows.spectra.edge_table import edge_energy

_PRE_EDGE = 60.0
"""A normalised spectrum that begins nearer to its edge than this, eV, is continued before it."""

_LARGEST_CHI = 2.0

_ONLY_CHI = (
    "Only chi(k) is given: E0, normalisation and background are those of whoever has made it."
)

_CONTINUED = 200.0, 5.0
"""How far, and in what steps, eV."""


@dataclass(frozen=True)
class _Usable:
    k: np.ndarray
    chi: np.ndarray
    kmin: float
    kmax: float
    processed: ProcessedSpectrum | None
    warnings: tuple[str, ...]


def answer(
    spectrum: MeasuredSpectrum,
    file: str | None,
    name: str,
    model: Predictor,
    settings: ProcessingSettings,
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

    Raises
    ------
    ItemFailure
        One line that says why there is no answer.
    """
    absorber, guess = absorber_of(spectrum, model.absorbers, name)
    try:
        usable = _within(_usable(spectrum, absorber, settings), model.k_range)
        _check_size(usable)
        inputs = (usable.k, usable.chi, usable.kmin, usable.kmax, absorber)
        probabilities = model.probabilities(*inputs)
        bond = model.bond_length(*inputs)
    except ItemFailure as error:
        raise failure(error.kind, name, error.message, error.hint) from error
    best = int(np.argmax(probabilities))
    classes, processed = model.classes, usable.processed
    return Answer(
        file=file,
        group=spectrum.group,
        absorber=absorber,
        edge="K",
        format=spectrum.format,
        model=model.name,
        cn=classes[best],
        probability=float(probabilities[best]),
        probabilities=dict(zip(classes, map(float, probabilities), strict=True)),
        set=tuple(model.prediction_set(probabilities, absorber)),
        expected_cn=float(probabilities @ np.array(classes)),
        bond_length=None if bond is None else float(bond[0]),
        bond_length_sd=None if bond is None else float(bond[1]),
        kmin=usable.kmin,
        kmax=usable.kmax,
        e0=None if processed is None else processed.e0,
        edge_step=None if processed is None else processed.edge_step,
        warnings=(*map(_sentence, spectrum.notes), *guess, *usable.warnings),
        k=usable.k,
        chi=usable.chi,
        processed=processed,
    )


def check_settings(settings: ProcessingSettings) -> None:
    """Raise UsageError if the end of chi(k) is set to where it tells nothing."""
    if settings.kmax is not None and settings.kmax < LEAST_KMAX:
        raise UsageError(f"kmax is {settings.kmax:g} 1/Å, and {LEAST_KMAX:g} is the least")


def _usable(spectrum: MeasuredSpectrum, absorber: str, settings: ProcessingSettings) -> _Usable:
    if spectrum.energy is None or spectrum.mu is None:
        assert spectrum.k is not None
        assert spectrum.chi is not None
        is_calculated = spectrum.format == CHI_FORMAT
        found = process_chi(spectrum.k, spectrum.chi, settings, is_calculated=is_calculated)
        warnings = () if is_calculated else (_ONLY_CHI,)
        return _Usable(found.k, found.chi, found.kmin, found.kmax, None, warnings)
    energy, mu = spectrum.energy, spectrum.mu
    said: tuple[str, ...] = ()
    tabulated = edge_energy(absorber, "K")
    if spectrum.kind == "normalized" and tabulated and energy[0] > tabulated - _PRE_EDGE:
        far, step = _CONTINUED
        before = energy[0] - np.arange(far, 0, -step)
        energy = np.concatenate([before, energy])
        mu = np.concatenate([np.zeros(len(before)), mu])
        said = (f"Normalised mu is taken for 0 before it begins, at {spectrum.energy[0]:.0f} eV.",)
    mode = None if spectrum.mode == "mu" else spectrum.mode
    processed = process(energy, mu, absorber, settings, mode=mode)
    return _Usable(
        processed.k,
        processed.chi,
        processed.kmin,
        processed.kmax,
        processed,
        (*said, *processed.warnings),
    )


def _within(usable: _Usable, k_range: tuple[float, float]) -> _Usable:
    """Return what is looked at, with a warning if a model does not look at all that is usable."""
    kmin, kmax = max(usable.kmin, k_range[0]), min(usable.kmax, k_range[1])
    if (kmin, kmax) == (usable.kmin, usable.kmax):
        return usable
    said = f"The model looks at k from {k_range[0]:g} to {k_range[1]:g} 1/Å, and at no more."
    return replace(usable, kmin=kmin, kmax=kmax, warnings=(*usable.warnings, said))


def _check_size(usable: _Usable) -> None:
    used = (usable.k >= usable.kmin) & (usable.k <= usable.kmax)
    largest = float(np.abs(usable.chi[used]).max())
    if not largest <= _LARGEST_CHI:
        raise ItemFailure(
            "bad_spectrum",
            f"chi(k) reaches {largest:.3g}, which is more than atoms give",
            "look at mu(E) for jumps, at its edge step and at the columns",
        )


def _sentence(note: str) -> str:
    """Return a note of a reader as the other warnings are: with a full stop.

    Names of columns, with which some begin, keep their case.
    """
    return note if note.endswith(".") else f"{note}."
