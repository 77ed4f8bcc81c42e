import os
import signal
import time

import pytest

from launcher.cluster import interruption as module
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
