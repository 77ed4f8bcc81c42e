"""Answers for arrays."""

from collections.abc import Collection
from typing import Literal

import numpy as np
import numpy.typing as npt

from exafscn_flows.elements import check_element, parse_elements
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.prediction.answer import Answer, Failed
from exafscn_flows.prediction.answering import answer, check_settings
from exafscn_flows.prediction.predictor import Predictor, general
from exafscn_flows.processing import ProcessingSettings
from exafscn_flows.sources.measured import MeasuredSpectrum
from exafscn_flows.sources.measured.axes import energies
from exafscn_flows.sources.measured.spectrum import ColumnTable, Stated
from exafscn_flows.sources.measured.tables import mu_spectrum


def predict(
    energy: npt.ArrayLike,
    mu: npt.ArrayLike,
    absorber: str | None = None,
    *,
    mode: Literal["transmission", "fluorescence"] | None = None,
    settings: ProcessingSettings | None = None,
    model: Predictor | None = None,
    elements: Collection[str] = (),
) -> Answer | list[Answer | Failed]:
    """Return the coordination number of an absorber, with its doubt.

    Parameters
    ----------
    energy
        Energy, eV or keV; shape (n_e,), or one row for each spectrum. Points may be in any order;
        those that are not finite are left out, and the mean is taken of those at one energy.
    mu
        Absorption of one spectrum, shape (n_e,), or of several, shape (n_spectra, n_e).
    absorber
        Symbol; None to find it by the energy of the edge.
    mode
        How mu was measured, if that is known.
    settings
        What is to be done otherwise than by default.
    model
        By default the one that comes with this package.
    elements
        Symbols of those of the sample, or a text such as ``"Fe,O"``; empty if they are not known.

    Returns
    -------
    Answer, or list of Answer and Failed
        A list if mu has two dimensions; of what cannot be answered it says why.

    Raises
    ------
    ItemFailure
        If one spectrum cannot be answered.
    UsageError
        If shapes, absorber or settings make no sense.
    """
    x, y = _arrays(energy, mu)
    settings, model = settings or ProcessingSettings(), model or general()
    check_settings(settings)
    if absorber is not None:
        try:
            check_element(absorber)
        except ValueError as error:
            raise UsageError(f"absorber {error}") from error
    try:
        text = elements if isinstance(elements, str) else ",".join(elements)
        known = parse_elements(text) if text else frozenset()
    except ValueError as error:
        raise UsageError(f"elements: {error}") from error
    if y.ndim == 1:
        spectrum = _spectrum(x, y, absorber, mode, "")
        return answer(spectrum, None, "the spectrum", model, settings, known)
    answers: list[Answer | Failed] = []
    for number, (one_x, one_y) in enumerate(zip(np.broadcast_to(x, y.shape), y, strict=True), 1):
        name = f"spectrum {number}"
        try:
            spectrum = _spectrum(one_x, one_y, absorber, mode, name)
            answers.append(answer(spectrum, None, name, model, settings, known))
        except ItemFailure as error:
            answers.append(Failed(None, name, error.message, error.hint))
    return answers


def _arrays(energy: npt.ArrayLike, mu: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    try:
        x, y = np.asarray(energy, dtype=float), np.asarray(mu, dtype=float)
    except (ValueError, TypeError) as error:
        raise UsageError("energy and mu must be arrays of numbers of equal lengths") from error
    if y.ndim not in (1, 2) or x.shape not in (y.shape, y.shape[-1:]):
        raise UsageError(
            f"energy and mu have shapes {x.shape} and {y.shape}: energy must be (n,), and mu "
            "(n,), or (m, n) of m spectra"
        )
    return x, y


def _spectrum(
    energy: np.ndarray,
    mu: np.ndarray,
    absorber: str | None,
    mode: Literal["transmission", "fluorescence"] | None,
    group: str,
) -> MeasuredSpectrum:
    name = group or "the spectrum"
    rows = np.column_stack([energy, mu])
    stated = Stated(absorber=absorber)
    table = ColumnTable(name, group, "arrays", ("energy", "mu"), ("", ""), rows, stated)
    in_ev, notes = energies(table, 0, absorber)
    return mu_spectrum(table, in_ev, mu, stated, "mu", mode or "mu", notes)
