"""Answers for measured spectra beside predictions of a campaign's own model."""

from typing import Any

import pytest
from predictions import ABSORBERS, made_predictions, metrics_of, promotions

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.pages import Order
from exafscn_flows.store.queries import find_page, find_predictions
from exafscn_flows.store.results import ANSWERED, ANSWERING, ANSWERS, PredictionDoc, PromotionDoc
from exafscn_flows.store.store import Store

COMPUTED = [doc.model_copy(update={"measured": False}) for doc in made_predictions(90)]
CHANGES: dict[str, Any] = {
    "model": ANSWERING,
    "feature_set": ANSWERED,
    "formula": None,
    "label": None,
    "disagrees": False,
    "oxide": None,
    "neighbours": [],
    "measured": True,
    "group": "a",
}
MEASURED = [
    doc.model_copy(
        update=CHANGES
        | {
            "hash": f"{ANSWERS}{doc.absorber}",
            "site": f"{number}.xdi:{doc.absorber}:all",
            "elements": [doc.absorber],
            "file": f"{number}.xdi",
        }
    )
    for number, doc in enumerate(COMPUTED[:40])
]


@pytest.fixture
def mixed(store: Store) -> Store:
    """A campaign of a table of computed spectra and of measured ones."""
    sources = [{"kind": "table", "path": "x"}, {"kind": "measured", "path": "y"}]
    settings = {"campaign": "test", "absorbers": ABSORBERS, "sources": sources}
    config = CampaignConfig.model_validate(settings | {"spectra": {"kind": "stored"}})
    store.save_config(config)
    store.write(promotions())
    store.write(metrics_of(COMPUTED))
    store.write(COMPUTED)
    of_answers = {"model": ANSWERING, "feature_set": ANSWERED}
    for doc in promotions():
        own = {"hash": f"{ANSWERS}{doc.absorber}"}
        store.write([doc.model_copy(update=of_answers | own)])
    store.write(MEASURED)
    return store


def sites(store: Store, **conditions: Any) -> set[str]:
    query = PredictionQuery(campaign="test", **conditions)
    return {row["site"] for row in find_predictions(store, query)}


def of(docs: list[PredictionDoc]) -> set[str]:
    return {doc.site for doc in docs}


def test_answers_are_found_beside_predictions_and_alone(mixed):
    assert sites(mixed) == of(COMPUTED) | of(MEASURED)
    assert sites(mixed, measured=True) == sites(mixed, model=ANSWERING) == of(MEASURED)
    assert sites(mixed, measured=False) == sites(mixed, model="random_forest") == of(COMPUTED)
    six = {doc.site for doc in COMPUTED + MEASURED if (doc.value, doc.absorber) == (6, "Fe")}
    assert sites(mixed, absorber="Fe", cn=6) == six


def test_what_models_of_the_campaign_say_of_measured_spectra_is_found(mixed):
    """Elements are not known of these, as of those that the model of the package answers for."""
    computed = COMPUTED[0]
    own = {name: getattr(computed, name) for name in ("hash", "model", "feature_set", "absorber")}
    new = MEASURED[0].model_copy(update=own | {"elements": [computed.absorber], "site": "own.xdi"})
    mixed.write([new])
    assert sites(mixed, model="random_forest") == of(COMPUTED) | {"own.xdi"}
    assert sites(mixed, measured=True) == of(MEASURED) | {"own.xdi"}
    assert not sites(mixed, contains=["O"]) & {"own.xdi"}


def test_conditions_on_elements_find_what_is_known(mixed):
    assert not sites(mixed, contains=["O"]) & of(MEASURED)
    assert not sites(mixed, oxide=False) & of(MEASURED)
    assert not sites(mixed, excludes=["S"]) & of(MEASURED)
    assert not sites(mixed, max_set_size=1, excludes=["S"]) & of(MEASURED)
    copper = {doc.site for doc in MEASURED if doc.absorber == "Cu"}
    assert sites(mixed, contains=["Cu"]) & of(MEASURED) == copper
    # Without a label, nothing agrees or disagrees.
    assert sites(mixed, disagrees=False) | sites(mixed, disagrees=True) == of(COMPUTED)


@pytest.mark.parametrize("order", [Order.PROBABILITY, Order.EXPECTED_ERROR, Order.DOUBTFUL])
def test_pages_hold_all_of_both(mixed, order):
    after, found = None, []
    while True:
        page = find_page(mixed, PredictionQuery(campaign="test"), order, after=after, limit=17)
        found += [row["site"] for row in page.rows]
        after = page.after
        if after is None:
            break
    assert len(found) == len(set(found))
    assert set(found) == of(COMPUTED) | of(MEASURED)


def test_answers_outlive_what_is_unfinished_or_withdrawn_until_they_are_dropped(mixed):
    mixed.models.drop_unfinished("test", "Fe")
    mixed.models.withdraw("test", "Fe")
    assert sites(mixed, model=ANSWERING) == of(MEASURED)
    assert sites(mixed, model="random_forest", absorber="Fe") == set()
    mixed.models.drop_answers("test", keep=[f"{ANSWERS}Cu", f"{ANSWERS}Ni"])
    assert sites(mixed, model=ANSWERING) == {d.site for d in MEASURED if d.absorber != "Fe"}
    assert not mixed.count(PromotionDoc, {"campaign": "test", "hash": f"{ANSWERS}Fe"})
    assert mixed.count(PredictionDoc, {"campaign": "test", "measured": False}) == len(COMPUTED)
