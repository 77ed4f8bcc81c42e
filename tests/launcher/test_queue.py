"""How many jobs are kept in a queue."""

import pytest
from fireworks import Firework, FWorker, PyTask, Workflow

from exafscn_flows.errors import CampaignError
from exafscn_flows.settings import Settings
from launcher.cluster.launchpad import open_launchpad, prepare_launchpad
from launcher.cluster.queue import _missing
from launcher.cluster.worker import CampaignWorker


class Queue:
    """A queue that has so many jobs of this user; None where it does not answer."""

    q_name = "test"

    def __init__(self, jobs):
        self.jobs = jobs

    def get_njobs_in_queue(self):
        return self.jobs


@pytest.fixture
def launchpad(store):
    """One rocket of a campaign, which is ready."""
    launchpad = open_launchpad(store, Settings())
    prepare_launchpad(launchpad)
    rocket = Firework(PyTask(func="print"), spec={"_category": "cpu"})
    launchpad.add_wf(Workflow([rocket], metadata={"campaign": "test"}))
    return launchpad


def missing(launchpad, jobs, category="cpu"):
    worker = FWorker(category=[category]).to_dict()
    return _missing(launchpad, CampaignWorker(launchpad, ["test"], worker, ""), Queue(jobs), 4)


def test_as_many_jobs_are_sent_as_are_missing(launchpad):
    assert [missing(launchpad, jobs) for jobs in (0, 1, 4, 9)] == [4, 3, 0, 0]


def test_none_is_sent_where_nothing_is_ready_for_it(launchpad):
    assert missing(launchpad, 2, "gpu") == 0
    launchpad.fireworks.update_many({}, {"$set": {"state": "RUNNING"}})
    assert missing(launchpad, 1) == 0
    with pytest.raises(CampaignError, match="no rocket is ready that one would take"):
        missing(launchpad, 0)


def test_a_queue_that_does_not_answer_is_said(launchpad):
    with pytest.raises(CampaignError, match="does not say which jobs"):
        missing(launchpad, None)
