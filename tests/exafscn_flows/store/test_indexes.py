"""Indexes: made where they are missing, gone where they are of no use, and users keep theirs."""

import re
import threading
from typing import Any

import pytest
from predictions import made_predictions, of_target
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from exafscn_flows.store.indexes import INDEXES, ensure_indexes
from exafscn_flows.store.pages import OF_NUMBERS
from exafscn_flows.store.store import Store


def names(store: Store, collection: str = "predictions") -> set[str]:
    return set(store.database[collection].index_information())


def ours(collection: str = "predictions") -> set[str]:
    return {index.name for index in INDEXES[collection]}


def test_every_collection_has_its_indexes(store):
    for collection in INDEXES:
        assert names(store, collection) == ours(collection) | {"_id_"}


def test_what_a_user_made_stays_and_what_an_earlier_version_made_goes(store):
    predictions = store.database.predictions
    predictions.create_index([("formula", 1)], name="mine")
    predictions.create_index([("hash", 1)])
    predictions.create_index([("cn", 1)], name="exafscn_probability_0123456789abcdef")
    predictions.create_index([("model", 1)], name="exafscn_models")  # as a user may name it
    missing = sorted(ours())[0]
    predictions.drop_index(missing)
    ensure_indexes(store.database)
    assert names(store) == ours() | {"_id_", "mine", "hash_1", "exafscn_models"}


@pytest.mark.parametrize("options", [{}, {"sparse": True}, {"partialFilterExpression": OF_NUMBERS}])
@pytest.mark.parametrize("number", range(3))
def test_an_index_with_the_same_keys_stops_nothing(store, number, options):
    index = INDEXES["predictions"][number]
    predictions = store.database.predictions
    predictions.drop_index(index.name)
    predictions.create_index(index.keys, name="mine", **options)
    for _ in range(2):
        ensure_indexes(store.database)
    same = options == ({"partialFilterExpression": index.partial} if index.partial else {})
    assert names(store) == (ours() - ({index.name} if same else set())) | {"_id_", "mine"}


def test_an_index_that_differs_in_what_does_not_matter_serves(store):
    index = INDEXES["spectra"][1]
    spectra = store.database.spectra
    spectra.drop_index(index.name)
    spectra.create_index(index.keys, name="mine", expireAfterSeconds=10**9)
    ensure_indexes(store.database)
    assert "mine" in names(store, "spectra")


def test_without_the_right_to_drop_an_old_index_stays(store, monkeypatch):
    """Roles of before have no such right."""
    store.database.predictions.create_index([("x", 1)], name="exafscn_0123456789abcdef")

    def refused(*_: Any) -> None:
        raise OperationFailure("not authorized", 13)

    monkeypatch.setattr(Collection, "drop_index", refused)
    ensure_indexes(store.database)
    assert names(store) == ours() | {"_id_", "exafscn_0123456789abcdef"}


def test_a_definition_has_a_name_of_its_own():
    found = [index.name for indexes in INDEXES.values() for index in indexes]
    defined = {(str(index.keys), str(index.partial)) for each in INDEXES.values() for index in each}
    assert len(set(found)) == len(defined)


def test_processes_that_begin_together_do_not_fight(store):
    database = store.database
    for collection in ("predictions", "spectra"):
        database[collection].drop_indexes()
        database[collection].create_index([("x", 1)], name="exafscn_0123456789abcdef")
    errors: list[Any] = []

    def prepare() -> None:
        try:
            ensure_indexes(database)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert names(store) == ours() | {"_id_"}


def test_entries_are_only_in_the_indexes_of_the_orders_that_predictions_have(store):
    docs = list(made_predictions(200))
    lengths = [sum(len(doc.keywords) for doc in docs)]
    store.write(docs)
    assert entries(store) == {"probability": lengths[0], "expected_error": lengths[0], "value": 0}
    bonds = list(of_target("bond_length", docs))
    lengths.append(sum(len(doc.keywords) for doc in bonds))
    store.write(bonds)
    both = sum(lengths)
    assert entries(store) == {
        "probability": lengths[0],
        "expected_error": both,
        "value": lengths[1],
    }


def entries(store: Store) -> dict[str, int]:
    found = store.database.command("validate", "predictions")["keysPerIndex"]
    orders = {name: re.sub("exafscn_(.*)_.*", r"\1", name) for name in found if name != "_id_"}
    return {order: found[name] for name, order in orders.items()}


def test_each_element_has_one_keyword_and_the_absorber_only_among_its_own_neighbours():
    (doc,) = made_predictions(1)
    fields = {"absorber": "Cu", "disagrees": False, "oxide": True, "measured": False}
    for elements, near, keywords in (
        (["Cu", "O", "S"], ["O"], ["O*", "S"]),
        (["Cu", "O", "S"], ["Cu", "S"], ["Cu*", "O", "S*"]),
        (["Cu", "Li"], ["Li"], ["no O", "Li*"]),
        (["Cu"], ["Cu"], ["no O", "Cu*"]),
        (["Cu"], [], ["no O"]),
    ):
        update = {**fields, "elements": elements, "neighbours": near, "oxide": "O" in elements}
        assert doc.model_copy(update=update).keywords == keywords
