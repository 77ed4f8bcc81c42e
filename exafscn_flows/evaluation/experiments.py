"""One fold of an experiment with a model: fewer features, fewer formulas, or importance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from exafscn_flows.evaluation.attribution import integrated_gradients, permutation_drop
from exafscn_flows.evaluation.changes import ChangeName
from exafscn_flows.evaluation.robustness import changed_outputs
from exafscn_flows.features.axes import LIMITS, Quantity
from exafscn_flows.features.columns import Columns
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.mlp_network import Network
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import Value
from exafscn_flows.tasks import task_named

N_BANDS = 20
"""Number of bands on an axis that is neither R nor energy."""


@dataclass(frozen=True)
class FoldOutcome:
    """What one fold of an experiment gives.

    Attributes
    ----------
    output
        Outputs of the task for the held-out rows, shape (n_test, width).
    n_train
        Rows that were learned from.
    drop
        What is lost by permuting each band of features, shape (n_bands,): accuracy, or of numbers
        how much RMSE grows; only of importance.
    gradients
        Size of the integrated gradients by feature, shape (n_features,); only of importance, and
        only of a multilayer perceptron.
    changed
        Outputs for held-out rows that are changed, as of `changed_outputs`; only of robustness.
    """

    output: np.ndarray
    n_train: int
    drop: np.ndarray | None = None
    gradients: np.ndarray | None = None
    changed: Mapping[str, np.ndarray] | None = None


def bands(axis: np.ndarray, quantity: Quantity | None) -> np.ndarray:
    """Return the edges of the bands whose features are permuted together, shape (n_bands + 1,).

    Parameters
    ----------
    axis
        Coordinate of each feature, shape (n_features,).
    quantity
        What it is; None for neither R nor energy.
    """
    low, high = float(axis.min()), float(axis.max())
    if quantity is None:
        return np.linspace(low, np.nextafter(high, np.inf), N_BANDS + 1)
    first = np.floor(low / quantity.band)
    last = np.floor(high / quantity.band) + 1
    edges: np.ndarray = np.arange(first, last + 1) * quantity.band
    return edges


def run_fold(
    model: ModelBase,
    data: TrainingSet,
    edges: np.ndarray,
    test: np.ndarray,
    experiment: str,
    value: float | None,
    seed: int,
    classes: Sequence[Value],
    changes: Sequence[ChangeName] = (),
) -> FoldOutcome:
    """Fit a model as an experiment says, and predict the rows that are held out.

    Parameters
    ----------
    model
        The model, unfitted.
    data
        All sites.
    edges
        Bands of importance, as :func:`bands` returns them.
    test
        Whether a row is held out, shape (n,).
    experiment, value
        A key of `LIMITS`: only the features that are left with this ``value``;
        ``"learning_curve"``: only this share of the groups to learn from; ``"importance"``.
    changes
        Ways in which the rows that are held out are changed, too.
    seed
        Seed of the fit, of the choice of groups and of permutations.
    classes
        All classes.

    Raises
    ------
    ItemFailure
        If the model cannot be fitted on these rows.
    """
    train = ~test
    if experiment == "learning_curve":
        assert value is not None
        train &= np.isin(data.groups, first_groups(data.groups[train], value, seed))
    if experiment in LIMITS:
        assert value is not None
        inside = LIMITS[experiment].inside(data.columns.axis, value)
        data = replace(data, X=data.X[:, inside], columns=Columns(data.columns.axis[inside]))
    fitted = model.fit(data.part(train), seed)
    task, X = task_named(data.task), data.X
    output = task.output(fitted, X[test], classes)
    importance: dict[str, Any] = {}
    if experiment == "importance":
        importance["drop"] = permutation_drop(
            task, fitted, X[test], data.y[test], data.columns.axis, edges, seed
        )
        if isinstance(fitted, Network):
            importance["gradients"] = integrated_gradients(fitted, X[test])
    if changes:
        importance["changed"] = changed_outputs(task, fitted, X[test], changes, seed, classes)
    return FoldOutcome(output, int(train.sum()), **importance)


def few_shot_fold(
    model: ModelBase,
    data: TrainingSet,
    own: np.ndarray,
    test: np.ndarray,
    n: int,
    others: bool,
    seed: int,
    classes: Sequence[Value],
) -> FoldOutcome:
    """Fit a model on a few sites of a new element, and predict those that are held out.

    Parameters
    ----------
    model
        The model, unfitted.
    data
        All sites of all elements.
    own
        Whether a row is of the new element, shape (n_sites,).
    test
        Whether a row is held out, shape (n_sites,); of other elements, these are not learned from,
        either, since they may be of the same formula.
    n
        Number of sites of the new element to learn from: those of formulas in random order.
    others
        Whether all other elements are learned from, too.
    seed
        Seed of the fit and of the choice of formulas.
    classes
        All classes.

    Returns
    -------
    FoldOutcome
        Outputs for the held-out sites of the element, and the number of its sites learned from.

    Raises
    ------
    ItemFailure
        If the model cannot be fitted on these rows.
    """
    candidates = np.flatnonzero(own & ~test)
    groups = data.groups[candidates]
    names = np.unique(groups)
    order = np.random.default_rng(seed).permutation(len(names))
    ranks = order.argsort()[np.searchsorted(names, groups)]
    chosen = candidates[np.argsort(ranks, kind="stable")[:n]]
    rows = np.sort(np.append(chosen, np.flatnonzero(~own & ~test & others)))
    fitted = model.fit(data.part(rows), seed)
    output = task_named(data.task).output(fitted, data.X[own & test], classes)
    return FoldOutcome(output, len(chosen))


def first_groups(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Choose groups in random order until a share of the rows is reached.

    A larger share holds all groups of a smaller one.

    Parameters
    ----------
    groups
        Group of each row, e.g. its formula, shape (n,).
    share
        Share of the rows, above 0 and at most 1.
    seed
        Seed of the order.

    Returns
    -------
    numpy.ndarray
        Names of the groups.
    """
    names, sizes = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    before = np.cumsum(sizes[order]) - sizes[order]
    chosen: np.ndarray = names[order[before < share * len(groups)]]
    return chosen
