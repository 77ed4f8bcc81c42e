"""The models there are. A new one is one file and one line in the list below."""

from typing import TYPE_CHECKING

from exafscn_flows.models.bagging import Bagging
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.convolutional_network import ConvolutionalNetwork
from exafscn_flows.models.extra_trees import ExtraTrees
from exafscn_flows.models.gradient_boosting import GradientBoosting
from exafscn_flows.models.graph_attention import GraphAttention
from exafscn_flows.models.kernel_ridge import KernelRidge
from exafscn_flows.models.kernel_trees import KernelTrees
from exafscn_flows.models.measured_network import MeasuredNetwork
from exafscn_flows.models.mlp import Mlp
from exafscn_flows.models.near_edge_network import NearEdgeNetwork
from exafscn_flows.models.pretrained import PretrainedNetwork
from exafscn_flows.models.random_forest import RandomForest
from exafscn_flows.models.scattering_paths import ScatteringPaths
from exafscn_flows.models.spectral_network import SpectralNetwork
from exafscn_flows.models.two_stage import TwoStage
from exafscn_flows.registry import one_of, registered

MEMBERS: tuple[type[ModelBase], ...] = registered(
    "models",
    [
        RandomForest,
        ExtraTrees,
        Bagging,
        GradientBoosting,
        Mlp,
        ConvolutionalNetwork,
        SpectralNetwork,
        MeasuredNetwork,
        NearEdgeNetwork,
        GraphAttention,
        ScatteringPaths,
        PretrainedNetwork,
        TwoStage,
        KernelRidge,
        KernelTrees,
    ],
    reserved=["average", "late_fusion"],
)
"""All that an average, or a late fusion, may be made of."""

if TYPE_CHECKING:
    Member = ModelBase
else:
    Member = one_of(MEMBERS)
