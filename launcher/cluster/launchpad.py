"""The LaunchPad: where FireWorks keeps the rockets of campaigns, beside their documents."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fireworks import FWorker, LaunchPad
from fireworks.core.launchpad import WFLock

from exafscn_flows.errors import CampaignError
from exafscn_flows.settings import Settings
from exafscn_flows.store.connection import translate_errors
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.lock import EXPIRY_SECONDS, living_runners
from exafscn_flows.store.store import Store

CLIENT = {"w": "majority", "journal": True, "readPreference": "primary"}
"""With FireWorks' own settings, a crash of the server loses rockets that it had acknowledged, and
an address that prefers secondaries shows rockets as they were."""

CATEGORIES = ("fetch", "cpu", "train", "gpu")
"""What rockets need: the network; cores; cores and memory; a GPU."""

RUNNER = "exafscn_runner"
"""Key in the environment of a worker, which FireWorks notes at each launch: who it was."""

FINISHED = ["COMPLETED", "ARCHIVED", "DEFUSED"]
"""States of a workflow, and of a rocket, that is not to be launched any more."""

_ANY_AGE = -86400.0
"""Expiration, seconds, that the clock of no other machine is so far ahead of."""
_UNLOCK_SECONDS = 10
"""FireWorks holds the lock of a workflow much shorter than that."""
_INTERRUPTED = {"$regex": r"^KeyboardInterrupt\s*$", "$options": "m"}
"""Stacktrace of a job that an interruption ended, maybe by way of another error."""


def database_uri(settings: Settings) -> str:
    """Address of the database, with its password."""
    if settings.MONGODB_URI is None:
        return EmbeddedServer(settings.DATA_DIR).uri
    return settings.MONGODB_URI.get_secret_value()


def open_launchpad(store: Store, settings: Settings) -> LaunchPad:
    """Open the LaunchPad in the database of a store."""
    return LaunchPad(
        host=database_uri(settings),
        name=store.database.name,
        uri_mode=True,
        mongoclient_kwargs=dict(CLIENT),
        strm_lvl="ERROR",
    )


@translate_errors()
def prepare_launchpad(launchpad: LaunchPad) -> None:
    """Create FireWorks' counters and indexes, as its own reset does, but delete nothing."""
    counters = {"next_fw_id": 1, "next_launch_id": 1}
    launchpad.fw_id_assigner.update_one({"_id": -1}, {"$setOnInsert": counters}, upsert=True)
    launchpad.tuneup()


@dataclass(frozen=True)
class Trouble:
    """A rocket that needs repair.

    Attributes
    ----------
    state
        ``FIZZLED``: its job ended with an error. ``lost``: its process died.
    why
        One line.
    """

    rocket: int
    name: str
    state: str
    why: str


