"""What waits for what: flows are run in parts, at once, wherever there is room."""

from typing import Any

import pytest
from jobflow import Flow

from workflows.campaign import CampaignMaker, collect, fan_out
from workflows.study import StudyMaker

CAMPAIGN: dict[str, set[str]] = {
    "c: plan": set(),
    "c: sites": {"c: plan"},
    "c: models of Ni": {"c: sites"},
    "c: models of Cu": {"c: sites"},
}
EXPERIMENTS = {
    "c: experiments with Ni": {"c: models of Ni"},
    "c: experiments with Cu": {"c: models of Cu"},
}


def waits(flow: Flow) -> dict[str, set[str]]:
    """Names of the jobs, each with those that must have ended before."""
    jobs = list(flow.iterflow())
    names: dict[str, Any] = {job.uuid: job.name for job, _ in jobs}
    return {job.name: {names[parent] for parent in parents} for job, parents in jobs}


@pytest.mark.parametrize(
    ("maker", "expected"), [(CampaignMaker, CAMPAIGN), (StudyMaker, CAMPAIGN | EXPERIMENTS)]
)
def test_nothing_is_made_before_what_it_is_made_from(maker, expected):
    assert waits(maker().make("c", ["Ni", "Cu"])) == expected


def test_ranges_of_sites_are_jobs_beside_each_other_whose_counts_are_added_up():
    ranges = [("a", "b"), ("c", "d")]
    response = fan_out.original("c", ranges)
    names = {f"c: sites {first} to {last}" for first, last in ranges}
    expected = {name: set() for name in names} | {"c: counts": names}
    assert waits(response.replace) == expected
    counts = [{"labels done": 2, "labels failed": 1}, {"labels done": 3, "spectra done": 4}]
    total = {"labels done": 5, "labels failed": 1, "spectra done": 4}
    assert collect.original(counts) == total
    assert fan_out.original("c", []) == []
