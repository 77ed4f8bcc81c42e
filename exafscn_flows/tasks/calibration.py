"""Probabilities that are right: one temperature for the sites of an absorber.

p(c) becomes p(c)^(1/T), 1 in sum, with the T that makes labels most likely of sites that the model
did not learn (Guo et al., Proceedings of Machine Learning Research 70, 1321 (2017)). One number can
be found from few sites, and leaves the order of the classes as it is; isotonic regression, class by
class, needs many sites of each, and can change what is predicted.
"""

import numpy as np

FEWEST = 50
"""Sites; of fewer, probabilities stay as they are."""

_LIMITS = (0.2, 5.0)
_LEAST = 1e-3
"""Least probability of a label that counts: that of a class that no tree has seen is 0."""
_DIGITS = 3


def temperature(proba: np.ndarray, y: np.ndarray) -> float:
    """Return the temperature at which labels are most likely, from 0.2 to 5.

    Parameters
    ----------
    proba
        Probabilities of sites that a model did not learn, shape (n, n_classes).
    y
        Place of the label of each among the classes, shape (n,).
    """
    if len(y) < FEWEST:
        return 1.0
    from scipy.optimize import minimize_scalar

    def loss(logarithm: float) -> float:
        of_label = tempered(proba, np.exp(logarithm))[np.arange(len(y)), y]
        return -float(np.log(np.maximum(of_label, _LEAST)).mean())

    found = minimize_scalar(loss, bounds=np.log(_LIMITS), method="bounded")
    return round(float(np.exp(found.x)), _DIGITS)


def tempered(proba: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at another temperature; what is 0 stays 0.

    Parameters
    ----------
    proba
        Shape (n, n_classes).
    temperature
        Above 1 for less certain ones, below 1 for more certain ones.
    """
    if temperature == 1:
        return proba
    # The largest of each row is 1 before it is raised: no power is too small for all.
    largest = proba.max(axis=1, keepdims=True)
    powers = (proba / largest) ** (1 / temperature)
    found: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return found
