"""Which sites are held out together.

scikit-learn takes seconds to import, so it is imported where folds are made.
"""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from exafscn_flows.tasks.base import too_few


def grouped_folds(
    strata: np.ndarray, groups: np.ndarray, n_folds: int, seed: int, kind: str = "formulas"
) -> np.ndarray:
    """Spread sites over folds such that one group, e.g. a formula, is in one fold.

    Sites of one formula have nearly the same spectrum: where they are on both sides of a split,
    a model is rewarded for remembering. Strata are spread as evenly as the groups allow. The
    result does not depend on the order of the rows.

    Parameters
    ----------
    strata
        Stratum of each site, e.g. its class, shape (n,).
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
        ``too_few_sites`` if there are fewer groups than folds.
    """
    n_groups = len(np.unique(groups))
    if n_groups < n_folds:
        raise too_few(f"{n_groups} {kind} cannot fill {n_folds} folds")
    from sklearn.model_selection import StratifiedGroupKFold

    strata = _that_can_fill(strata, n_folds)
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    return _folds(splitter.split(strata, strata, groups), len(strata), n_folds, kind)


def random_folds(strata: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Spread sites over folds at random, every stratum evenly, whatever their formulas.

    This is how most published accuracies were measured; it is kept for comparison. The result
    depends on the order of the rows: give them sorted by site.

    Parameters
    ----------
    strata
        Stratum of each site, e.g. its class, shape (n,).
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
        ``too_few_sites`` if there are fewer sites than folds.
    """
    if len(strata) < n_folds:
        raise too_few(f"{len(strata)} sites cannot fill {n_folds} folds")
    from sklearn.model_selection import StratifiedKFold

    strata = _that_can_fill(strata, n_folds)
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    return _folds(splitter.split(strata, strata), len(strata), n_folds, "sites")


def _that_can_fill(strata: np.ndarray, n_folds: int) -> np.ndarray:
    """Return one stratum for all instead of strata none of which has a site for each fold."""
    _, counts = np.unique(strata, return_counts=True)
    return strata if counts.max() >= n_folds else np.zeros_like(strata)


def _folds(split: Iterable[tuple[Any, np.ndarray]], n: int, n_folds: int, kind: str) -> np.ndarray:
    folds = np.full(n, -1)
    with warnings.catch_warnings():
        # A rare class is in fewer folds than there are: as it should be.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for fold, (_, test) in enumerate(split):
            folds[test] = fold
    if len(np.unique(folds)) < n_folds:
        raise too_few(f"the {kind} cannot fill {n_folds} folds")
    return folds
