"""Which sites are held out together.

scikit-learn takes seconds to import, so it is imported where folds are made.
"""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from exafscn_flows.errors import ItemFailure


def grouped_folds(
    y: np.ndarray, groups: np.ndarray, n_folds: int, seed: int, kind: str = "formulas"
) -> np.ndarray:
    """Spread sites over folds such that one group, e.g. a formula, is in one fold.

    Sites of one formula have nearly the same spectrum: where they are on both sides of a split,
    a model is rewarded for remembering. Classes are spread as evenly as the groups allow. The
    result does not depend on the order of the rows.

    Parameters
    ----------
    y
        Class of each site, shape (n,).
    groups
        Group of each site, shape (n,).
    n_folds
        Number of folds.
    seed
        Seed of the order in which groups are handed out.
    kind
        What the groups are, for the message of a failure.

    Returns
    -------
    numpy.ndarray
        Fold of each site, 0 to n_folds - 1, shape (n,).

    Raises
    ------
    ItemFailure
        ``one_class`` if there is nothing to tell apart, ``too_few_sites`` if there are fewer
        groups than folds or every class has fewer sites than folds.
    """
    _check(y, n_folds)
    n_groups = len(np.unique(groups))
    if n_groups < n_folds:
        raise _too_few(f"{n_groups} {kind} cannot fill {n_folds} folds")
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    return _folds(splitter.split(y, y, groups), len(y), n_folds, kind)


def random_folds(y: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Spread sites over folds at random, every class evenly, whatever their formulas.

    This is how most published accuracies were measured; it is kept for comparison. The result
    depends on the order of the rows: give them sorted by site.

    Parameters
    ----------
    y
        Class of each site, shape (n,).
    n_folds
        Number of folds.
    seed
        Seed of the shuffling.

    Returns
    -------
    numpy.ndarray
        Fold of each site, 0 to n_folds - 1, shape (n,).

    Raises
    ------
    ItemFailure
        ``one_class`` if there is nothing to tell apart, ``too_few_sites`` if every class has
        fewer sites than folds.
    """
    _check(y, n_folds)
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    return _folds(splitter.split(y, y), len(y), n_folds, "sites")


def rare_classes(y: np.ndarray, groups: np.ndarray, n_folds: int) -> list[int]:
    """Name the classes with fewer groups than there are folds, ascending.

    Their sites count like all others. But a class with one group is never there to learn from when
    its sites are asked for, and with two or three it is learned from one or two.

    Parameters
    ----------
    y
        Class of each site, shape (n,).
    groups
        Group of each site, e.g. its formula, shape (n,).
    n_folds
        Number of folds.
    """
    return [int(cn) for cn in np.unique(y) if len(np.unique(groups[y == cn])) < n_folds]


def _check(y: np.ndarray, n_folds: int) -> None:
    classes, counts = np.unique(y, return_counts=True)
    if len(y) < n_folds:
        raise _too_few(f"{len(y)} sites cannot fill {n_folds} folds")
    if len(classes) == 1:
        raise ItemFailure(
            "one_class",
            f"all {len(y)} sites have the label {classes[0]}: there is nothing to learn",
            "take more structures, or leave this absorber out",
        )
    if counts.max() < n_folds:
        raise _too_few(f"no label has as many sites as there are folds ({n_folds})")


def _folds(split: Iterable[tuple[Any, np.ndarray]], n: int, n_folds: int, kind: str) -> np.ndarray:
    folds = np.full(n, -1)
    with warnings.catch_warnings():
        # A rare coordination number is in fewer folds than there are: as it should be.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for fold, (_, test) in enumerate(split):
            folds[test] = fold
    if len(np.unique(folds)) < n_folds:
        raise _too_few(f"the {kind} cannot fill {n_folds} folds")
    return folds


def _too_few(message: str) -> ItemFailure:
    return ItemFailure("too_few_sites", message, "take more structures, or fewer folds")
