import os
import signal
import time

import pytest
from fireworks import FWorker

from launcher.cluster import interruption as module
from launcher.cluster import runner
from launcher.cluster.interruption import interruptible


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.05)


def swallowed(number):
    """Signal this process where the interruption is caught, as by an `except:` of a library."""
    try:
        os.kill(os.getpid(), number)
        time.sleep(5)
    except KeyboardInterrupt:
        pass
    time.sleep(5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_that_was_swallowed_comes_again(number):
    began = time.monotonic()
    with interruptible() as interruption, pytest.raises(KeyboardInterrupt), interruption.heard():
        swallowed(number)
    assert interruption.came
    assert time.monotonic() - began < 5


def test_what_follows_an_interruption_is_left_alone():
    with interruptible() as interruption:
        with pytest.raises(KeyboardInterrupt), interruption.heard():
            swallowed(signal.SIGTERM)
        for again in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), again)
        time.sleep(0.2)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("is_interrupted", [True, False])
def test_error_that_an_interruption_brings_about_is_an_interruption(
    is_interrupted, database_uri, monkeypatch
):
    """FireWorks raises RuntimeError in place of whatever keeps it from refreshing a workflow."""

    def launch(*arguments):
        try:
            if is_interrupted:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
        except KeyboardInterrupt:
            pass
        raise RuntimeError("cannot refresh")

    monkeypatch.setattr(runner, "_launch_all", launch)
    with pytest.raises(KeyboardInterrupt if is_interrupted else RuntimeError):
        runner.run_rockets([], FWorker().to_dict(), 1)