@dataclass(frozen=True)
class Rockets:
    """Rockets of a campaign.

    Attributes
    ----------
    workflow
        Number of one of its rockets, by which FireWorks finds the workflow.
    state
        State of the workflow, in FireWorks' words.
    counts
        Number of rockets by category and state.
    """

    workflow: int
    state: str
    counts: dict[str, dict[str, int]]
    troubles: list[Trouble]

    @property
    def finished(self) -> bool:
        """Whether none is left to be launched."""
        return self.state in FINISHED

    def as_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, for JSON."""
        return asdict(self)

    def summary(self) -> str:
        """Count rockets by state, in one line."""
        total: dict[str, int] = {}
        for states in self.counts.values():
            for state, count in states.items():
                total[state] = total.get(state, 0) + count
        return ", ".join(f"{count} {state}" for state, count in sorted(total.items()))


@translate_errors()
def unfinished_campaigns(launchpad: LaunchPad) -> list[str]:
    """Names of the campaigns that have rockets left."""
    query = {"state": {"$nin": FINISHED}, "metadata.campaign": {"$exists": True}}
    return sorted(launchpad.workflows.distinct("metadata.campaign", query))


@translate_errors()
def rockets_of(launchpad: LaunchPad, store: Store, campaign: str) -> Rockets | None:
    """Look at the rockets of a campaign; None if it was never submitted."""
    workflow = _latest(launchpad, campaign)
    if workflow is None:
        return None
    counts: dict[str, dict[str, int]] = {}
    fields = {"state": 1, "spec._category": 1, "_id": 0}
    for rocket in launchpad.fireworks.find({"fw_id": {"$in": workflow["nodes"]}}, fields):
        states = counts.setdefault(rocket["spec"].get("_category", ""), {})
        states[rocket["state"]] = states.get(rocket["state"], 0) + 1
    troubles = [
        Trouble(launch["fw_id"], launch["name"], "lost", "its process died")
        for launch in _lost(launchpad, store, campaign, workflow)
    ]
    troubles += _fizzled(launchpad, workflow)
    return Rockets(workflow["nodes"][0], workflow["state"], counts, troubles)


@translate_errors()
def is_under_way(launchpad: LaunchPad, store: Store, campaigns: list[str], worker: FWorker) -> bool:
    """Whether a rocket of some campaigns is running, and others wait that a worker can take."""
    if launchpad.fireworks.find_one({**worker.query, "state": "WAITING"}, {"_id": 1}) is None:
        return False
    for campaign in campaigns:
        workflow = _latest(launchpad, campaign)
        if workflow is not None:
            lost = [launch["fw_id"] for launch in _lost(launchpad, store, campaign, workflow)]
            fresh = datetime.now(UTC) - timedelta(seconds=EXPIRY_SECONDS)
            working = {
                "fw_id": {"$in": workflow["nodes"], "$nin": lost},
                "$or": [{"state": "RUNNING"}, {"state": "RESERVED", "updated_on": {"$gt": fresh}}],
            }
            if launchpad.fireworks.find_one(working, {"_id": 1}) is not None:
                return True
    return False


@translate_errors()
def repair(launchpad: LaunchPad, store: Store, campaign: str) -> list[int]:
    """Make the rockets of a campaign ready again that were lost or have fizzled.

    What fails for one structure, site or model is a document of the campaign: a rocket fizzles
    only of what concerns the campaign as a whole, such as a full disk. So all are rerun.

    Returns
    -------
    list of int
        Numbers of the rockets.

    Raises
    ------
    CampaignError
        If the campaign is not on the LaunchPad.
    """
    workflow = _latest(launchpad, campaign)
    if workflow is None:
        raise CampaignError(f"campaign {campaign} is not on the LaunchPad: `exafscn submit` it")
    _take_back_half_updates(launchpad, workflow["nodes"][0])
    lost = [launch["launch_id"] for launch in _lost(launchpad, store, campaign, workflow)]
    nodes = {"fw_id": {"$in": workflow["nodes"]}}
    _, again, _ = launchpad.detect_lostruns(
        expiration_secs=_ANY_AGE,
        rerun=True,
        refresh=True,
        query=nodes,
        launch_query={"launch_id": {"$in": lost}},
    )
    stale = datetime.now(UTC) - timedelta(seconds=EXPIRY_SECONDS)
    # Between its reservation and its launch, a rocket is in nobody's hands that can be named.
    left = {**nodes, "state": "RESERVED", "launches": [], "updated_on": {"$lt": stale}}
    for query in ({**nodes, "state": "FIZZLED"}, left):
        for rocket in launchpad.get_fw_ids(query):
            launchpad.rerun_fw(rocket)
            again.append(rocket)
    return sorted(again)


def _take_back_half_updates(launchpad: LaunchPad, node: int) -> None:
    """Let rockets be complete once more whose process was killed while it wrote what follows.

    FireWorks writes rockets first, and their workflow last. One that is complete where its workflow
    does not know has nothing more to do for FireWorks: those after it would wait for ever, and
    those that it has added would not run.
    """
    # Whoever locked the workflow may have been killed, too.
    with WFLock(launchpad, node, expire_secs=_UNLOCK_SECONDS, kill=True):
        states = launchpad.workflows.find_one({"nodes": node}, {"fw_states": 1})["fw_states"]
        open_ones = [int(rocket) for rocket, state in states.items() if state != "COMPLETED"]
        launchpad.fireworks.update_many(
            {"fw_id": {"$in": open_ones}, "state": "COMPLETED"}, {"$set": {"state": "RUNNING"}}
        )


@translate_errors()
def give_back(launchpad: LaunchPad, runner: str) -> None:
    """Make the rockets ready again that a runner has begun and does not end."""
    mine = {f"fworker.env.{RUNNER}": runner}
    launched = launchpad.launches.distinct("fw_id", mine)
    launchpad.detect_lostruns(
        expiration_secs=_ANY_AGE,
        rerun=True,
        refresh=True,
        query={"fw_id": {"$in": launched}, "state": "RUNNING"},
        launch_query=dict(mine),
    )
    stacktrace = "action.stored_data._exception._stacktrace"
    interrupted = {**mine, "state": "FIZZLED", stacktrace: _INTERRUPTED}
    for launch in launchpad.launches.find(interrupted):
        if launchpad.get_fw_ids({"fw_id": launch["fw_id"], "state": "FIZZLED"}):
            launchpad.rerun_fw(launch["fw_id"])


@translate_errors()
def last_launch(launchpad: LaunchPad, runner: str) -> tuple[int, str, str]:
    """Return number, name and state of the rocket that a runner launched last."""
    launch = launchpad.launches.find_one(
        {f"fworker.env.{RUNNER}": runner}, {"fw_id": 1, "state": 1}, sort=[("launch_id", -1)]
    )
    rocket = launchpad.fireworks.find_one({"fw_id": launch["fw_id"]}, {"name": 1})
    return launch["fw_id"], rocket["name"], launch["state"]


def _latest(launchpad: LaunchPad, campaign: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = launchpad.workflows.find_one(
        {"metadata.campaign": campaign}, sort=[("created_on", -1)]
    )
    return found


def _lost(
    launchpad: LaunchPad, store: Store, campaign: str, workflow: dict[str, Any]
) -> list[dict[str, Any]]:
    """Find the launches of rockets whose runner died while they ran, with the rockets' names."""
    query = {"fw_id": {"$in": workflow["nodes"]}, "state": "RUNNING"}
    fields = {"fw_id": 1, "name": 1, "launches": 1}
    # A rocket that is run again has no launches but its new one.
    running = {fw["launches"][-1]: fw for fw in launchpad.fireworks.find(query, fields)}
    fields = {"launch_id": 1, "fw_id": 1, "fworker.env": 1}
    launches = list(launchpad.launches.find({"launch_id": {"$in": list(running)}}, fields))
    # Asked for last: who has launched a rocket by now holds the lock, if alive.
    living = living_runners(store, campaign)
    return [
        {**launch, "name": running[launch["launch_id"]]["name"]}
        for launch in launches
        # A rocket that FireWorks' own rlaunch runs has no runner; FireWorks watches over it.
        if (launch["fworker"].get("env") or {}).get(RUNNER) not in (None, *living)
    ]


def _fizzled(launchpad: LaunchPad, workflow: dict[str, Any]) -> Iterator[Trouble]:
    query = {"fw_id": {"$in": workflow["nodes"]}, "state": "FIZZLED"}
    fields = {"fw_id": 1, "name": 1, "launches": 1}
    for rocket in launchpad.fireworks.find(query, fields, sort=[("fw_id", 1)]):
        launch = launchpad.launches.find_one(
            {"launch_id": {"$in": rocket["launches"]}, "state": "FIZZLED"},
            {"action.stored_data._exception": 1},
            sort=[("launch_id", -1)],
        )
        yield Trouble(rocket["fw_id"], rocket["name"], "FIZZLED", _reason(launch or {}))


def _reason(launch: dict[str, Any]) -> str:
    """Say in one line why a rocket fizzled."""
    data = (launch.get("action") or {}).get("stored_data") or {}
    error = data.get("_exception") or {}
    details = error.get("_details") or {}
    lines = (error.get("_stacktrace") or "").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "unknown")
    message: str = details.get("message") or last
    return " ".join(message.split())[:300]
