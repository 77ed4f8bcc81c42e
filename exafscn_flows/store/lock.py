"""One runner per campaign: a lock in the campaign's document that dies with its owner."""

import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from pymongo import ReturnDocument

from exafscn_flows.errors import CampaignError
from exafscn_flows.store.connection import translate_errors
from exafscn_flows.store.store import Store

HEARTBEAT_SECONDS = 10.0
EXPIRY_SECONDS = 60.0
"""A runner on another machine that was silent for so long is taken for dead."""


@contextmanager
def campaign_lock(store: Store, campaign: str) -> Iterator[None]:
    """Hold the lock of a campaign.

    Raises
    ------
    CampaignError
        If another runner holds it and lives.
    """
    token = secrets.token_hex(8)
    _acquire(store, campaign, token)
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(store, campaign, token, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        _release(store, campaign, token)


@translate_errors()
def _acquire(store: Store, campaign: str, token: str) -> None:
    campaigns = store.database.campaigns
    lock = {
        "token": token,
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": os.getpid(),
        "process_started": psutil.Process().create_time(),
    }
    set_lock = [{"$set": {"campaign": campaign, "lock": {**lock, "heartbeat": "$$NOW"}}}]
    campaigns.update_one({"_id": campaign}, {"$setOnInsert": {"campaign": campaign}}, upsert=True)
    while True:
        current = (campaigns.find_one({"_id": campaign}, {"lock": 1}) or {}).get("lock")
        free: dict[str, Any] = {"_id": campaign, "lock": None}
        if current is not None:
            if _alive_here(current):
                raise _held(campaign, current)
            free = {"_id": campaign, "lock.token": current["token"]}
            if current.get("machine") != _machine():
                age = {"$subtract": ["$$NOW", "$lock.heartbeat"]}
                free["$expr"] = {"$gt": [age, EXPIRY_SECONDS * 1000]}
        taken = campaigns.find_one_and_update(free, set_lock, return_document=ReturnDocument.AFTER)
        if taken is not None:
            return
        latest = (campaigns.find_one({"_id": campaign}, {"lock": 1}) or {}).get("lock")
        if current is not None and latest and latest["token"] == current["token"]:
            raise _held(campaign, current)


def _machine() -> str:
    """Name what process numbers belong to: hosts and containers may share a host name."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {os.readlink('/proc/self/ns/pid')}"


def _alive_here(lock: dict[str, Any]) -> bool:
    """Whether the owner is a living process of this machine."""
    if lock.get("machine") != _machine():
        return False
    try:
        process = psutil.Process(lock["pid"])
        # The start time tells a process from a later one with the same number.
        return bool(
            abs(process.create_time() - lock["process_started"]) < 1.0
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False


def _held(campaign: str, lock: dict[str, Any]) -> CampaignError:
    return CampaignError(
        f"campaign {campaign} is being run already, by process {lock['pid']} on {lock['host']}: "
        "wait for it, or stop it first"
    )


def _beat(store: Store, campaign: str, token: str, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_SECONDS):
        try:
            store.database.campaigns.update_one(
                {"_id": campaign, "lock.token": token}, [{"$set": {"lock.heartbeat": "$$NOW"}}]
            )
        except Exception:
            continue


def _release(store: Store, campaign: str, token: str) -> None:
    try:
        store.database.campaigns.update_one(
            {"_id": campaign, "lock.token": token}, {"$unset": {"lock": ""}}
        )
    except Exception:
        return
