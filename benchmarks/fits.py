"""Models that are fitted beside each other, as many at once as there are cores."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.settings import Settings


def fits(model: ModelBase, parts: Sequence[TrainingSet], seed: int) -> list[Any]:
    """Fit a model, which works on one thread, on each of several training sets; the first begins.

    So the largest is best the first.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(Settings().CORES, mp_context=context) as pool:
        return list(pool.map(model.fit, parts, [seed] * len(parts)))


def without_each_fold(rows: TrainingSet, folds: np.ndarray) -> list[TrainingSet]:
    """Return what is learned before each fold is asked about, in the order of their numbers."""
    return [rows.part(folds != fold) for fold in np.unique(folds)]
