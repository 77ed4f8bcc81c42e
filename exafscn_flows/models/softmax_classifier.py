"""What classifiers have in common whose networks end in softmax."""

import numpy as np

from exafscn_flows.tasks.softmax import softmax


class SoftmaxClassifier:
    """Probabilities are means over the networks.

    Attributes
    ----------
    classes_
        Numbers of the classes, ascending, shape (n_classes,), int64.
    """

    classes_: np.ndarray

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Return what each network says of each row, shape (n_networks, n, n_classes)."""
        raise NotImplementedError

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""
        predicted: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return predicted

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``.

        Raises
        ------
        ValueError
            As `outputs`.
        """
        proba: np.ndarray = softmax(self.outputs(X)).mean(axis=0)
        return proba


def are_classes(classes: np.ndarray, n_outputs: int) -> bool:
    """Tell whether an array can be the classes of so many outputs."""
    fit = classes.shape == (n_outputs,) and classes.dtype == np.int64
    return fit and bool((np.diff(classes) > 0).all())
