"""The science and the jobs of exafscn: from crystals to predictions of their sites."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exafscn_flows.prediction.arrays import predict
    from exafscn_flows.store.campaign import Campaign, campaigns

__all__ = ["Campaign", "__version__", "campaigns", "predict"]

__version__ = version("exafscn")


def __getattr__(name: str) -> Any:
    # Deferred: `exafscn --help` must not wait for pymongo, pandas and numpy.
    if name in ("Campaign", "campaigns"):
        from exafscn_flows.store import campaign

        return getattr(campaign, name)
    if name == "predict":
        from exafscn_flows.prediction.arrays import predict

        return predict
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
