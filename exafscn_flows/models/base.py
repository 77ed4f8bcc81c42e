"""What every model offers."""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Protocol

import numpy as np
from pydantic import StringConstraints

from exafscn_flows.config.base import StrictModel

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_+]+$", max_length=40)]


class Classifier(Protocol):
    """A fitted model, under scikit-learn's names."""

    @property
    def classes_(self) -> np.ndarray:
        """Classes, ascending, shape (n_classes,)."""

    @property
    def n_features_in_(self) -> int:
        """Number of features."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``."""


class ModelBase(StrictModel):
    """Base of models: the fields are what can be written in a campaign file."""

    libraries: ClassVar[tuple[str, ...]]
    """Distributions whose versions can change the fitted model."""

    kind: str
    name: ModelName

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Return everything that determines the fitted model, JSON-serialisable.

        This includes a number that grows whenever the code gives another model than before.
        """

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray, seed: int) -> Classifier:
        """Fit the model on one thread, so that processes can work side by side.

        Parameters
        ----------
        X
            Features, shape (n, n_features).
        y
            Class of each row, shape (n,).
        groups
            Group of each row, e.g. its formula, shape (n,). A model that holds rows back to
            watch itself learn keeps a group on one side.
        seed
            Seed of everything random in the fit.

        Returns
        -------
        Classifier
            The same to the last bit for the same arguments, in every process.

        Raises
        ------
        ItemFailure
            If there is too little to fit this model on.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            return self._fit(X, y, groups, seed)

    @abstractmethod
    def _fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray, seed: int) -> Classifier:
        """Fit as `fit` says, on the threads that there are."""


class SklearnModel(ModelBase):
    """Base of scikit-learn's classifiers."""

    libraries = ("scikit-learn", "skops")

    @abstractmethod
    def build(self, seed: int) -> Any:
        """Return the unfitted classifier.

        Parameters
        ----------
        seed
            Seed of everything random in the fit.
        """

    def _fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray, seed: int) -> Classifier:
        fitted: Classifier = self.build(seed).fit(X, y)
        return fitted
