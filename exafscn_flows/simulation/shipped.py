"""The simulator that comes with the package."""

from functools import lru_cache
from importlib.resources import files

from exafscn_flows.errors import CampaignError
from exafscn_flows.simulation.card import SimulatorCard
from exafscn_flows.simulation.file import load_card, load_simulator
from exafscn_flows.simulation.simulator import Simulator

SHIPPED = "xanes"
"""Its name."""
_NAME = f"model {SHIPPED} of the package"


@lru_cache(maxsize=1)
def load_shipped() -> Simulator:
    """Return the simulator of K-edge XANES that comes with the package.

    Raises
    ------
    CampaignError
        If its file is missing or damaged.
    """
    return load_simulator(_bytes(), _NAME)


@lru_cache(maxsize=1)
def shipped_card() -> SimulatorCard:
    """Return what it is, without loading it.

    Raises
    ------
    CampaignError
        If its file is missing or damaged.
    """
    return load_card(_bytes(), _NAME)


def _bytes() -> bytes:
    try:
        return (files("exafscn_flows.pretrained") / f"{SHIPPED}.zip").read_bytes()
    except OSError as error:
        raise CampaignError(f"{_NAME} cannot be read: install exafscn again") from error
