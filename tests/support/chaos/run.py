"""A campaign that is run to its end through a series of faults."""

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from campaigns import Workspace

from chaos.claims import FeffClaims, RocketClaims
from chaos.faults import FAULTS, Place
from chaos.ledger import Ledger
from chaos.processes import of_session, rockets_of

_ROCKETS = 2
"""Processes that launch rockets, as long as there are rockets for them."""
_LOOK_SECONDS = 0.1
_SLOW_LOOK_SECONDS = 1.0
"""Time between looks that cost more."""
_BEGIN_SECONDS = 15.0
"""Time in which a command that launches rockets has begun to do so."""
_PATIENCE_SECONDS = 60.0
"""Time without any change after which a user looks after a campaign."""
_MOST_SECONDS = 600.0
"""Time without any change after which it is given up."""


@dataclass(frozen=True)
class Planned:
    """A fault, and when it comes.

    Attributes
    ----------
    kind
        A key of `FAULTS`.
    after
        Share of all spectra and metrics that are there before.
    """

    kind: str
    after: float


@dataclass
class _Launch:
    """An `exafscn launch` that runs."""

    process: "subprocess.Popen[str]"
    parallel: int
    began: float = field(default_factory=time.monotonic)

    @property
    def living(self) -> int:
        """Its processes that launch rockets, or are about to."""
        found = len(rockets_of(self.process.pid))
        if time.monotonic() - self.began < _BEGIN_SECONDS and self.process.poll() is None:
            return max(found, self.parallel)
        return found


class Chaos:
    """One campaign amid faults, and somebody who launches it again and again.

    Parameters
    ----------
    workspace
        The campaign; its address leads through the network of the place.
    place
        What it lives on.
    database
        Its database, reached past that network.
    size
        Spectra and metrics that there will be in the end.
    planned
        The faults, in order.
    seed
        Of what they hit, and for how long.
    tell
        Is told every fault.

    Attributes
    ----------
    faults
        Faults that have hit something, by kind.
    launches, repairs
        How often rockets were launched, and made ready again.
    complaints
        What commands wrote that no command should write.
    """

    def __init__(
        self,
        workspace: Workspace,
        place: Place,
        database: Any,
        size: int,
        planned: Sequence[Planned],
        seed: int,
        tell: Callable[[str], None],
    ) -> None:
        self.faults: Counter[str] = Counter()
        self.launches = 0
        self.repairs = 0
        self.complaints: list[str] = []
        self.ledger = Ledger()
        self.feff = FeffClaims(place.scratch.folder)
        self.rockets = RocketClaims(database, workspace.settings["campaign"])
        self._workspace = workspace
        self._place = place
        self._database = database
        self._size = size
        self._planned = planned
        self._random = Random(seed)
        self._tell = tell
        self._running: list[_Launch] = []
        self._looked = 0.0
        self._noted = 0.0
        self._began = 0.0
        self._last_change: tuple[float, Any] = (0.0, None)

    def run(self) -> float:
        """Submit the campaign, and launch its rockets until all is done.

        Returns
        -------
        float
            Seconds that it took.

        Raises
        ------
        AssertionError
            If nothing changes any more.
        """
        self._began = time.monotonic()
        self._workspace.program("submit", str(self._workspace.file))
        self.feff.start()
        try:
            while self._is_going_on():
                self._harm()
                if time.monotonic() - self._looked > _SLOW_LOOK_SECONDS:
                    self.rockets.look()
                    self._keep_going()
                    self._looked = time.monotonic()
                time.sleep(_LOOK_SECONDS)
            self.ledger.look(self._database)
        finally:
            self.feff.stop()
            self._end()
        return time.monotonic() - self._began

    def _harm(self) -> None:
        """Let the next fault happen, if it is due and finds something to hit."""
        count = self.faults.total()
        if count == len(self._planned):
            return
        planned = self._planned[count]
        if self._done() < planned.after:
            return
        # Until there is something to hit, looking costs time that the campaign needs.
        if time.monotonic() - self._noted > _SLOW_LOOK_SECONDS:
            self.ledger.look(self._database)
            self._noted = time.monotonic()
        if what := FAULTS[planned.kind](self._place, self._random):
            self.faults[planned.kind] += 1
            when = time.monotonic() - self._began
            number = f"{count + 1:>2} of {len(self._planned)}"
            self._tell(f"{when:5.0f} s  {number}  {self._done():4.0%}  {what}")

    def _done(self) -> float:
        counts = (self._database[name].count_documents({}) for name in ("spectra", "metrics"))
        return sum(counts) / self._size

    def _is_going_on(self) -> bool:
        for launch in [one for one in self._running if one.process.poll() is not None]:
            out, err = launch.process.communicate()
            if "Traceback" in out + err or "unexpected" in err:
                self.complaints.append(err)
            self._running.remove(launch)
        state, rockets = self._states()
        now = (self._done(), rockets)
        if now != self._last_change[1]:
            self._last_change = (time.monotonic(), now)
        assert self._quiet < _MOST_SECONDS, f"nothing has changed for long: {now}"
        return bool(self._running) or state != "COMPLETED"

    @property
    def _quiet(self) -> float:
        """Seconds without any change."""
        return time.monotonic() - self._last_change[0]

    def _states(self) -> tuple[str, Counter[str]]:
        """State of the workflow, and number of its rockets by state."""
        (workflow,) = self._database.workflows.find({}, {"nodes": 1, "state": 1})
        found = self._database.fireworks.find({"fw_id": {"$in": workflow["nodes"]}}, {"state": 1})
        return workflow["state"], Counter(rocket["state"] for rocket in found)

    def _keep_going(self) -> None:
        """Do what a user or a queue does where fewer processes are at work than could be."""
        living = sum(launch.living for launch in self._running)
        state, rockets = self._states()
        # Beside a process at work, one is launched only for what nobody works on.
        nobodys = rockets["READY"] + rockets["FIZZLED"]
        nobodys += max(0, rockets["RUNNING"] + rockets["RESERVED"] - living)
        enough = living >= _ROCKETS or (living and not nobodys)
        if state == "COMPLETED" or (enough and self._quiet < _PATIENCE_SECONDS):
            return
        name = self._workspace.settings["campaign"]
        self.repairs += "Ready again" in self._workspace.program("status", name, "--repair")
        if enough:
            return
        parallel = _ROCKETS - living
        flags = ["--parallel", str(parallel)] if parallel > 1 else []
        process = self._workspace.start_program("launch", name, *flags)
        self._place.sessions.append(process.pid)
        self._running.append(_Launch(process, parallel))
        self.launches += 1

    def _end(self) -> None:
        for session in self._place.sessions:
            for process in of_session(session):
                process.kill()
        for launch in self._running:
            launch.process.communicate()
