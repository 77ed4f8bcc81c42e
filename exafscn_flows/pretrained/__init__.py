"""Models that come with the package. Neither torch nor larch is imported to use them."""

from functools import lru_cache

from exafscn_flows.pretrained.model import Pretrained, load_shipped

__all__ = ["Pretrained", "load_general"]


@lru_cache(maxsize=1)
def load_general() -> Pretrained:
    """Return the general model: coordination number and bond length around 3d metals, Ti to Zn.

    Raises
    ------
    CampaignError
        If its files are missing or damaged.
    """
    return load_shipped("general")
