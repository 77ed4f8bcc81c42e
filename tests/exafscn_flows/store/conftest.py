"""Servers of their own for tests of the store that stop, kill or lock out a mongod."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from exafscn_flows.store.embedded import EmbeddedServer


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder with a path that a socket can have, which pytest's tmp_path may not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def embedded(short_path: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(short_path / "data")
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _no_outside_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXAFSCN_MONGODB_URI", raising=False)
