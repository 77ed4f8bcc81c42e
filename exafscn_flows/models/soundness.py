"""Whether the trees of a model from a file are safe to walk.

scikit-learn follows the indices in its trees without looking whether they lead out of memory.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

TREE = ("TreeNode", "sklearn.tree._tree", "Tree")
"""Type of the nodes of a decision tree in a file."""


def sound_ensemble(model: Any, trees: Mapping[type, type]) -> bool:
    """Tell whether a loaded object is a mean over decision trees that can be walked.

    Parameters
    ----------
    model
        The object.
    trees
        Type of the trees, by the types that the object may have.

    Raises
    ------
    Exception
        An object made by hand can lack anything.
    """
    # type() and not isinstance: what is not exactly one of these was not written by us.
    wanted = trees.get(type(model))
    return (
        wanted is not None
        and len(model.estimators_) > 0
        and all(
            type(tree) is wanted
            # Bagging has one output without saying so.
            and _sound_tree(tree, model.n_features_in_, getattr(model, "n_outputs_", 1))
            for tree in model.estimators_
        )
    )


def _sound_tree(estimator: Any, n_features: int, n_outputs: Any) -> bool:
    tree = estimator.tree_
    are_classes = hasattr(estimator, "classes_")
    n_values = len(estimator.classes_) if are_classes else 1
    inner = tree.children_left != -1
    return (
        tree.node_count == tree.capacity
        and type(n_outputs) is int
        and n_outputs >= 1
        and not (are_classes and n_outputs > 1)
        and estimator.n_outputs_ == n_outputs
        and tree.n_outputs == n_outputs
        and tree.n_features == n_features
        and tree.value.shape == (tree.node_count, n_outputs, n_values)
        and bool(np.isfinite(tree.value).all())
        and sound_nodes(inner, tree.children_left, tree.children_right, tree.feature, n_features)
    )


def sound_nodes(
    inner: np.ndarray, left: np.ndarray, right: np.ndarray, feature: np.ndarray, n_features: int
) -> bool:
    """Tell whether every way from the first node of a tree ends at a leaf of it.

    Parameters
    ----------
    inner
        Whether a node is none of the leaves, shape (n_nodes,).
    left, right
        Indices of the nodes below each node, shape (n_nodes,).
    feature
        Index of the feature that decides between the two, shape (n_nodes,).
    n_features
        Number of features.
    """
    if inner.ndim != 1 or len(inner) < 1:
        return False
    parent = np.arange(len(inner))[inner]
    for child in (left[inner], right[inner]):
        # Children follow their parent, so there is no way round in a circle.
        if (child <= parent).any() or (child >= len(inner)).any():
            return False
    return not ((feature[inner] < 0).any() or (feature[inner] >= n_features).any())
