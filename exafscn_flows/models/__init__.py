"""Models that predict labels from features. Importing this package imports no library of them."""

from typing import TYPE_CHECKING

from exafscn_flows.models.average import Average
from exafscn_flows.models.bagging import Bagging
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.convolutional_network import ConvolutionalNetwork
from exafscn_flows.models.extra_trees import ExtraTrees
from exafscn_flows.models.gradient_boosting import GradientBoosting
from exafscn_flows.models.graph_attention import GraphAttention
from exafscn_flows.models.kernel_ridge import KernelRidge
from exafscn_flows.models.kernel_trees import KernelTrees
from exafscn_flows.models.late_fusion import LateFusion
from exafscn_flows.models.measured_network import MeasuredNetwork
from exafscn_flows.models.mlp import Mlp
from exafscn_flows.models.near_edge_network import NearEdgeNetwork
from exafscn_flows.models.pretrained import PretrainedNetwork
from exafscn_flows.models.random_forest import RandomForest
from exafscn_flows.models.registry import MEMBERS
from exafscn_flows.models.scattering_paths import ScatteringPaths
from exafscn_flows.models.spectral_network import SpectralNetwork
from exafscn_flows.models.two_stage import TwoStage
from exafscn_flows.registry import one_of

__all__ = [
    "MODELS",
    "Average",
    "Bagging",
    "ConvolutionalNetwork",
    "ExtraTrees",
    "GradientBoosting",
    "GraphAttention",
    "KernelRidge",
    "KernelTrees",
    "LateFusion",
    "MeasuredNetwork",
    "Mlp",
    "ModelSettings",
    "NearEdgeNetwork",
    "PretrainedNetwork",
    "RandomForest",
    "ScatteringPaths",
    "SpectralNetwork",
    "TwoStage",
]

MODELS: tuple[type[ModelBase], ...] = (*MEMBERS, Average, LateFusion)

if TYPE_CHECKING:
    ModelSettings = ModelBase
else:
    ModelSettings = one_of(MODELS)
