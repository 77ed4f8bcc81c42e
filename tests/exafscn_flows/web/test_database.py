"""A database that goes away, comes back, or loses a campaign while the page is open."""

import tempfile
from pathlib import Path

import pytest
from predictions import config, made_predictions, promotions
from web_client import clients, texts

from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.store import Store
from exafscn_flows.web import database


@pytest.fixture
def server(monkeypatch):
    # A socket's path must be short.
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder))
        try:
            monkeypatch.setenv("EXAFSCN_MONGODB_URI", server.start())
            yield server
        finally:
            server.stop()


@pytest.fixture
def client():
    yield from clients()


def shown(client, path):
    made = client.call(
        "..page.children...nav.children..",
        [("address", "pathname", path), ("address", "search", "?campaign=test")],
    )
    return texts(made["page"]["children"])


def test_the_page_outlives_the_database(server, client, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 1.0)
    store = Store.open()
    store.prepare()
    store.save_config(config())
    store.write(promotions())
    store.write(made_predictions(20))
    before = shown(client, "/screening")
    assert "m-" in before or "Cu:0" in before

    server.stop()
    for path in ("/screening", "/campaign"):
        assert "MongoDB" in shown(client, path)
    answer = client.get("/api/campaigns/test/predictions")
    assert answer.status_code == 503
    assert answer.get_json()["error"] == database.AWAY
    # What needs no database is there all the time.
    assert "Drop measured spectra here" in shown(client, "/")

    server.start()
    assert shown(client, "/screening") == before
    assert client.get("/api/campaigns/test/predictions").status_code == 200

    store.database.campaigns.delete_many({})
    assert "no campaign 'test'" in shown(client, "/screening")
    assert client.get("/api/campaigns/test/predictions").status_code == 404
    store.database.client.close()
