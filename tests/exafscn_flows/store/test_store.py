"""Writing: once or twice, together or alone, every document is there once, and stays."""

import os
import signal
import threading
from typing import Any

import pytest
from predictions import config, made_predictions

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.keys import site_key
from exafscn_flows.settings import Settings
from exafscn_flows.store.connection import connect
from exafscn_flows.store.documents import FailureDoc, SpectrumDoc
from exafscn_flows.store.results import PredictionDoc
from exafscn_flows.store.schema import SCHEMA
from exafscn_flows.store.store import COMPUTED, Store


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


def spectrum(campaign: str, hash_: str, *, computed: bool = True) -> SpectrumDoc:
    return SpectrumDoc(
        campaign=campaign,
        hash=hash_,
        site=f"{hash_}:Ni:0",
        absorber="Ni",
        spectrum="exafs",
        edge="K",
        e0=8333.0,
        k=[1, 2],
        chi=[0.1, 0.2],
        energy_rel=[],
        mu=[],
        mu0=[],
        program="FEFF",
        version="6",
        cards={},
        seconds=1.5,
        computed=computed,
    )


def test_computed_spectra_are_found_by_content_in_any_campaign(store):
    store.write([spectrum("a", "x"), spectrum("b", "x"), spectrum("b", "y")])
    store.write([spectrum("a", "stored", computed=False), spectrum("c", "other")])
    found = store.computed(iter(["x", "y", "stored", "missing"]))
    assert {hash_: doc.hash for hash_, doc in found.items()} == {"x": "x", "y": "y"}
    assert found["x"].campaign in ("a", "b")
    assert found["y"].chi.tolist() == pytest.approx([0.1, 0.2])
    assert store.computed([]) == {}


def test_spectra_from_before_there_were_pdfs_are_read(store):
    store.write([spectrum("a", "x")])
    unset = {"$unset": {"r": "", "pdf": "", "dpdf": ""}}
    assert store.database.spectra.update_many({}, unset).modified_count == 1
    (found,) = store.find(SpectrumDoc, {})
    assert found.r.shape == found.pdf.shape == found.dpdf.shape == (0,)
    assert found.chi.tolist() == pytest.approx([0.1, 0.2])


def test_computed_spectra_are_found_in_an_index(store):
    store.write(spectrum(f"c{n}", f"h{n}") for n in range(50))
    find = {"find": "spectra", "filter": {"hash": {"$in": ["h1", "h2"]}, **COMPUTED}}
    explained = store.database.command("explain", find, verbosity="executionStats")
    assert explained["executionStats"]["totalDocsExamined"] == 2


def test_a_new_database_says_its_schema_before_there_is_a_campaign(database_uri):
    store = Store.open()
    assert store.database.list_collection_names() == []  # reading writes nothing
    threads = [threading.Thread(target=store.prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (written,) = store.database.schema.find()
    assert written["schema"] == SCHEMA
    store.prepare()
    assert list(store.database.schema.find()) == [written]


@pytest.mark.parametrize("schema", [None, SCHEMA - 1, SCHEMA + 1, "2", {"$gt": 0}], ids=str)
def test_a_database_of_another_version_is_refused_in_one_line(database_uri, schema):
    database = connect(Settings())
    database.campaigns.insert_one({"_id": "old", "campaign": "old", "config": {}})
    if schema is not None:
        database.schema.insert_one({"_id": "exafscn", "schema": schema})
    before = {name: list(database[name].find()) for name in database.list_collection_names()}
    for attempt in (Store.open, Store(database).prepare):
        with pytest.raises(UsageError, match="of another version of exafscn") as refusal:
            attempt()
        assert "exafscn db export" in str(refusal.value)
        assert "\n" not in str(refusal.value)
    assert {name: list(database[name].find()) for name in before} == before


def test_the_schema_is_asked_for_once_a_connection(store):
    Store.open()
    store.database.schema.delete_many({})
    store.save_config(config())
    Store.open()
    with pytest.raises(UsageError, match="schema 1 of another version"):
        store.prepare()
