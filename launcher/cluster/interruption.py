"""Ctrl-C, and the SIGTERM by which a queue asks for an end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN_SECONDS = 10.0


class Interruption:
    """Raises KeyboardInterrupt at the first signal, and again until that is heard.

    A library that catches every exception, for example while it is imported, would else make a job
    of a queue deaf until it is killed.

    Attributes
    ----------
    came
        Whether there was a signal.
    """

    def __init__(self) -> None:
        self.came = False

    def signalled(self, number: int, frame: FrameType | None) -> None:
        """Take a signal; others have no effect from then on."""
        self.came = True
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, self._again)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS, _AGAIN_SECONDS)
        raise KeyboardInterrupt

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Leave alone what comes after this context, such as tidying up."""
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)

    def _again(self, number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Take SIGTERM for Ctrl-C, and the first of either only."""
    interruption = Interruption()
    before = {each: signal.signal(each, interruption.signalled) for each in _SIGNALS}
    try:
        yield interruption
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        for each, handler in before.items():
            signal.signal(each, handler)
