"""Where on the axis of its features a model looks."""

from typing import Any

import numpy as np


def gini_importance(estimator: Any) -> np.ndarray:
    """Return the mean decrease in impurity by feature, shape (n_features,), sum 1.

    All zero for a forest that found nothing to split.

    Parameters
    ----------
    estimator
        Fitted scikit-learn forest.
    """
    return np.asarray(estimator.feature_importances_, dtype=float)


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
