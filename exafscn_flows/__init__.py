"""The science and the jobs of exafscn: from crystals to predictions of their sites."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exafscn_flows.store.campaign import Campaign

__all__ = ["Campaign", "__version__"]

__version__ = version("exafscn")


def __getattr__(name: str) -> Any:
    # Deferred: `exafscn --help` must not wait for pymongo and pandas.
    if name == "Campaign":
        from exafscn_flows.store.campaign import Campaign

        return Campaign
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
