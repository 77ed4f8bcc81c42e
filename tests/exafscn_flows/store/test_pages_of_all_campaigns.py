"""All campaigns in one order: no row is shown twice, and none is left out."""

import uuid
from itertools import pairwise

import pytest
from predictions import config, made_predictions, promotions
from pydantic import SecretStr

from exafscn_flows.errors import UsageError
from exafscn_flows.settings import Settings
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.connection import connect
from exafscn_flows.store.everywhere import search_everywhere
from exafscn_flows.store.pages import SORTS, Order
from exafscn_flows.store.queries import find_predictions
from exafscn_flows.store.store import Store

NAMES = ("b", "c", "a")


@pytest.fixture(scope="module")
def several(server_uri):
    """Three campaigns, two of which hold the same sites with the same predictions."""
    uri = SecretStr(f"{server_uri.rpartition('/')[0]}/test-{uuid.uuid4().hex[:12]}")
    store = Store(connect(Settings(MONGODB_URI=uri)))
    store.prepare()
    for name, seed in zip(NAMES, (0, 0, 1), strict=True):
        store.save_config(config(name))
        own = {"campaign": name}
        store.write(doc.model_copy(update=own) for doc in promotions())
        store.write(doc.model_copy(update=own) for doc in made_predictions(150, seed))
    yield store
    store.database.client.drop_database(store.database.name)


def all_pages(store, conditions, order, limit):
    rows, after = [], None
    while True:
        page = search_everywhere(store, conditions, order, after).page(store, limit)
        rows += page.rows
        if page.after is None:
            return rows
        after = page.after


@pytest.mark.parametrize("limit", [1, 7, 1000])
@pytest.mark.parametrize("order", [Order.PROBABILITY, Order.EXPECTED_ERROR, Order.DOUBTFUL])
def test_pages_hold_every_row_once_in_order(several, order, limit):
    conditions = {"absorber": "Cu", "cn": 4} if limit == 1 else {"absorber": "Cu"}
    rows = all_pages(several, conditions, order, limit)
    expected = [
        {"campaign": name, **row}
        for name in sorted(NAMES)
        for row in find_predictions(several, PredictionQuery(campaign=name, **conditions), order)
    ]
    assert len(rows) == len(expected) > 20
    assert {(row["campaign"], row["site"]) for row in rows} == {
        (row["campaign"], row["site"]) for row in expected
    }
    fields = [name for name, _ in SORTS[order]]
    ways = [way for _, way in SORTS[order]]
    for one, other in pairwise(rows):
        for name, way in zip(fields, ways, strict=True):
            if one[name] != other[name]:
                assert (one[name] < other[name]) == (way > 0)
                break
        else:
            assert one["campaign"] < other["campaign"]


def test_campaigns_without_what_is_asked_for_are_left_out(several):
    changed = config("a").model_copy(update={"absorbers": ["Fe"]})
    several.save_config(changed)
    try:
        page = search_everywhere(several, {"absorber": "Cu"}).page(several, 1000)
        assert {row["campaign"] for row in page.rows} == {"b", "c"}
        with pytest.raises(UsageError, match="has no absorber 'Zn'"):
            search_everywhere(several, {"absorber": "Zn"})
    finally:
        several.save_config(config("a"))


@pytest.mark.parametrize("token", ["", "abc", "WzFd", "W1sxXSwgImEiXQ", "é"])
def test_tokens_that_are_none_are_said(several, token):
    with pytest.raises(UsageError, match="is not the token of a page"):
        search_everywhere(several, {}, after=token)
    page = search_everywhere(several, {}, Order.DOUBTFUL).page(several, 10)
    with pytest.raises(UsageError):
        search_everywhere(several, {}, Order.PROBABILITY, page.after)
