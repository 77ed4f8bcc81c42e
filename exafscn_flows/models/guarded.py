"""Networks on chi(k) beside one that says whether a spectrum is such as they have learned."""

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.models.canonical_zip import write_zip
from exafscn_flows.models.network_file import dump_networks, load_networks
from exafscn_flows.models.networks import CurveNetwork, NetworkClassifier, NetworkRegressor
from exafscn_flows.models.wrong_spectra import REAL, WRONG, guarded_columns

_HEADER = "guarded.json"
_VERSION = 1
"""Grows whenever the files or what is done with them change."""
_FILES = ("fitted", "guard")


@dataclass(frozen=True)
class _Guarded:
    """Networks, and their guard.

    Attributes
    ----------
    fitted
        The networks that have learned the target.
    guard
        Which tells spectra that are as the learned ones from others.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    fitted: Any
    guard: NetworkClassifier

    def __post_init__(self) -> None:
        if self.guard.networks[0].n_axis != self.fitted.networks[0].n_axis or (
            self.guard.n_features_in_ > self.fitted.n_features_in_
        ):
            raise ValueError("networks and their guard take different features")
        if self.guard.classes_.tolist() != [REAL, WRONG]:
            raise ValueError("a guard does not tell right from wrong spectra")

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        found: int = self.fitted.n_features_in_
        return found

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class, or the number, of each row, shape (n,)."""
        predicted: np.ndarray = self.fitted.predict(X)
        return predicted

    def ood_score(self, X: np.ndarray) -> np.ndarray:
        """Return how probable it is that a row is not such as the learned ones, shape (n,)."""
        one = self.guard.networks[0]
        rows = guarded_columns(np.asarray(X), one.n_axis, one.n_others)
        found: np.ndarray = self.guard.predict_proba(rows)[:, WRONG]
        return found


class GuardedClassifier(_Guarded):
    """Of networks that know classes."""

    @property
    def classes_(self) -> np.ndarray:
        """Numbers of the classes, ascending, shape (n_classes,)."""
        classes: np.ndarray = self.fitted.classes_
        return classes

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``."""
        proba: np.ndarray = self.fitted.predict_proba(X)
        return proba


class GuardedRegressor(_Guarded):
    """Of networks that know numbers."""

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return the standard deviation of the numbers of the networks, shape (n,)."""
        found: np.ndarray = self.fitted.spread(X)
        return found


def guarded(
    fitted: NetworkClassifier | NetworkRegressor, guard: Any
) -> GuardedClassifier | GuardedRegressor:
    """Return networks with their guard.

    Raises
    ------
    ValueError
        If they do not fit together.
    """
    if not isinstance(guard, NetworkClassifier):
        raise ValueError("a guard is no classifier")
    made = GuardedClassifier if isinstance(fitted, NetworkClassifier) else GuardedRegressor
    return made(fitted, guard)


def dump_guarded(fitted: Any, layers: type[CurveNetwork]) -> bytes:
    """Return networks with their guard as the bytes of a zip.

    Parameters
    ----------
    layers
        What each network must be.

    Raises
    ------
    TypeError
        If they are not.
    """
    if not isinstance(fitted, GuardedClassifier | GuardedRegressor):
        raise TypeError(f"{type(fitted).__name__} has no guard")
    files = {name: dump_networks(getattr(fitted, name), layers) for name in _FILES}
    return write_zip(_HEADER, {"version": _VERSION}, files)


def load_guarded(data: bytes, layers: type[CurveNetwork]) -> GuardedClassifier | GuardedRegressor:
    """Return the networks of a zip.

    Raises
    ------
    Exception
        If the zip does not hold networks that can be used.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        header = json.loads(file.read(_HEADER))
        if header["version"] != _VERSION:
            raise ValueError(f"version {header['version']} of the file is not known")
        if sorted(file.namelist()) != sorted([_HEADER, *_FILES]):
            raise ValueError("the files of the zip are not those of networks and their guard")
        return guarded(*(load_networks(file.read(name), layers) for name in _FILES))
