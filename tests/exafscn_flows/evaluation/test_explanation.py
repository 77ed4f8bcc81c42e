"""What is explained of models, and of which nothing is."""

import numpy as np

from exafscn_flows.evaluation.explanation import explanation
from exafscn_flows.features.columns import Columns
from exafscn_flows.models.measured_fitted import MeasuredClassifier
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.pretrained.network import Network, Networks
from exafscn_flows.processing.real_space import N_SHOWN


def test_nothing_is_explained_of_networks_in_numpy() -> None:
    """The fit of a campaign asks that of every model, also of one whose networks are no list."""
    none, ones = np.zeros(N_SHOWN, np.float32), np.ones(N_SHOWN, np.float32)
    layer = np.ones((2, N_SHOWN), np.float32), np.zeros(2, np.float32)
    networks = Networks((Network(none, ones, (layer,)),))
    k = 0.05 * np.arange(1, 261)
    model = MeasuredClassifier(networks, k, 2, 3.0, 12.0, np.array([0, 1]))
    X = np.ones((3, len(k)), np.float32)
    rows = TrainingSet(X, np.zeros(3, int), np.array(["a", "b", "c"]), Columns(k), "classes")
    assert explanation(model, rows, 0) is None
