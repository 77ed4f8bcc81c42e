"""A real mongod for the tests, with a database of its own for every test."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import disk_usage

import pytest
from forks import FEFF, SESSION, session
from known_feff import knowing

from exafscn_flows.settings import Settings
from exafscn_flows.spectra import feff
from exafscn_flows.store.connection import connect
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.store import Store

MEMORY = Path("/dev/shm")
"""A file system in memory."""


def pytest_configure(config: pytest.Config) -> None:
    """Begin what all processes of the tests share, in the one that starts the others."""
    if not hasattr(config, "workerinput"):
        stack = ExitStack()
        stack.enter_context(session())
        config.add_cleanup(stack.close)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: processes that share them end at the same time.

    They are those of commands, and those beside this one, some of which run commands, too.
    """
    here = Path(__file__).parent
    items.sort(
        key=lambda i: (
            i.path.parent not in (here / "launcher", here),
            i.path.name != "test_slurm.py",
        )
    )


@pytest.fixture(scope="session")
def server_uri() -> Iterator[str]:
    """URI of a server that lives as long as the tests of this process."""
    # In memory where there is enough: every test makes files for all collections and indexes, and
    # MongoDB waits for the disk each time. Not pytest's tmp_path: a socket's path must be short.
    base = MEMORY if os.access(MEMORY, os.W_OK) and disk_usage(MEMORY).free > 2**32 else None
    with tempfile.TemporaryDirectory(prefix="exafscn-test-", dir=base) as folder:
        server = EmbeddedServer(Path(folder))
        try:
            yield server.start()
        finally:
            server.stop()


@pytest.fixture
def database_uri(server_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URI of an empty database, which the settings point to."""
    head, separator, options = server_uri.partition("?")
    base = head.rpartition("/")[0]
    uri = f"{base}/test-{uuid.uuid4().hex[:12]}{separator}{options}"
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", uri)
    yield uri
    database = connect(Settings())
    database.client.drop_database(database.name)
    database.client.close()


@pytest.fixture
def store(database_uri: str) -> Store:
    """Store with an empty database and all indexes."""
    store = Store.open()
    store.prepare()
    return store


@pytest.fixture(autouse=True)
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Scratch folder of the test alone, so that leftovers can be seen."""
    base = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="exafscn-test-", dir=base) as folder:
        monkeypatch.setenv("EXAFSCN_SCRATCH_DIR", folder)
        yield Path(folder)


@pytest.fixture(autouse=True)
def _known_feff(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have FEFF run once for each input, but where FEFF itself is what is tested."""
    if "spectra" not in request.path.parts:
        monkeypatch.setattr(feff, "_compute", knowing(Path(os.environ[SESSION], FEFF)))
