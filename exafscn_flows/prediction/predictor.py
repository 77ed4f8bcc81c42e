"""What a model has to be that answers for measured spectra."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np


class Predictor(Protocol):
    """A fitted model of coordination numbers, which looks at chi(k).

    Attributes
    ----------
    name
        Of the model.
    classes
        Coordination numbers that it knows, in the order of its probabilities.
    absorbers
        Symbols of those that it knows.
    card
        What it was trained on, and how well it does.
    k_range
        The range of k that it looks at, at most, 1/Å.
    """

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> tuple[int, ...]: ...

    @property
    def absorbers(self) -> tuple[str, ...]: ...

    @property
    def card(self) -> Mapping[str, Any]: ...

    @property
    def k_range(self) -> tuple[float, float]: ...

    def probabilities(
        self, k: np.ndarray, chi: np.ndarray, kmin: float, kmax: float, absorber: str
    ) -> np.ndarray:
        """Return the probability of each class; shape (n_classes,).

        Parameters
        ----------
        k, chi
            Wave number in steps of 0.05 1/Å from 0 on, and chi(k); shape (n_k,).
        kmin, kmax
            Usable range, 1/Å.
        absorber
            Symbol.
        """

    def prediction_set(self, probabilities: np.ndarray, absorber: str) -> tuple[int, ...]:
        """Return the classes among which the true one is, with the coverage of the model."""

    def bond_length(
        self, k: np.ndarray, chi: np.ndarray, kmin: float, kmax: float, absorber: str
    ) -> tuple[float, float] | None:
        """Return the mean bond length and its standard deviation, Å; None if it knows none."""


def general() -> Predictor:
    """Return the model that comes with this package."""
    from exafscn_flows.pretrained import load_general

    model: Predictor = load_general()
    return model
