"""Models that come with the package. Neither torch nor larch is imported to use them."""

from functools import lru_cache
from typing import Any

from exafscn_flows.pretrained.model import Pretrained, card_sha256, load_shipped, read_card
from exafscn_flows.pretrained.near_edge import NearEdgeModel, load_near_edge

__all__ = [
    "GENERAL",
    "NearEdgeModel",
    "Pretrained",
    "card_sha256",
    "general_card",
    "load_general",
    "load_near_edge",
]

GENERAL = "general"
"""Name of the general model."""


def general_card() -> dict[str, Any]:
    """Return what is said of the general model, without loading it.

    Raises
    ------
    CampaignError
        If its card is missing or damaged.
    """
    return read_card(GENERAL)


@lru_cache(maxsize=1)
def load_general() -> Pretrained:
    """Return the general model: coordination number and bond length around 3d metals, Ti to Zn.

    Raises
    ------
    CampaignError
        If its files are missing or damaged.
    """
    return load_shipped(GENERAL)
