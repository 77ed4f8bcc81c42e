"""What is used of a measured spectrum: chi(k) in equal steps, with its range."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.processing import (
    ProcessedSpectrum,
    ProcessingSettings,
    process,
    process_chi,
)
from exafscn_flows.sources.measured.feff import CHI_FORMAT
from exafscn_flows.sources.measured.spectrum import MeasuredSpectrum
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.edge_energy import e0_fault
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
class Usable:
    """chi(k) of a measured spectrum.

    Attributes
    ----------
    k, chi
        Wave number in steps of 0.05 1/Å from 0 on, and chi(k); shape (n_k,).
    kmin, kmax
        Usable range, 1/Å.
    processed
        All of the processing; None where only chi(k) is given.
    warnings
        What was guessed or may be wrong, a sentence each.
    """

    k: np.ndarray
    chi: np.ndarray
    kmin: float
    kmax: float
    processed: ProcessedSpectrum | None
    warnings: tuple[str, ...]


def usable_chi(spectrum: MeasuredSpectrum, absorber: str, settings: ProcessingSettings) -> Usable:
    """Process a spectrum as far as its file has not.

    Parameters
    ----------
    spectrum
        As it was read.
    absorber
        Symbol.
    settings
        What is to be done otherwise than by default.

    Raises
    ------
    ItemFailure
        As `exafscn_flows.processing.process` and `process_chi`.
    """
    if spectrum.energy is None or spectrum.mu is None:
        assert spectrum.k is not None
        assert spectrum.chi is not None
        is_calculated = spectrum.format == CHI_FORMAT
        found = process_chi(spectrum.k, spectrum.chi, settings, is_calculated=is_calculated)
        warnings = () if is_calculated else (_ONLY_CHI,)
        return Usable(found.k, found.chi, found.kmin, found.kmax, None, warnings)
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
    return Usable(
        processed.k,
        processed.chi,
        processed.kmin,
        processed.kmax,
        processed,
        (*said, *processed.warnings),
    )


def check_size(usable: Usable) -> None:
    """Refuse a chi(k) that is larger in its range than atoms make it.

    Raises
    ------
    ItemFailure
        ``bad_spectrum``.
    """
    used = (usable.k >= usable.kmin) & (usable.k <= usable.kmax)
    largest = float(np.abs(usable.chi[used]).max())
    if not largest <= _LARGEST_CHI:
        raise ItemFailure(
            "bad_spectrum",
            f"chi(k) reaches {largest:.3g}, which is more than atoms give",
            "look at mu(E) for jumps, at its edge step and at the columns",
        )


def as_spectrum(
    spectrum: MeasuredSpectrum, usable: Usable, absorber: str, said: Iterable[str] = ()
) -> Spectrum:
    """Return a measured spectrum as features are made of it, mu normalised to an edge step of 1.

    Parameters
    ----------
    spectrum
        As it was read.
    usable
        What is used of it.
    absorber
        Symbol.
    said
        What there is to say beside the notes of the reader and the warnings of the processing.
    """
    processed, empty = usable.processed, np.empty(0)
    warnings = (*sentences(spectrum.notes), *said, *usable.warnings)
    if processed is None:
        e0, guess = _e0_of_chi(spectrum, absorber)
        warnings += guess
    else:
        e0 = processed.e0
    return Spectrum(
        edge="K",
        spectrum_type="EXAFS",
        e0=e0,
        k=usable.k,
        chi=usable.chi,
        energy_rel=empty if processed is None else processed.energy - e0,
        mu=empty if processed is None else processed.norm,
        mu0=empty,
        program="measured",
        version=spectrum.format,
        edge_step=None if processed is None else processed.edge_step,
        kmin=usable.kmin,
        kmax=usable.kmax,
        noise=None if processed is None else processed.noise,
        warnings=warnings,
    )


def _e0_of_chi(spectrum: MeasuredSpectrum, absorber: str) -> tuple[float, tuple[str, ...]]:
    """Return E0 of a file that has only chi(k), and what there is to say about it."""
    if spectrum.e0 is not None and not e0_fault(absorber, spectrum.e0):
        return spectrum.e0, ()
    e0 = edge_energy(absorber, "K") or 0.0
    return e0, (f"E0 is not known: the tabulated edge, {e0:g} eV, stands for it.",)


def sentences(notes: Iterable[str]) -> tuple[str, ...]:
    """Return the notes of a reader as the other warnings are: with a full stop.

    Names of columns, with which some begin, keep their case.
    """
    return tuple(note if note.endswith(".") else f"{note}." for note in notes)
