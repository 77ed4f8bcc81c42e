"""Campaigns for the tests of the command line."""

from collections.abc import Iterator

import pytest
from campaigns import Workspace, make_workspace
from crystals import polymorphs


@pytest.fixture
def workspace(server_uri: str) -> Iterator[Workspace]:
    """Rock-salt and zinc-blende compounds of nickel and copper, nothing computed yet."""
    workspace = make_workspace(server_uri, polymorphs("Ni") | polymorphs("Cu"))
    uri = workspace.uri
    yield workspace
    workspace.uri = uri  # tests of bad addresses change it
    workspace.remove()


@pytest.fixture(scope="session")
def finished(server_uri: str) -> Iterator[Workspace]:
    """A complete campaign on rock-salt and zinc-blende compounds of nickel, not to be changed."""
    workspace = make_workspace(server_uri, polymorphs("Ni"))
    workspace.run(known=False)
    yield workspace
    workspace.remove()
