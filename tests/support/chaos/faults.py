"""The faults: each hits something that lives, or says that there is nothing to hit."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import psutil

from chaos.network import Network
from chaos.processes import feff_programs, rockets_of, workers
from chaos.scratch import Scratch
from exafscn_flows.store.embedded import EmbeddedServer


@dataclass
class Place:
    """What a campaign lives on.

    Parameters
    ----------
    server
        Its MongoDB.
    network
        What lies between.
    scratch
        Its scratch folder.
    cut_seconds
        How long the network is away.

    Attributes
    ----------
    sessions
        Those of the commands that launch its rockets.
    """

    server: EmbeddedServer
    network: Network
    scratch: Scratch
    cut_seconds: float
    sessions: list[int] = field(default_factory=list)

    def busy_rockets(self) -> list[psutil.Process]:
        """Processes that launch rockets, and have workers."""
        found = [rocket for session in self.sessions for rocket in rockets_of(session)]
        return [rocket for rocket in found if workers(rocket)]


Fault = Callable[[Place, Random], str | None]
"""Does some harm. Says what, or None where there was nothing to harm."""


def kill_rocket(place: Place, random: Random) -> str | None:
    """Kill a process that launches rockets."""
    return _kill(place.busy_rockets(), random, "rocket")


def kill_worker(place: Place, random: Random) -> str | None:
    """Kill a worker of Dask."""
    found = [worker for rocket in place.busy_rockets() for worker in workers(rocket)]
    return _kill(found, random, "worker")


def kill_feff(place: Place, random: Random) -> str | None:
    """Kill a program of FEFF."""
    found = [process for process, _ in feff_programs(place.scratch.folder)]
    return _kill(found, random, "program of FEFF,")


def kill_mongod(place: Place, random: Random) -> str | None:
    """Kill the server, and start it again a little later."""
    pid = place.server.status().pid
    if pid is None or not place.network.connections:
        return None
    os.kill(pid, signal.SIGKILL)
    seconds = random.uniform(0.0, 4.0)
    time.sleep(seconds)
    place.server.start()
    return f"mongod (process {pid}) killed, started again after {seconds:.1f} s"


def fill_scratch(place: Place, random: Random) -> str | None:
    """Fill the scratch folder for some seconds, while FEFF runs in it."""
    if not any(feff_programs(place.scratch.folder)):
        return None
    seconds = random.uniform(2.0, 6.0)
    place.scratch.fill()
    time.sleep(seconds)
    place.scratch.free()
    how = "full" if place.scratch.is_mounted else "closed"
    return f"scratch folder {how} for {seconds:.1f} s"


def cut_network(place: Place, random: Random) -> str | None:
    """End all connections to the server, and refuse new ones for a while."""
    found = place.network.connections
    if not found:
        return None
    place.network.cut()
    time.sleep(place.cut_seconds)
    place.network.mend()
    return f"network cut for {place.cut_seconds:.0f} s, {found} connections ended"


def freeze_network(place: Place, random: Random) -> str | None:
    """Let nothing through to the server for a while, nor anything back."""
    found = place.network.connections
    if not found:
        return None
    place.network.freeze()
    time.sleep(place.cut_seconds)
    place.network.thaw()
    return f"network silent for {place.cut_seconds:.0f} s, on {found} connections"


FAULTS: dict[str, Fault] = {
    "rocket": kill_rocket,
    "worker": kill_worker,
    "feff": kill_feff,
    "mongod": kill_mongod,
    "scratch": fill_scratch,
    "cut": cut_network,
    "freeze": freeze_network,
}


def _kill(found: list[psutil.Process], random: Random, what: str) -> str | None:
    with suppress(psutil.NoSuchProcess):
        if found:
            victim = random.choice(sorted(found, key=lambda process: process.pid))
            name = victim.name()
            victim.kill()
            return f"{what} {name} (process {victim.pid}) killed"
    return None
