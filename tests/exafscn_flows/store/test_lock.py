import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from exafscn_flows.errors import CampaignError
from exafscn_flows.store import lock as lock_module
from exafscn_flows.store.lock import campaign_lock, living_runners
from exafscn_flows.store.store import Store


@pytest.fixture
def store(database_uri):
    return Store.open()


def holders(store):
    return store.database.campaigns.find_one({"_id": "test"}).get("lock", [])


def leave_behind(store, **changes):
    """Leave the entry of another runner behind, as if it had been killed."""
    with campaign_lock(store, "test"):
        (left,) = holders(store)
    store.database.campaigns.update_one({"_id": "test"}, {"$set": {"lock": [left | changes]}})


def take(store, campaign="test", **how):
    with campaign_lock(store, campaign, **how):
        pass


def test_second_holder_is_refused_and_the_lock_is_free_afterwards(store):
    with campaign_lock(store, "test"):
        with pytest.raises(CampaignError, match=f"process {os.getpid()} on {socket.gethostname()}"):
            take(store)
        take(store, "other")
    take(store)


def test_lock_of_a_process_that_ended_is_taken_over(store):
    leave_behind(store, token="dead", pid=2**22 + 1)  # larger than Linux gives away
    with campaign_lock(store, "test"):
        assert [holder["token"] for holder in holders(store)] != ["dead"]
    assert not holders(store)


def test_machine_of_the_same_name_is_another_one(store, monkeypatch):
    """Process numbers of another container or host say nothing here, only its heartbeat does."""
    leave_behind(store, token="other", machine="other", pid=2**22 + 1)
    with pytest.raises(CampaignError, match="is being run already"):
        take(store)
    monkeypatch.setattr(lock_module, "EXPIRY_SECONDS", 0.0)
    with campaign_lock(store, "test"):
        (holder,) = holders(store)
        assert holder["token"] != "other"


def test_runners_that_share_keep_one_that_does_not_out(store):
    with campaign_lock(store, "test", shared_as="a"):
        with campaign_lock(store, "test", shared_as="b"):
            assert living_runners(store, "test") == {"a", "b"}
            with pytest.raises(CampaignError, match="is being run already"):
                take(store)
        assert living_runners(store, "test") == {"a"}
    assert living_runners(store, "test") == set()
    with (
        campaign_lock(store, "test"),
        pytest.raises(CampaignError, match="is being run already"),
    ):
        take(store, shared_as="a")


def test_dead_among_those_that_share_is_no_hindrance(store):
    leave_behind(store, token="dead", alone=False, pid=2**22 + 1)
    with campaign_lock(store, "test", shared_as="a"):
        assert living_runners(store, "test") == {"a"}
    take(store)


def test_of_many_at_once_only_one_is_in(store):
    inside = []

    def enter(number):
        try:
            with campaign_lock(store, "test"):
                inside.append(number)
                assert len(holders(store)) == 1
                time.sleep(0.2)
        except CampaignError:
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(8)))
    assert inside


def test_heartbeat_is_that_of_its_own_entry(store, monkeypatch):
    monkeypatch.setattr(lock_module, "HEARTBEAT_SECONDS", 0.05)
    with campaign_lock(store, "test", shared_as="a"), campaign_lock(store, "test", shared_as="b"):
        before = {holder["token"]: holder["heartbeat"] for holder in holders(store)}
        deadline = time.monotonic() + 10
        while any(holder["heartbeat"] <= before[holder["token"]] for holder in holders(store)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
