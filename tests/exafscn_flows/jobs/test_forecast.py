"""The time that is left, of campaigns whose truth is known."""

import heapq
import random

import pytest

from exafscn_flows.jobs.forecast import Forecast, Guess, Pace, Spent, Work, time_text

GUESS = Guess(1.0, 20, 0.35)


class Clock:
    """A clock that is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def alone(seconds):
    """What a worker spends that has a core for itself."""
    return Spent(float(seconds), float(seconds), "worker")


def simulated(seconds_of, sizes, *, workers=3, slowness=1.0, forecast=None, clock=None):
    """Work through sites, the largest first; yields time and what is said to be left then.

    Parameters
    ----------
    slowness
        Seconds by the clock for a processor second, as on a machine that others use.
    """
    clock = clock or Clock()
    forecast = forecast or Forecast(clock)
    counts = {size: sizes.count(size) for size in sizes}
    forecast.plan("sites", [Work("spectra", size, n, GUESS) for size, n in counts.items()])
    todo = sorted(sizes)
    sampled = todo[:: max(len(todo) // 24, 1)]
    for size in sampled:
        todo.remove(size)
    todo = todo + sampled[::-1]
    busy, shown, idle = [], [], [f"worker {number}" for number in range(workers)]
    while todo or busy:
        while todo and idle:
            size, worker = todo.pop(), idle.pop()
            heapq.heappush(busy, (clock.now + seconds_of(size) * slowness, size, worker))
        clock.now, size, worker = heapq.heappop(busy)
        idle.append(worker)
        seconds = seconds_of(size)
        spent = Spent(seconds, seconds * slowness, worker)
        forecast.done("sites", "spectra", size, spent, sites=1)
        shown.append((clock.now, forecast.seconds_left()))
    end = clock.now
    return [(at / end, left, end - at) for at, left in shown]


def power(size):
    return 0.3 + 0.02 * size**1.3


@pytest.mark.parametrize("seconds_of", [power, lambda size: 0.8, lambda size: 0.05 * size])
@pytest.mark.parametrize("slowness", [1.0, 2.7])
def test_time_left_is_near_the_truth_from_a_fifth_of_the_work_on(seconds_of, slowness):
    sizes = [int(random.Random(number).lognormvariate(3, 0.9)) + 1 for number in range(350)]
    shown = simulated(seconds_of, sizes, slowness=slowness)
    for part in (0.2, 0.4, 0.6, 0.8):
        _, left, truth = next(one for one in shown if one[0] >= part)
        assert left == pytest.approx(truth, rel=0.15), part


def test_nothing_is_said_before_something_is_known():
    clock = Clock()
    forecast = Forecast(clock)
    assert (forecast.seconds_left(), forecast.share()) == (None, None)
    forecast.plan("sites", [Work("spectra", 20, 100, GUESS)])
    for _ in range(5):
        clock.now += 2
        forecast.done("sites", "spectra", 20, alone(2))
    assert forecast.seconds_left() is None  # a twentieth is done
    for _ in range(5):
        clock.now += 2
        forecast.done("sites", "spectra", 20, alone(2))
    assert forecast.seconds_left() == pytest.approx(180, rel=0.05)
    forecast.hold(True)
    assert forecast.seconds_left() is None


def test_time_that_passes_between_two_items_is_taken_off():
    clock = Clock()
    forecast = Forecast(clock)
    forecast.plan("sites", [Work("spectra", 20, 20, GUESS)])
    for _ in range(10):
        clock.now += 10
        forecast.done("sites", "spectra", 20, alone(10))
    before = forecast.seconds_left()
    clock.now += 7
    assert forecast.seconds_left() == pytest.approx(before - 7)


def test_models_to_come_count_before_any_is_trained_and_then_as_they_are():
    clock = Clock()
    forecast = Forecast(clock)
    guess = Guess(0.01)
    forecast.plan("sites", [Work("spectra", 20, 10, GUESS)])
    forecast.plan("models Fe", [Work("fit", 100, 11, guess)])
    for _ in range(10):
        clock.now += 1
        forecast.done("sites", "spectra", 20, alone(1))
    assert forecast.seconds_left() == pytest.approx(11, rel=0.01)
    for _ in range(3):
        clock.now += 5
        forecast.done("models Fe", "fit", 100, alone(5))
    assert forecast.seconds_left() == pytest.approx(8 * 3.5, rel=0.3)
    # A part that is planned anew takes the place of what was said of it.
    forecast.plan("models Fe", [])
    assert forecast.seconds_left() == 0


def test_what_every_item_takes_whatever_its_size_counts_before_any_is_done_and_after():
    clock = Clock()
    forecast = Forecast(clock)
    guess = Guess(1.0, 100, 1.0, start=3.0)
    forecast.plan("sites", [Work("spectra", 20, 100, GUESS)])
    forecast.plan("models", [Work("fit", 50, 4, guess), Work("fit", 800, 4, guess)])
    for _ in range(100):
        clock.now += 1
        forecast.done("sites", "spectra", 20, alone(1))
    assert forecast.seconds_left() == pytest.approx(4 * 3.5 + 4 * 11)
    for _ in range(4):
        clock.now += 3.5
        forecast.done("models", "fit", 50, alone(3.5))
    # From small ones alone nobody knows how large ones do: less than 16 times as long, though.
    assert 4 * 3.5 < forecast.seconds_left() < 4 * 11


def test_a_looker_on_tells_the_same_time_from_what_the_runners_say():
    clock = Clock()
    runner = Forecast(clock)
    runner.plan("sites", [Work("spectra", 20, 50, GUESS), Work("spectra", 80, 50, GUESS)])
    for size, seconds in ((20, 2.0), (80, 6.0)) * 15:
        clock.now += seconds
        runner.done("sites", "spectra", size, alone(seconds), sites=1)
    looker = Forecast()
    looker.plan("", [Work("spectra", 20, 35, GUESS), Work("spectra", 80, 35, GUESS)])
    looker.hear(Pace.of(runner.news()))
    assert looker.seconds_left() == pytest.approx(runner.seconds_left(), rel=0.02)
    # Two runners are twice as fast.
    looker.hear(Pace.of(runner.news()))
    assert looker.seconds_left() == pytest.approx(runner.seconds_left() / 2, rel=0.05)
    assert runner.pace().per_minute == pytest.approx(15, rel=0.05)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "not known yet"), (0, "0:00"), (59.6, "1:00"), (754, "12:34"), (7384, "2:03:04")],
)
def test_times_are_written_as_a_clock_does(seconds, text):
    assert time_text(seconds) == text
