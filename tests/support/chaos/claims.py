"""Whether two rockets work on the same at once."""

import hashlib
import re
import time
from itertools import combinations
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil

from chaos.processes import feff_programs
from exafscn_flows.store.lock import living_runners
from exafscn_flows.store.store import Store
from launcher.cluster.launchpad import RUNNER

_LOOK_SECONDS = 0.2
_RANGE = re.compile(r": sites (\S+) to (\S+)$")


class FeffClaims(Thread):
    """Looks at the runs of FEFF on this machine, all the time, for two of one site.

    Parameters
    ----------
    scratch
        Folder in which they run.

    Attributes
    ----------
    double
        Processes, of sites that were computed twice at the same time.
    looks
        Times that two or more runs were seen at once: else nothing could be found.
    """

    def __init__(self, scratch: Path) -> None:
        super().__init__(daemon=True)
        self.double: set[str] = set()
        self.looks = 0
        self._scratch = scratch
        self._done = Event()

    def run(self) -> None:
        while not self._done.wait(_LOOK_SECONDS):
            self._look()

    def stop(self) -> None:
        """Look no more."""
        self._done.set()
        self.join()

    def _look(self) -> None:
        runs: dict[str, dict[Path, psutil.Process]] = {}
        for process, folder in feff_programs(self._scratch):
            try:
                site = hashlib.sha256((folder / "feff.inp").read_bytes()).hexdigest()
            except OSError:
                continue
            runs.setdefault(site, {})[folder] = process
        self.looks += len(runs) > 1
        for found in runs.values():
            # Those that were seen first may have ended before the last began.
            if len(found) > 1 and all(process.is_running() for process in found.values()):
                self.double.add(" and ".join(sorted(str(p.pid) for p in found.values())))


class RocketClaims:
    """Looks at the LaunchPad for two living rockets of one range of sites, or that overlap."""

    def __init__(self, database: Any, campaign: str) -> None:
        self.double: set[str] = set()
        self._database = database
        self._campaign = campaign
        self._suspects: dict[str, float] = {}

    def look(self) -> None:
        """Look once; what is seen twice, seconds apart, counts."""
        running = list(self._database.launches.find({"state": "RUNNING"}))
        living = living_runners(Store(self._database), self._campaign)
        alive = [one for one in running if one["fworker"]["env"][RUNNER] in living]
        ids = {one["fw_id"] for one in alive}
        names = {
            rocket["fw_id"]: rocket["name"]
            for rocket in self._database.fireworks.find(
                {"fw_id": {"$in": list(ids)}}, {"name": 1, "fw_id": 1}
            )
        }
        suspects = {}
        for one, other in combinations(alive, 2):
            both = (names.get(one["fw_id"], ""), names.get(other["fw_id"], ""))
            if one["fw_id"] == other["fw_id"] or _overlap(*both):
                key = f"launches {one['launch_id']} and {other['launch_id']}: {both}"
                # A process ends one launch and begins the next: not both at once, but nearly.
                suspects[key] = self._suspects.get(key, time.monotonic())
                if time.monotonic() - suspects[key] > 1:
                    self.double.add(key)
        self._suspects = suspects


def _overlap(one: str, other: str) -> bool:
    found = _RANGE.search(one), _RANGE.search(other)
    if not found[0] or not found[1]:
        return False
    (first, last), (low, high) = found[0].groups(), found[1].groups()
    return first <= high and low <= last
