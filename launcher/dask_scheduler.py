"""A Dask scheduler that runs already, with workers that somebody else has started."""

import ipaddress
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from exafscn_flows.errors import CampaignError, UsageError
from launcher.dask_executor import DaskExecutor

if TYPE_CHECKING:
    from distributed import Client


class SchedulerExecutor(DaskExecutor):
    """Runs tasks on the workers of a running scheduler, which stay when the run ends.

    Parameters
    ----------
    place
        Its address, or the path of its scheduler file.

    Raises
    ------
    UsageError
        If there is no such file, or others can reach the scheduler.
    """

    def __init__(self, place: str) -> None:
        super().__init__()
        self._address = place if "://" in place else _address_in(Path(place))
        if not _is_private(self._address):
            raise UsageError(
                f"the Dask scheduler at {self._address} takes work from everybody who reaches it, "
                "and its network would see the password of the database: start it with TLS, or "
                "with --host 127.0.0.1, or set DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION=False "
                "if the network is your own"
            )

    def _connect(self) -> "Client":
        from distributed import Client, Security

        from launcher.worker_setup import set_up_workers

        # What matters reaches us as exceptions of futures.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            client = Client(self._address, security=Security())
        except (OSError, ValueError, TypeError) as error:
            line = " ".join(str(error).split())[:200]
            raise CampaignError(
                f"no Dask scheduler at {self._address} ({line}): start it, or unset EXAFSCN_DASK"
            ) from error
        try:
            set_up_workers(client)
        except BaseException:
            client.close()
            raise
        return client


def _address_in(file: Path) -> str:
    try:
        address = json.loads(file.read_text())["address"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"EXAFSCN_DASK: {file} is no file of a Dask scheduler ({type(error).__name__}): set it "
            "to such a file, to an address such as tcp://127.0.0.1:8786, or to slurm"
        ) from error
    return str(address)


def _is_private(address: str) -> bool:
    """Whether only this user reaches a scheduler, or this user wants it otherwise."""
    import dask

    scheme, _, place = address.partition("://")
    encryption = dask.config.get("distributed.comm.require-encryption", None)
    if scheme in ("tls", "wss") or encryption is False:
        return True
    host = place.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
