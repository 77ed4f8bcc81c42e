"""Predictions of all campaigns at once, in one order."""

from typing import Any

import pytest
from predictions import ABSORBERS, config, made_predictions, promotions

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.store.everywhere import ALL_COLUMNS, all_predictions, search_everywhere
from exafscn_flows.store.pages import Order

DOCS = [
    doc.model_copy(update={"campaign": campaign})
    for seed, campaign in enumerate(("test", "other"))
    for doc in made_predictions(150, seed=seed)
]


@pytest.fixture
def several(store):
    """Two campaigns with predictions, and one that learns something else."""
    for name in ("other", "test"):
        store.save_config(config(name))
        store.write(one.model_copy(update={"campaign": name}) for one in promotions())
    settings = config("lengths").model_dump(mode="json") | {"targets": [{"kind": "bond_length"}]}
    settings["models"] = [{"kind": "random_forest"}]
    store.save_config(CampaignConfig.model_validate(settings))
    store.save_config(config("test"))  # the one run last
    store.write(DOCS)
    return store


@pytest.mark.parametrize("order", [None, Order.EXPECTED_ERROR, Order.DOUBTFUL])
def test_all_campaigns_come_in_one_order(several, order):
    found = search_everywhere(several, {}, order)
    rows = list(found.rows(several))
    assert len(rows) == len(DOCS)
    assert {row["campaign"] for row in rows} == {"test", "other"}
    key = "probability" if order is None else "expected_error"
    values = [row[key] for row in rows]
    assert values == sorted(values, reverse=order is not Order.EXPECTED_ERROR)
    assert list(rows[0]) == list(ALL_COLUMNS)
    assert list(found.passed_over) == ["lengths"]
    first = [row["site"] for row in found.rows(several, 7)]
    assert first == [row["site"] for row in rows[:7]]


def test_conditions_are_those_of_one_campaign(several):
    conditions: dict[str, Any] = {"absorber": "Cu", "contains": ["O"], "disagrees": True}
    rows = list(search_everywhere(several, conditions).rows(several))
    wanted = {
        (doc.campaign, doc.site)
        for doc in DOCS
        if doc.absorber == "Cu" and doc.oxide and doc.disagrees
    }
    assert {(row["campaign"], row["site"]) for row in rows} == wanted
    frame = all_predictions(store=several, absorber="Cu", contains=["O"], disagrees=True)
    assert frame["site"].tolist() == [row["site"] for row in rows]
    assert frame.attrs["campaigns"] == ["other", "test"]


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"absorber": "Zn"}, ", ".join(ABSORBERS)),
        ({"target": "colour"}, "colour"),
        ({"campaign": "test"}, "no such condition"),
        ({"after": "x"}, "token of a page"),
        ({"limit": 0}, "limit"),
    ],
    ids=str,
)
def test_what_can_be_asked_nowhere_is_refused(several, conditions, words):
    with pytest.raises(UsageError, match=words):
        all_predictions(store=several, **conditions)
