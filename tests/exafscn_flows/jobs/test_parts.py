"""Work in parts: complete when all parts are, and failed when one is."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.jobs.context import SerialExecutor, surroundings
from exafscn_flows.jobs.parts import by_parts

calls: list[tuple[str, int]] = []


def task(key: str, part: int, outcome: Any) -> Any:
    calls.append((key, part))
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


def test_work_is_given_with_the_results_of_all_its_parts() -> None:
    work = {"a": {0: (10,), 1: (11,)}, "b": {0: (20,)}}
    assert dict(by_parts(task, work)) == {"a": {0: 10, 1: 11}, "b": {0: 20}}
    assert list(by_parts(task, {})) == []


def test_work_of_which_a_part_fails_has_failed_once_and_the_rest_goes_on() -> None:
    failure = ItemFailure("one_class", "all sites have one label", "take more")
    work = {
        "a": {0: (10,), 1: (failure,), 2: (ItemFailure("other", "second", ""),)},
        "b": {0: (20,), 1: (21,)},
    }
    found = list(by_parts(task, work))
    assert len(found) == 2
    outcomes = dict(found)
    assert outcomes["b"] == {0: 20, 1: 21}
    assert isinstance(outcomes["a"], ItemFailure)
    assert outcomes["a"].kind == "one_class"  # the first part that failed, whichever said so first
    assert len(calls) == 5


def test_an_error_of_a_library_is_one_line_with_its_type() -> None:
    error = ValueError("Found array with\n  0 feature(s)")
    ((_, failure),) = by_parts(task, {"a": {0: (error,), 1: (1,)}})
    assert isinstance(failure, ItemFailure)
    assert failure.kind == "fit_failed"
    assert failure.message == "the fit ended with ValueError: Found array with 0 feature(s)"
    assert failure.hint


def test_what_concerns_the_campaign_ends_it() -> None:
    work = {"a": {0: (CampaignError("MongoDB went away"),)}, "b": {0: (1,)}}
    with pytest.raises(CampaignError, match="went away"):
        list(by_parts(task, work))


def test_a_part_that_takes_its_process_down_fails_its_work() -> None:
    """The key is Python, and the part its variables: `eval` is a task that any process has."""
    alive, deadly = "6 * 7", "__import__('os').kill(__import__('os').getpid(), 9)"
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    with pool, surroundings(pool):
        assert list(by_parts(eval, {alive: {None: ()}})) == [(alive, {None: 42})]
        ((key, failure),) = by_parts(eval, {deadly: {None: ()}})
    assert key == deadly
    assert isinstance(failure, ItemFailure)
    assert failure.kind == "fit_failed"
    assert "BrokenProcessPool" in failure.message
    assert "memory" in failure.hint


def test_parts_run_where_the_job_says() -> None:
    with surroundings(SerialExecutor()):
        assert list(by_parts(task, {"a": {0: (os.getpid(),)}})) == [("a", {0: os.getpid()})]
