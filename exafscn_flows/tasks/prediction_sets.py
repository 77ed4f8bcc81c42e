"""Sets of classes that hold the label of nine sites in ten: conformal prediction.

A class is in the set of a site if its probability is at least the threshold of the class, or if it
is the predicted one, so that no set is empty. The threshold is such that, of the sites whose label
is that class and that the model did not learn, a certain share reach it (Sadinle, Lei and
Wasserman, J. Am. Stat. Assoc. 114, 223 (2019); class by class, as in Vovk, Gammerman and Shafer,
Algorithmic Learning in a Random World, section 4.5). The share is the same for all classes: such
that nine in ten sets hold the label, but at least 85 %. So the set is as large as the doubt is.
This holds for sites of the same kind as those that thresholds come from.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from exafscn_flows.tasks.calibration import temperature, tempered

OUTSIDE = 0.1
"""Share of the labels that may be outside of their sets."""
_MOST = 0.15
"""Largest share of the labels of a class that its threshold leaves out: where the predicted class
is right in more than nine of ten cases, rare classes would else be in no set."""
_HALVINGS = 10
"""By which the share is found: to 0.0004."""
ENOUGH = 30
"""Sites of a class from which it has a threshold of its own; others have that of all sites."""


def thresholds(proba: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the least probability with which each class is in a set.

    Parameters
    ----------
    proba
        Probabilities of sites that a model did not learn, shape (n, n_classes).
    y
        Place of the label of each among the classes, shape (n,).

    Returns
    -------
    numpy.ndarray
        Shape (n_classes,).
    """
    low, high = OUTSIDE, _MOST
    found = _leaving_out(low, proba, y)
    predicted = proba.argmax(axis=1)
    for _ in range(_HALVINGS):
        share = (low + high) / 2
        least = _leaving_out(share, proba, y)
        within = prediction_sets(proba, least, predicted)[np.arange(len(y)), y]
        # As of a threshold: one more site reaches it.
        if (~within).sum() <= OUTSIDE * (len(y) + 1) - 1:
            low, found = share, least
        else:
            high = share
    return found


def _leaving_out(share: float, proba: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return thresholds that leave out a share of the labels of each class, shape (n_classes,)."""
    of_label = proba[np.arange(len(y)), y]
    found = np.full(proba.shape[1], threshold(of_label, share))
    for place in np.unique(y):
        own = of_label[y == place]
        if len(own) >= ENOUGH:
            found[place] = threshold(own, share)
    return found


def threshold(of_label: np.ndarray, share: float = OUTSIDE) -> float:
    """Return the probability that all but a share of labels reach, one more site among them."""
    place = int(share * (len(of_label) + 1) + 1e-9)
    return float(np.sort(of_label)[place - 1]) if place else 0.0


def held_out(proba: np.ndarray, y: np.ndarray, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Calibrate the probabilities of each site, and find its thresholds, by the other folds.

    Parameters
    ----------
    proba
        Out-of-fold probabilities, shape (n, n_classes).
    y
        Place of the label of each site among the classes, shape (n,).
    folds
        Fold of each site, shape (n,).

    Returns
    -------
    tuple of numpy.ndarray
        Probabilities and thresholds, each of shape (n, n_classes).
    """
    calibrated, least = np.empty(proba.shape), np.empty(proba.shape)
    for fold in np.unique(folds):
        test = folds == fold
        found = temperature(proba[~test], y[~test])
        calibrated[test] = tempered(proba[test], found)
        least[test] = thresholds(tempered(proba[~test], found), y[~test])
    return calibrated, least


def prediction_sets(proba: np.ndarray, least: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Tell which classes are in the set of each site; the predicted one is in any case.

    Parameters
    ----------
    proba
        Probabilities, shape (n, n_classes).
    least
        Thresholds, shape (n_classes,) or (n, n_classes).
    predicted
        Place of the predicted class of each site, shape (n,).

    Returns
    -------
    numpy.ndarray
        Shape (n, n_classes).
    """
    within = proba >= least
    within[np.arange(len(proba)), predicted] = True
    return within


def by_name(least: np.ndarray, classes: Sequence[int | float | str]) -> dict[str, float]:
    """Return thresholds by the names of their classes, as documents hold them."""
    return dict(zip(map(str, classes), least.tolist(), strict=True))


def by_place(least: Mapping[str, float], classes: Sequence[int | float | str]) -> np.ndarray:
    """Return thresholds in the order of classes; of one that is not known, 0."""
    return np.array([least.get(str(one), 0.0) for one in classes])
