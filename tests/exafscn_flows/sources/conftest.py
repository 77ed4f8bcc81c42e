from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from mp_server import MPServer
from pymatgen.core import SETTINGS

from exafscn_flows.sources import polite_session


@dataclass
class Clock:
    """Time that passes only while somebody sleeps."""

    now: float = 1000.0
    naps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds

    @property
    def waits(self) -> list[float]:
        """Waits after failures, without the pauses between requests."""
        return [nap for nap in self.naps if nap > 2 * polite_session.PAUSE]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Clock that requests go by, so that no test waits."""
    clock = Clock()
    monkeypatch.setattr(polite_session, "_sleep", clock.sleep)
    monkeypatch.setattr(polite_session, "_clock", lambda: clock.now)
    return clock


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[MPServer]:
    """Empty Materials Project, which the environment points to; nobody waits for it."""
    monkeypatch.delitem(SETTINGS, "PMG_MAPI_KEY", raising=False)
    with MPServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server
