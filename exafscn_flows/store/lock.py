"""Who works on a campaign: a lock in its document that dies with its owner.

A runner that works through a whole campaign holds it alone. Runners that share out its parts among
themselves hold it together, each with an entry of its own.
"""

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from exafscn_flows.errors import CampaignError
from exafscn_flows.store.connection import translate_errors
from exafscn_flows.store.store import Store

HEARTBEAT_SECONDS = 10.0
EXPIRY_SECONDS = 60.0
"""A runner on another machine that was silent for so long is taken for dead."""

_HOLDERS = {"$cond": [{"$isArray": "$lock"}, "$lock", []]}


@contextmanager
def campaign_lock(
    store: Store,
    campaign: str,
    *,
    shared_as: str | None = None,
    news: Callable[[], dict[str, Any]] | None = None,
) -> Iterator[None]:
    """Hold the lock of a campaign.

    Parameters
    ----------
    store
        Where the campaign is.
    campaign
        Its name.
    shared_as
        Token of a runner that shares the lock with others that do; by default it is held alone.
    news
        What the runner tells of its work, whenever it says that it lives; by default nothing.

    Raises
    ------
    CampaignError
        If another runner lives that holds it alone, or, where it is not shared, any other.
    """
    token = shared_as or secrets.token_hex(8)
    _acquire(store, campaign, token, alone=shared_as is None)
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(store, campaign, token, stop, news), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        _release(store, campaign, token)


def runners_news(store: Store, campaign: str) -> list[dict[str, Any]]:
    """Return what the runners tell of their work that hold the lock of a campaign and live."""
    return [holder.get("news") or {} for holder in _holders(store, campaign) if holder["lives"]]


def living_runners(store: Store, campaign: str) -> set[str]:
    """Tokens of the runners that hold the lock of a campaign and live."""
    return {holder["token"] for holder in _holders(store, campaign) if holder["lives"]}


@translate_errors()
def _holders(store: Store, campaign: str) -> list[dict[str, Any]]:
    """Entries of the lock; `lives` says whether their owners are alive."""
    found = store.database.campaigns.aggregate(
        [{"$match": {"_id": campaign}}, {"$project": {"lock": _HOLDERS, "now": "$$NOW"}}]
    )
    return [
        {**holder, "lives": _lives(holder, raw["now"] - holder["heartbeat"])}
        for raw in found
        for holder in raw["lock"]
    ]


@translate_errors()
def _acquire(store: Store, campaign: str, token: str, *, alone: bool) -> None:
    campaigns = store.database.campaigns
    mine = {
        "token": token,
        "alone": alone,
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": os.getpid(),
        "process_started": psutil.Process().create_time(),
        "heartbeat": "$$NOW",
    }
    campaigns.update_one({"_id": campaign}, {"$setOnInsert": {"campaign": campaign}}, upsert=True)
    while True:
        holders = _holders(store, campaign)
        living = [holder for holder in holders if holder["lives"]]
        for holder in living:
            if alone or holder["alone"]:
                raise _held(campaign, holder)
        known = [holder["token"] for holder in holders]
        kept = _only({"$in": ["$$holder.token", [holder["token"] for holder in living]]})
        taken = campaigns.update_one(
            # Whoever came since has to be looked at first.
            {"_id": campaign, "lock": {"$not": {"$elemMatch": {"token": {"$nin": known}}}}},
            [{"$set": {"campaign": campaign, "lock": {"$concatArrays": [kept, [mine]]}}}],
        )
        if taken.matched_count:
            return


def _only(condition: dict[str, Any]) -> dict[str, Any]:
    return {"$filter": {"input": _HOLDERS, "as": "holder", "cond": condition}}


def _machine() -> str:
    """Name what process numbers belong to: hosts and containers may share a host name."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {os.readlink('/proc/self/ns/pid')}"


def _lives(holder: dict[str, Any], silent: timedelta) -> bool:
    """Whether the owner is a living process of this machine, or was heard of lately."""
    if holder["machine"] != _machine():
        return silent.total_seconds() <= EXPIRY_SECONDS
    try:
        process = psutil.Process(holder["pid"])
        # The start time tells a process from a later one with the same number.
        return bool(
            abs(process.create_time() - holder["process_started"]) < 1.0
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False


def _held(campaign: str, holder: dict[str, Any]) -> CampaignError:
    return CampaignError(
        f"campaign {campaign} is being run already, by process {holder['pid']} on "
        f"{holder['host']}: wait for it, or stop it first"
    )


def _beat(
    store: Store,
    campaign: str,
    token: str,
    stop: threading.Event,
    news: Callable[[], dict[str, Any]] | None,
) -> None:
    while not stop.wait(HEARTBEAT_SECONDS):
        try:
            update: dict[str, Any] = {"$currentDate": {"lock.$.heartbeat": True}}
            if news is not None:
                update["$set"] = {"lock.$.news": news()}
            store.database.campaigns.update_one({"_id": campaign, "lock.token": token}, update)
        except Exception:
            continue


def _release(store: Store, campaign: str, token: str) -> None:
    left = _only({"$ne": ["$$holder.token", token]})
    try:
        store.database.campaigns.update_one(
            {"_id": campaign, "lock.token": token},
            [{"$set": {"lock": {"$cond": [{"$eq": [left, []]}, "$$REMOVE", left]}}}],
        )
    except Exception:
        return
