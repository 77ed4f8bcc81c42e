"""Whether the trees of a model from a file are safe to walk.

scikit-learn follows the indices in its trees without looking whether they lead out of memory.
"""

from typing import Any

import numpy as np
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)


def is_sound(model: Any) -> bool:
    """Tell whether a loaded object is a model whose trees can be walked.

    Raises
    ------
    Exception
        An object made by hand can lack anything.
    """
    # type() and not isinstance: what is not exactly one of these was not written by us.
    if type(model) in (RandomForestClassifier, ExtraTreesClassifier):
        return all(_sound_tree(tree.tree_, model.n_features_in_) for tree in model.estimators_)
    if type(model) is BaggingClassifier:
        every = np.arange(model.n_features_in_)
        return all(
            # A mask or a subset would shift the features below the indices of the tree.
            features.dtype.kind == "i"
            and np.array_equal(features, every)
            and _sound_tree(tree.tree_, len(every))
            for tree, features in zip(model.estimators_, model.estimators_features_, strict=True)
        )
    if type(model) is HistGradientBoostingClassifier:
        # Categories and the binned data of a running fit take other ways through a tree.
        return not (
            hasattr(model, "_in_fit")
            or model._preprocessor is not None
            or model._bin_mapper.is_categorical_.any()
        ) and all(
            _sound_predictor(predictor.nodes, model.n_features_in_)
            for iteration in model._predictors
            for predictor in iteration
        )
    return False


def _sound_tree(tree: Any, n_features: int) -> bool:
    inner = tree.children_left != -1
    return tree.node_count == tree.capacity and _sound_nodes(
        inner, tree.children_left, tree.children_right, tree.feature, n_features
    )


def _sound_predictor(nodes: np.ndarray, n_features: int) -> bool:
    inner = nodes["is_leaf"] == 0
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    return not nodes["is_categorical"].any() and _sound_nodes(
        inner, left, right, nodes["feature_idx"], n_features
    )


def _sound_nodes(
    inner: np.ndarray, left: np.ndarray, right: np.ndarray, feature: np.ndarray, n_features: int
) -> bool:
    if inner.ndim != 1 or len(inner) < 1:
        return False
    parent = np.arange(len(inner))[inner]
    for child in (left[inner], right[inner]):
        # Children follow their parent, so there is no way round in a circle.
        if (child <= parent).any() or (child >= len(inner)).any():
            return False
    return not ((feature[inner] < 0).any() or (feature[inner] >= n_features).any())
