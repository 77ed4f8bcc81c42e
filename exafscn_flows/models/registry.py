"""The models there are. A new one is one file and one line in the list below."""

from typing import TYPE_CHECKING

from exafscn_flows.models.bagging import Bagging
from exafscn_flows.models.base import NAMES, ModelBase
from exafscn_flows.models.convolutional_network import ConvolutionalNetwork
from exafscn_flows.models.extra_trees import ExtraTrees
from exafscn_flows.models.gradient_boosting import GradientBoosting
from exafscn_flows.models.mlp import Mlp
from exafscn_flows.models.random_forest import RandomForest
from exafscn_flows.models.spectral_network import SpectralNetwork
from exafscn_flows.registry import one_of, registered
from exafscn_flows.strict import LocatedError, Location

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
    ],
    reserved=["average", "late_fusion"],
)
"""All that an average, or a late fusion, may be made of."""

if TYPE_CHECKING:
    Member = ModelBase
else:
    Member = one_of(MEMBERS)


def check_member(member: ModelBase, at: Location, of: str) -> None:
    """Refuse a member with keys that its model has for all members.

    Parameters
    ----------
    member
        The member.
    at
        Where it stands in the model.
    of
        What the model is, in a sentence.

    Raises
    ------
    LocatedError
        If it has one.
    """
    for key in sorted(NAMES - {"kind", "name"}):
        if getattr(member, key) != type(member).model_fields[key].default:
            message = f"a member has no {key} of its own: give it to {of}, or not"
            raise LocatedError((*at, key), message)
