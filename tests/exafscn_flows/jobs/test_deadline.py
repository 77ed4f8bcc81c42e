"""Jobs that end before a scheduler ends them: what they leave is done by the next."""

import time

import pytest
from crystals import polymorphs
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from exafscn_flows.errors import CampaignError
from exafscn_flows.jobs import sites as sites_module
from exafscn_flows.jobs.context import MARGIN_SECONDS, Deadline, SerialExecutor, surroundings
from exafscn_flows.jobs.sites import process_sites
from exafscn_flows.store.documents import FailureDoc, FeatureDoc, SpectrumDoc
from workflows.campaign import SitesMaker

SETTINGS = {
    "spectra": {"kind": "feff", "cards": {"RPATH": 4, "NLEG": 2}},
    "features": {"sets": [{"kind": "r_space", "input": "chi"}]},
}
COMPLETE = {"labels done": 8, "spectra done": 8, "features done": 8}


class Scripted(Deadline):
    """A deadline that allows or refuses sites as it is told, and everything after that."""

    def __init__(self, *answers):
        super().__init__(end=0)
        self.answers = list(answers)

    def allows(self, seconds):
        return self.answers.pop(0) if self.answers else True


@pytest.fixture
def ends(plan, store):
    """First and last of eight sites."""
    plan(polymorphs("Ni"), **SETTINGS)
    keys = [site.site for site in store.active_sites("test")]
    return keys[0], keys[-1]


def process(ends, deadline):
    with surroundings(SerialExecutor(), None, deadline):
        return process_sites.original("test", *ends)


def run(flow, deadline=None):
    """Run a flow and return the output of its last job."""
    store = JobStore(MemoryStore())
    with surroundings(SerialExecutor(), None, deadline):
        run_locally(flow, log=False, store=store, create_folders=False, raise_immediately=True)
    # A job that was replaced ends with a reference to the output of another.
    made = store.query({"name": {"$ne": "store_inputs"}})
    *_, last = sorted(made, key=lambda doc: doc["completed_at"])
    return last["output"]


def done(counts):
    assert not any(count for name, count in counts.items() if name.endswith("failed"))
    return {name: count for name, count in counts.items() if name.endswith("done")}


def test_deadline_keeps_a_margin_free():
    deadline = Deadline(time.time() + MARGIN_SECONDS + 100)
    assert deadline.allows(90)
    assert not deadline.allows(110)


def test_another_job_computes_what_one_has_left(ends, store):
    deadline = Scripted(True, True, True, *[False] * 5)
    response = process(ends, deadline)
    assert deadline.handed_back
    assert store.count(SpectrumDoc, {}) == store.count(FeatureDoc, {}) == 3
    assert not store.count(FailureDoc, {})
    written = {doc.site: doc.created_at for doc in store.find(SpectrumDoc, {})}
    assert response.replace.name == f"test: sites {ends[0]} to {ends[1]}"
    # A process that has no time is not tried again.
    with pytest.raises(CampaignError, match="time of this job is over with 5 sites left"):
        process(ends, deadline)
    assert done(run(response.replace)) == COMPLETE
    spectra = {doc.site: doc.created_at for doc in store.find(SpectrumDoc, {})}
    assert len(spectra) == 8
    assert {site: spectra[site] for site in written} == written
    assert isinstance(process(ends, deadline), dict)  # there is nothing left to refuse


def test_flow_adds_up_what_several_jobs_did(ends):
    class Forgetful(Scripted):
        """As if every job ran in a process of its own, as rockets do."""

        handed_back = property(lambda self: False, lambda self, value: None)

    deadline = Forgetful(True, *[False] * 7, True, True, *[False] * 5)
    assert done(run(SitesMaker().make("test", [ends]), deadline)) == COMPLETE


def test_no_site_is_begun_that_may_take_longer_than_there_is_time(ends, store, monkeypatch):
    monkeypatch.setattr(sites_module, "_longest", 100.0)
    assert not isinstance(process(ends, Deadline(time.time() + MARGIN_SECONDS + 99)), dict)
    assert not store.count(SpectrumDoc, {})
    assert done(process(ends, Deadline(time.time() + MARGIN_SECONDS + 1000))) == COMPLETE


def test_longest_site_is_remembered(ends, monkeypatch):
    monkeypatch.setattr(sites_module, "_longest", 0.0)
    started = time.monotonic()
    process(ends, None)
    assert 0 < sites_module._longest < time.monotonic() - started
