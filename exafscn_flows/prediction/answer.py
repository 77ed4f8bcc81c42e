"""What is answered for a spectrum, and why nothing is."""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from exafscn_flows.prediction.near_edge import NearEdge
from exafscn_flows.processing import ProcessedSpectrum

_ARRAYS = ("k", "chi", "processed")


@dataclass(frozen=True)
class Answer:
    """The coordination number of an absorber, with its doubt, and what was looked at.

    Attributes
    ----------
    file, group
        Path as it was given, None of arrays; and label of the spectrum.
    absorber, edge
        Symbol, and "K".
    format
        What the file is, in words.
    model
        Name of the model.
    cn, probability
        The most probable coordination number, and how probable it is.
    probabilities
        Of all coordination numbers that the model knows.
    set
        Coordination numbers among which the true one is, with the coverage that the model states.
    expected_cn
        Mean of the coordination numbers by their probabilities.
    bond_length, bond_length_sd
        Mean distance of the neighbours and its standard deviation, Å; None if the model knows none.
    kmin, kmax
        Range of chi(k) that was looked at, 1/Å.
    e0, edge_step
        Energy where k = 0, eV, and height of the edge in units of mu; None where only chi(k) is
        given.
    near_edge
        What the near edge alone says, as a second opinion.
    warnings
        What was guessed or may be wrong, a sentence each.
    k, chi
        Wave number in steps of 0.05 1/Å from 0 on, and chi(k); shape (n_k,).
    processed
        All of the processing; None where only chi(k) is given.
    """

    file: str | None
    group: str
    absorber: str
    edge: str
    format: str
    model: str
    cn: int
    probability: float
    probabilities: dict[int, float]
    set: tuple[int, ...]
    expected_cn: float
    bond_length: float | None
    bond_length_sd: float | None
    kmin: float
    kmax: float
    e0: float | None
    edge_step: float | None
    near_edge: NearEdge
    warnings: tuple[str, ...]
    k: np.ndarray = field(repr=False, compare=False)
    chi: np.ndarray = field(repr=False, compare=False)
    processed: ProcessedSpectrum | None = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return all but the arrays, as JSON has it."""
        return _plain(self) | {"near_edge": self.near_edge.to_dict()}


@dataclass(frozen=True)
class ModelAnswer:
    """What a model of a campaign predicts of a measured spectrum.

    Attributes
    ----------
    file, group, absorber, edge, format
        As of `Answer`.
    model, version
        campaign/target/absorber/features/model, and the hash that names its version.
    target, unit
        Name of what is predicted, and the unit of its numbers.
    value
        The most probable class, or the number.
    probability, probabilities
        Of that class, and of all; None of numbers.
    set
        Classes among which the true one is, for nine in ten sites of the campaign; None of numbers.
    expected_value, expected_error
        As of predictions in a campaign.
    kmin, kmax
        Range of chi(k) that the features look at, 1/Å; None if they look at mu(E) alone.
    e0, edge_step, warnings, k, chi, processed
        As of `Answer`.
    """

    file: str | None
    group: str
    absorber: str
    edge: str
    format: str
    model: str
    version: str
    target: str
    unit: str
    value: int | float | str
    probability: float | None
    probabilities: dict[str, float] | None
    set: tuple[int | str, ...] | None
    expected_value: float | None
    expected_error: float
    kmin: float | None
    kmax: float | None
    e0: float | None
    edge_step: float | None
    warnings: tuple[str, ...]
    k: np.ndarray = field(repr=False, compare=False)
    chi: np.ndarray = field(repr=False, compare=False)
    processed: ProcessedSpectrum | None = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return all but the arrays, as JSON has it."""
        return _plain(self)


@dataclass(frozen=True)
class Failed:
    """A spectrum, or a file, for which there is no answer.

    Attributes
    ----------
    file, group
        Path as it was given, None of arrays; and label, empty if the whole file cannot be used.
    error
        One line: what is wrong, and where.
    hint
        What a user can do about it.
    """

    file: str | None
    group: str
    error: str
    hint: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def __str__(self) -> str:
        return f"{self.error}: {self.hint}" if self.hint else self.error


def _plain(answer: Answer | ModelAnswer) -> dict[str, Any]:
    found = {one.name: getattr(answer, one.name) for one in fields(answer)}
    for name in _ARRAYS:
        del found[name]
    if answer.probabilities is not None:
        found["probabilities"] = {str(one): share for one, share in answer.probabilities.items()}
    return found | {
        "set": None if answer.set is None else list(answer.set),
        "warnings": list(answer.warnings),
    }
