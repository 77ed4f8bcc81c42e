"""Writing: once or twice, together or alone, every document is there once, and stays."""

import os
import signal
import threading
from typing import Any

import pytest
from predictions import config, made_predictions

from exafscn_flows.errors import CampaignError
from exafscn_flows.keys import site_key
from exafscn_flows.settings import Settings
from exafscn_flows.store.documents import FailureDoc
from exafscn_flows.store.results import PredictionDoc
from exafscn_flows.store.store import Store


def failure(item: str) -> FailureDoc:
    return FailureDoc(
        campaign="test",
        hash="0",
        stage="models",
        item=item,
        absorber=None,
        kind="x",
        message="m",
        hint="h",
    )


def stored(store: Store) -> dict[str, Any]:
    return {doc.key: doc for doc in store.find(PredictionDoc, {})}


def test_site_keys_are_readable():
    assert site_key("mp-19009", "Ni", 0) == "mp-19009:Ni:0"


def test_numbers_that_predictions_are_ordered_by_have_three_decimals():
    (doc,) = made_predictions(1)
    fields = {"probability": 2 / 3, "expected_error": 0.12349}
    doc = PredictionDoc.model_validate(doc.model_dump(exclude={"keywords"}) | fields)
    assert (doc.probability, doc.expected_error) == (0.667, 0.123)


def test_changed_settings_are_seen_by_those_who_read_them_before(store):
    first = config()
    changed = first.model_copy(update={"absorbers": ["Zn"]})
    for settings in (first, changed, first):
        store.save_config(settings)
        assert store.config(first.campaign).absorbers == settings.absorbers


def test_saving_settings_keeps_the_plan_and_the_time_of_the_first_run(store):
    store.save_config(config())
    first = store.campaign("test")
    assert first.plan_hash is None
    store.set_plan("test", "plan")
    store.save_config(config().model_copy(update={"absorbers": ["Zn"]}))
    second = store.campaign("test")
    assert (second.plan_hash, second.created_at) == ("plan", first.created_at)
    assert second.hash != first.hash
    assert second.run_at > first.run_at


def test_written_twice_is_there_once_as_it_was_written_last(store):
    docs = list(made_predictions(2500))
    store.write(docs)
    assert stored(store) == {doc.key: doc for doc in docs}
    changed = [doc.model_copy(update={"hash": "1", "fold": 3}) for doc in docs[500:2100]]
    more = list(made_predictions(700, seed=1))
    store.write([*changed, *more])
    assert stored(store) == {doc.key: doc for doc in [*docs, *changed, *more]}


def test_twice_in_one_call_is_there_once(store):
    docs = list(made_predictions(1500))
    store.write([*docs, *docs])
    assert stored(store) == {doc.key: doc for doc in docs}


def test_collections_may_be_mixed_and_nothing_is_nothing(store):
    docs = list(made_predictions(30))
    store.write(each for n, doc in enumerate(docs) for each in (doc, failure(f"item {n}")))
    store.write([])
    assert len(stored(store)) == store.count(FailureDoc, {}) == 30


def test_writers_of_the_same_documents_leave_each_once(store):
    docs = list(made_predictions(1500))
    writers = [threading.Thread(target=store.write, args=(docs,)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert stored(store) == {doc.key: doc for doc in docs}


def test_what_the_server_refuses_is_an_error(store):
    """Not only what is there already can go wrong."""
    docs = list(made_predictions(20))
    store.write(docs[:10])
    rule = {"validator": {"fold": {"$lt": 5}}, "validationLevel": "strict"}
    store.database.command({"collMod": "predictions", **rule})
    refused = docs[15].model_copy(update={"fold": 5})
    with pytest.raises(CampaignError, match="Document failed validation"):
        store.write([*docs[:15], refused])


def test_what_was_written_survives_a_killed_server(embedded, monkeypatch):
    monkeypatch.setenv("EXAFSCN_DATA_DIR", str(embedded.folder.parent))
    embedded.start()
    docs = list(made_predictions(2500))
    store = Store.open(Settings())
    store.prepare()
    store.write(docs)
    store.write(doc.model_copy(update={"fold": 4}) for doc in docs[:1200])
    os.kill(embedded.status().pid, signal.SIGKILL)
    embedded.start()
    found = stored(Store.open(Settings()))
    assert sorted(found) == sorted(doc.key for doc in docs)
    assert sum(doc.fold == 4 for doc in found.values()) == 1200
