import os
import socket

import pytest

from exafscn_flows.errors import CampaignError
from exafscn_flows.store import lock as lock_module
from exafscn_flows.store.lock import campaign_lock
from exafscn_flows.store.store import Store


@pytest.fixture
def store(database_uri):
    return Store.open()


def lock_of(store):
    return store.database.campaigns.find_one({"_id": "test"})["lock"]


def take(store, campaign="test"):
    with campaign_lock(store, campaign):
        pass


def test_second_holder_is_refused_and_the_lock_is_free_afterwards(store):
    with campaign_lock(store, "test"):
        with pytest.raises(CampaignError, match=f"process {os.getpid()} on {socket.gethostname()}"):
            take(store)
        take(store, "other")
    take(store)


def test_lock_of_a_process_that_ended_is_taken_over(store):
    with campaign_lock(store, "test"):
        left = lock_of(store)
    left |= {"token": "dead", "pid": 2**22 + 1}  # larger than Linux gives away
    store.database.campaigns.update_one({"_id": "test"}, {"$set": {"lock": left}})
    with campaign_lock(store, "test"):
        assert lock_of(store)["token"] != "dead"


def test_machine_of_the_same_name_is_another_one(store, monkeypatch):
    """Process numbers of another container or host say nothing here, only its heartbeat does."""
    with campaign_lock(store, "test"):
        left = lock_of(store)
    left |= {"token": "other", "machine": "other", "pid": 2**22 + 1}
    store.database.campaigns.update_one({"_id": "test"}, {"$set": {"lock": left}})
    with pytest.raises(CampaignError, match="is being run already"):
        take(store)
    monkeypatch.setattr(lock_module, "EXPIRY_SECONDS", 0.0)
    with campaign_lock(store, "test"):
        assert lock_of(store)["token"] != "other"
