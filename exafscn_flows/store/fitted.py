"""A fitted model as Python users meet it: feature vectors in, values of its target out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.errors import UsageError
from exafscn_flows.store.results import ModelDoc


@dataclass(frozen=True)
class FittedModel:
    """A model of one absorber.

    Attributes
    ----------
    document
        What is known of it: classes, axis of the features, parameters, versions.
    fitted
        As its kind has fitted it: classes are their places in `document.classes`.
    """

    document: ModelDoc
    fitted: Any

    @property
    def classes_(self) -> list[int | str]:
        """Classes, in the order of the columns of `predict_proba`; empty for others."""
        return self.document.classes

    @property
    def n_features_in_(self) -> int:
        """Number of features of a vector."""
        return len(self.document.axis)

    def predict(self, X: Any) -> np.ndarray:
        """Return the class, the number or the curve of each feature vector.

        Parameters
        ----------
        X
            Feature vectors, shape (n, n_features).

        Returns
        -------
        numpy.ndarray
            Shape (n,); numbers are in the unit of the target. Of curves shape (n, n_axis), on the
            axis `document.curve_axis`.
        """
        from exafscn_flows.tasks.classes import predicted_classes

        output = self._output(X)
        if self.document.task == "numbers":
            numbers: np.ndarray = output[:, 0]
            return numbers
        if self.document.task == "curves":
            curves: np.ndarray = output[:, :-1]
            return curves
        return predicted_classes(output, np.array(self.classes_))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, shape (n, n_classes).

        Raises
        ------
        UsageError
            If the model predicts numbers or curves.
        """
        task = self.document.task
        if task != "classes":
            raise UsageError(f"target {self.document.target} is {task}: use predict")
        return self._output(X)

    def _output(self, X: Any) -> np.ndarray:
        from exafscn_flows.tasks import task_named

        doc = self.document
        features = np.asarray(X, dtype=np.float32)
        which = np.array([one == doc.absorber for one in doc.absorbers], dtype=np.float32)
        inputs = np.hstack([features, np.tile(which, (len(features), 1))])
        output: np.ndarray = task_named(doc.task).output(self.fitted, inputs, doc.classes)
        return output
