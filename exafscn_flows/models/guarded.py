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
from exafscn_flows.models.training_set import absorbers_of

_HEADER = "guarded.json"
_VERSION = 2
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
        Which tells of a curve which absorber it is of, and as the last class curves that are of
        none: noise, and such with a wrong E0.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    fitted: Any
    guard: NetworkClassifier

    def __post_init__(self) -> None:
        n_axis = self.fitted.networks[0].n_axis
        if self.guard.n_features_in_ != n_axis or self.guard.networks[0].n_axis != n_axis:
            raise ValueError("networks and their guard take different features")
        # Of one absorber, there is no column that says so.
        fewest = self._n_absorbers if self._n_absorbers > 1 else 0
        if self._n_absorbers < 1 or n_axis + fewest > self.fitted.n_features_in_:
            raise ValueError("a guard does not tell right from wrong spectra")

    @property
    def _n_absorbers(self) -> int:
        return int(self.guard.classes_[-1])

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
        """Return how probable it is that a row is not such as the learned ones, shape (n,).

        It is what the guard gives to other absorbers than the stated one, and to none.
        """
        X = np.asarray(X)
        proba = np.zeros((len(X), self._n_absorbers + 1))
        # An absorber of which nothing was learned is none that is known.
        proba[:, self.guard.classes_] = self.guard.predict_proba(X[:, : self.guard.n_features_in_])
        right: np.ndarray = proba[np.arange(len(X)), absorbers_of(X, self._n_absorbers)]
        return 1 - right


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


def guarded(fitted: Any, guard: Any) -> GuardedClassifier | GuardedRegressor:
    """Return networks with their guard.

    Raises
    ------
    ValueError
        If they do not fit together.
    """
    if not isinstance(guard, NetworkClassifier):
        raise ValueError("a guard is no classifier")
    if not isinstance(fitted, NetworkClassifier | NetworkRegressor):
        raise ValueError("there is no guard of such networks")
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
