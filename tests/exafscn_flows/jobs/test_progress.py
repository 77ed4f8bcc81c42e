"""What a watcher is told: totals that stay, and work that comes to nothing left."""

import threading

import pytest
from crystals import polymorphs, rock_salt

from exafscn_flows.jobs.context import SerialExecutor, Silent, surroundings
from exafscn_flows.jobs.plan import plan_sites
from exafscn_flows.jobs.sites import process_sites
from exafscn_flows.jobs.status import campaign_status
from exafscn_flows.jobs.train import train
from exafscn_flows.store import lock
from exafscn_flows.store.lock import campaign_lock

SETTINGS = {
    "spectra": {"kind": "feff", "cards": {"RPATH": 4, "NLEG": 2}},
    "features": {"sets": [{"kind": "r_space", "input": "chi"}]},
}


class Recorder(Silent):
    """Remembers totals, and what is done, after every call."""

    def __init__(self):
        super().__init__()
        self.parts, self.more, self.done, self.totals = {}, {}, {}, {}

    def expect(self, stage, count, part=None):
        if part is None:
            self.more[stage] = self.more.get(stage, 0) + count
        else:
            self.parts[stage, part] = count
        self.note(stage)

    def advance(self, stage, done, failed):
        self.done[stage] = self.done.get(stage, 0) + done + failed
        self.note(stage)

    def note(self, stage):
        total = self.more.get(stage, 0) + sum(n for (of, _), n in self.parts.items() if of == stage)
        if total != (self.totals.setdefault(stage, [total])[-1]):
            self.totals[stage].append(total)


def run(store, watcher):
    """Run a campaign as `exafscn run` does, one job after the other."""
    with surroundings(SerialExecutor(), watcher):
        for first, last in plan_sites.original("test"):
            process_sites.original("test", first, last)
        train.original("test", "Ni")


@pytest.mark.parametrize("sample", [None, {"per_absorber": 5}, {"structures": 6}])
def test_totals_are_known_at_once_and_stay(plan, store, sample):
    crystals = {**polymorphs("Ni"), "NaCl": rock_salt("Na", "Cl", 5.64)}
    plan(crystals, **SETTINGS, sample=sample)
    store.set_plan("test", None)
    watcher = Recorder()
    run(store, watcher)
    n_sites = {None: 8, "per_absorber": 5, "structures": 6}[sample and next(iter(sample))]
    n_structures = len(crystals) if sample is None else n_sites
    assert watcher.totals == {
        "structures": [n_structures],
        "labels": [n_sites],
        "spectra": [n_sites],
        "features": [n_sites],
        "models": [1],
    }
    assert {stage: [n] for stage, n in watcher.done.items()} == watcher.totals
    assert (watcher.forecast.share(), watcher.forecast.seconds_left()) == (1.0, 0.0)
    again = Recorder()
    run(store, again)
    assert again.done == {}


def test_a_sample_that_finds_too_few_gives_its_places_back(plan, store):
    plan(polymorphs("Ni"), **SETTINGS, sample={"per_absorber": 50})
    store.set_plan("test", None)
    watcher = Recorder()
    with surroundings(SerialExecutor(), watcher):
        plan_sites.original("test")
    assert watcher.totals["structures"] == [50, 8]


def test_status_tells_the_time_that_is_left_from_what_a_runner_says(plan, store, monkeypatch):
    config = plan(polymorphs("Ni"), **SETTINGS)
    monkeypatch.setattr(lock, "HEARTBEAT_SECONDS", 0.01)
    assert not campaign_status(store, "test").running
    (first, _), *_ = plan_sites.original("test")
    middle = sorted(site.site for site in store.active_sites("test"))[3]
    watcher, heard = Silent(), threading.Event()

    def news():
        heard.set()
        return watcher.forecast.news()

    with campaign_lock(store, config.campaign, news=news):
        status = campaign_status(store, "test")
        assert (status.running, status.seconds_left) == (True, None)
        with surroundings(SerialExecutor(), watcher):
            process_sites.original("test", first, middle)
        for _ in range(2):  # what the first of them says is written when the second one is asked
            heard.clear()
            assert heard.wait(5)
        status = campaign_status(store, "test")
        assert status.seconds_left > 0
        assert status.sites_per_minute > 0
    assert campaign_status(store, "test").seconds_left is None
