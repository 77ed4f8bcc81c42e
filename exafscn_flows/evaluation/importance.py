"""Where on the axis of its features a model looks."""

from typing import Any

import numpy as np

from exafscn_flows.models.curves import FittedCurves


def gini_importance(fitted: Any) -> np.ndarray | None:
    """Return the mean decrease in impurity by feature, shape (n_features,), sum 1.

    Impurity is Gini's of classes, and the variance of numbers. All zero for trees that found
    nothing to split.

    Parameters
    ----------
    fitted
        Fitted model.

    Returns
    -------
    numpy.ndarray or None
        None for a model that is no mean over trees.
    """
    fitted = fitted.regressor if isinstance(fitted, FittedCurves) else fitted
    trees = getattr(fitted, "estimators_", None)
    if trees is None:
        return None
    if hasattr(fitted, "feature_importances_"):
        return np.asarray(fitted.feature_importances_, dtype=float)
    # scikit-learn has it for forests only. As there, trees that found nothing do not count.
    found = [tree.feature_importances_ for tree in trees if tree.tree_.node_count > 1]
    mean = np.mean(found, axis=0) if found else np.zeros(fitted.n_features_in_)
    return np.asarray(mean / mean.sum() if found else mean, dtype=float)


def share_below(importance: np.ndarray, axis: np.ndarray, limit: float) -> float:
    """Return the share of the importance at coordinates below a limit.

    Parameters
    ----------
    importance
        Importance by feature, not negative, shape (n_features,).
    axis
        Coordinate of each feature, e.g. R in Å, shape (n_features,).
    limit
        Coordinate up to which importance counts, in the unit of ``axis``.

    Returns
    -------
    float
        Between 0 and 1; 0 where no feature has any importance.
    """
    total = importance.sum()
    return float(importance[axis < limit].sum() / total) if total > 0 else 0.0
