from collections.abc import Iterator

import pytest
from web_client import Client, clients


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    yield from clients()
