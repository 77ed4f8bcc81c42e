"""What is learned of a site: computed from the structure, or a spectrum of it.

A new target is one file and one line in the list below.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from exafscn_flows.registry import one_of, registered
from exafscn_flows.targets.base import TargetBase, TargetModel
from exafscn_flows.targets.bond_length import BondLength
from exafscn_flows.targets.coordination_number import CoordinationNumber
from exafscn_flows.targets.environment import Environment
from exafscn_flows.targets.oxidation_state import OxidationState
from exafscn_flows.targets.spectrum import Spectrum

__all__ = [
    "TARGETS",
    "BondLength",
    "CoordinationNumber",
    "Environment",
    "OxidationState",
    "Spectrum",
    "Target",
    "TargetBase",
    "TargetModel",
]

TARGETS: tuple[type[TargetBase], ...] = registered(
    "targets",
    [
        CoordinationNumber,
        BondLength,
        Environment,
        OxidationState,
        Spectrum,
    ],
)


def _with_kind(settings: Any) -> Any:
    return {"kind": settings} if isinstance(settings, str) else settings


if TYPE_CHECKING:
    Target = TargetBase
else:
    Target = Annotated[one_of(TARGETS), BeforeValidator(_with_kind)]
