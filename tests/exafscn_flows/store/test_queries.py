"""Screening: what is found, in which order, page by page, and how the server finds it."""

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from predictions import (
    CN,
    TARGETS,
    config,
    made_predictions,
    metrics_of,
    of_target,
    promotions,
    with_targets,
)
from pydantic import SecretStr
from pymatgen.core import Element

from exafscn_flows import Campaign
from exafscn_flows.errors import UsageError
from exafscn_flows.settings import Settings
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.connection import connect
from exafscn_flows.store.documented import DOCUMENTED_CASES, DOCUMENTED_QUERIES
from exafscn_flows.store.pages import ORDERS, SORTS, Order, position_after
from exafscn_flows.store.queries import (
    COLUMNS,
    count_predictions,
    find_page,
    find_predictions,
    search_for,
)
from exafscn_flows.store.results import PredictionDoc, PromotionDoc
from exafscn_flows.store.store import Store

DOCS = list(made_predictions(3000))
OTHERS = [target.name for target in TARGETS if target.name != CN]
DOCS_OF = {CN: DOCS} | {name: list(of_target(name, DOCS)) for name in OTHERS}


@pytest.fixture(scope="module")
def screened(server_uri: str) -> Iterator[Store]:
    """Three thousand predictions of each target, not to be changed."""
    base = server_uri.rpartition("/")[0]
    uri = SecretStr(f"{base}/test-{uuid.uuid4().hex[:12]}")
    store = Store(connect(Settings(MONGODB_URI=uri)))
    store.prepare()
    with_targets(store)
    for target, docs in DOCS_OF.items():
        store.write(promotions(target))
        store.write(docs)
        store.write(metrics_of(docs))
    other = {"campaign": "other"}
    store.write(doc.model_copy(update=other) for doc in made_predictions(300, seed=1))
    mlp = {"model": "mlp", "hash": "mlp"}
    store.write(doc.model_copy(update=mlp) for doc in made_predictions(300, seed=2))
    store.write(doc.model_copy(update={"hash": f"second-{doc.absorber}"}) for doc in DOCS[:300])
    yield store
    store.database.client.drop_database(store.database.name)


CONDITIONS: dict[str, tuple[dict[str, Any], Callable[[PredictionDoc], bool]]] = {
    "none": ({}, lambda doc: True),
    "absorber": ({"absorber": "Cu"}, lambda doc: doc.absorber == "Cu"),
    "cn": ({"cn": 6}, lambda doc: doc.value == 6),
    "value of the first target": ({"value": 6}, lambda doc: doc.value == 6),
    "value as a text": ({"target": CN, "value": "6"}, lambda doc: doc.value == 6),
    "label": ({"label": 6}, lambda doc: doc.label == 6),
    "label and prediction": (
        {"label": "6", "cn": 4, "disagrees": True},
        lambda doc: (doc.label, doc.value) == (6, 4),
    ),
    "a label that is predicted": (
        {"label": 6, "disagrees": False},
        lambda doc: doc.label == 6 and not doc.disagrees,
    ),
    "values": (
        {"min_value": 5, "max_value": 6.5},
        lambda doc: doc.value in (5, 6),
    ),
    "probability": ({"min_probability": 0.7}, lambda doc: doc.probability >= 0.7),
    "error": ({"max_expected_error": 0.4}, lambda doc: doc.expected_error <= 0.4),
    "expected value": (
        {"min_expected_value": 4.5, "max_expected_value": 5.5},
        lambda doc: 4.5 <= doc.expected_value <= 5.5,
    ),
    "one class": ({"max_set_size": 1}, lambda doc: len(doc.prediction_set) == 1),
    "two classes": (
        {"max_set_size": 2, "cn": 6},
        lambda doc: len(doc.prediction_set) <= 2 and doc.value == 6,
    ),
    "in distribution": ({"in_distribution": True}, lambda doc: doc.in_distribution),
    "out of distribution": (
        {"in_distribution": False, "disagrees": False},
        lambda doc: not doc.in_distribution and not doc.disagrees,
    ),
    "seen": ({"seen": True}, lambda doc: doc.seen),
    "unseen": (
        {"seen": False, "absorber": "Cu"},
        lambda doc: not doc.seen and doc.absorber == "Cu",
    ),
    "elements": (
        {"contains": ("O", "Li"), "excludes": ("Cu",)},
        lambda doc: {"O", "Li"} <= set(doc.elements) and "Cu" not in doc.elements,
    ),
    "neighbours": ({"neighbours": ("Zn", "S")}, lambda doc: doc.neighbours == ["S", "Zn"]),
    "neighbours among elements": (
        {"neighbours": ("Li",), "contains": ("Li", "O")},
        lambda doc: "Li" in doc.neighbours and "O" in doc.elements,
    ),
    "oxide": ({"oxide": True}, lambda doc: "O" in doc.elements),
    "no oxide": ({"oxide": False}, lambda doc: "O" not in doc.elements),
    "no oxygen": ({"excludes": ("O",)}, lambda doc: "O" not in doc.elements),
    "contradiction": ({"oxide": False, "contains": ("O",)}, lambda doc: False),
    "formula": ({"formula": "LiFeO"}, lambda doc: doc.formula == "LiFeO"),
    "an absorber in all": (
        {"contains": ("Cu",)},
        lambda doc: "Cu" in doc.elements,
    ),
    "an absorber, and what is no absorber": (
        {"contains": ("Cu", "S"), "excludes": ("Li",)},
        lambda doc: {"Cu", "S"} <= set(doc.elements) and "Li" not in doc.elements,
    ),
    "an absorber in none": ({"excludes": ("Cu",)}, lambda doc: "Cu" not in doc.elements),
    "neighbours, and what is near or far": (
        {"neighbours": ("O",), "contains": ("Li",)},
        lambda doc: "O" in doc.neighbours and "Li" in doc.elements,
    ),
    "neighbours that disagree": (
        {"neighbours": ("S",), "disagrees": True},
        lambda doc: "S" in doc.neighbours and doc.disagrees,
    ),
    "an absorber beside its own kind": (
        {"neighbours": ("Cu",), "contains": ("Cu", "O")},
        lambda doc: "Cu" in doc.neighbours and "O" in doc.elements,
    ),
    "oxides without O near": (
        {"oxide": True, "absorber": "Ni"},
        lambda doc: doc.oxide and doc.absorber == "Ni",
    ),
    "neighbours of its own": ({"neighbours": ("Fe",)}, lambda doc: "Fe" in doc.neighbours),
    "a formula of an element": ({"formula": "Cu"}, lambda doc: doc.formula == "Cu"),
    "of an absorber with another": (
        {"absorber": "Cu", "cn": 4, "contains": ("Cu", "Zn")},
        lambda doc: (doc.absorber, doc.value) == ("Cu", 4) and "Zn" in doc.elements,
    ),
    "measured": ({"measured": True}, lambda doc: doc.measured),
    "computed": ({"measured": False, "cn": 6}, lambda doc: not doc.measured and doc.value == 6),
    "disagrees": ({"disagrees": True}, lambda doc: doc.value != doc.label),
    "agrees": (
        {"disagrees": False, "absorber": "Ni"},
        lambda doc: doc.value == doc.label and doc.absorber == "Ni",
    ),
    "several": (
        {"absorber": "Fe", "cn": 4, "min_probability": 0.5, "contains": ("O",), "oxide": True},
        lambda doc: (
            (doc.absorber, doc.value, doc.oxide) == ("Fe", 4, True) and doc.probability >= 0.5
        ),
    ),
}

OF_OTHERS: dict[str, tuple[dict[str, Any], Callable[[PredictionDoc], bool]]] = {
    "a charge": ({"target": "oxidation_state", "value": 1}, lambda doc: doc.value == 1),
    "a negative charge as text": (
        {"target": "oxidation_state", "value": "-1", "contains": "O"},
        lambda doc: doc.value == -1 and doc.oxide,
    ),
    "charges": ({"target": "oxidation_state", "max_value": 0}, lambda doc: doc.value <= 0),
    "a name": (
        {"target": "environment", "value": "octahedron", "absorber": "Fe"},
        lambda doc: (doc.value, doc.absorber) == ("octahedron", "Fe"),
    ),
    "a name that it is by the structure": (
        {"target": "environment", "label": "octahedron", "value": "cube"},
        lambda doc: (doc.label, doc.value) == ("octahedron", "cube"),
    ),
    "names": (
        {"target": "environment", "min_probability": 0.6},
        lambda doc: doc.probability >= 0.6,
    ),
    "numbers": ({"target": "bond_length"}, lambda doc: True),
    "a number": (
        {"target": "bond_length", "value": DOCS_OF["bond_length"][7].value},
        lambda doc: doc.value == DOCS_OF["bond_length"][7].value,
    ),
    "a number as text": (
        {"target": "bond_length", "value": str(DOCS_OF["bond_length"][7].value)},
        lambda doc: doc.value == DOCS_OF["bond_length"][7].value,
    ),
    "short bonds": (
        {"target": "bond_length", "max_value": 1.9, "neighbours": "O"},
        lambda doc: doc.value <= 1.9 and "O" in doc.neighbours,
    ),
    "doubtful bonds": (
        {"target": "bond_length", "min_value": 2.0, "disagrees": True, "max_expected_error": 0.03},
        lambda doc: doc.value >= 2.0 and doc.disagrees and doc.expected_error <= 0.03,
    ),
    "bonds to Cu": (
        {"target": "bond_length", "contains": "Cu"},
        lambda doc: "Cu" in doc.elements,
    ),
}

KEYS: dict[Order, Callable[[PredictionDoc], Any]] = {
    Order.PROBABILITY: lambda doc: (-doc.probability, doc.disagrees, doc.value, doc.site),
    Order.EXPECTED_ERROR: lambda doc: (doc.expected_error, doc.disagrees, doc.value, doc.site),
    Order.VALUE: lambda doc: (doc.value, doc.disagrees, doc.site),
}
REVERSED = {Order.DOUBTFUL: Order.EXPECTED_ERROR, Order.LARGEST: Order.VALUE}


def expected(
    order: Order, keep: Callable[[PredictionDoc], bool], docs: list[PredictionDoc] = DOCS
) -> list[str]:
    kept = [doc for doc in docs if keep(doc)]
    if order in REVERSED:
        return [doc.site for doc in sorted(kept, key=KEYS[REVERSED[order]])][::-1]
    return [doc.site for doc in sorted(kept, key=KEYS[order])]


@pytest.mark.parametrize("order", ORDERS["classes"])
@pytest.mark.parametrize("name", CONDITIONS)
def test_what_meets_the_conditions_is_found_in_order(screened, name, order):
    conditions, keep = CONDITIONS[name]
    query = PredictionQuery(campaign="test", **conditions)
    found = [row["site"] for row in find_predictions(screened, query, order)]
    assert found == expected(order, keep)
    assert count_predictions(screened, query, order) == len(found)
    assert bool(found) == (name != "contradiction")


@pytest.mark.parametrize(
    ("name", "order"),
    [
        (name, order)
        for name, (conditions, _) in OF_OTHERS.items()
        for order in ORDERS["numbers" if conditions["target"] == "bond_length" else "classes"]
    ],
)
def test_values_of_each_kind_are_found_in_order(screened, name, order):
    conditions, keep = OF_OTHERS[name]
    query = PredictionQuery(campaign="test", **conditions)
    rows = list(find_predictions(screened, query, order))
    target = conditions["target"]
    assert [row["site"] for row in rows] == expected(order, keep, DOCS_OF[target])
    assert {row["target"] for row in rows} == {target}
    assert count_predictions(screened, query, order) == len(rows)


@pytest.mark.parametrize(
    ("target", "order"),
    [(None, "probability"), ("environment", "probability"), ("bond_length", "expected_error")],
)
def test_order_that_is_meant_if_none_is_named(screened, target, order):
    campaign = Campaign("test", screened)
    plain = campaign.predictions(target=target, limit=40)
    assert plain.equals(campaign.predictions(target=target, sort=order, limit=40))
    assert tuple(plain.columns) == COLUMNS


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": "bond"}, "no target 'bond'; it has coordination_number, oxidation_state"),
        (
            {"value": "many"},
            "value: 'many' is not one of target coordination_number, .* whole numb",
        ),
        ({"value": 4.0}, "value: 4.0 is not one of target coordination_number"),
        ({"target": "oxidation_state", "value": "2.5"}, "'2.5' is not .* values are whole numbers"),
        ({"target": "environment", "value": 4}, "value: 4 is not .* whose values are names"),
        (
            {"target": "environment", "value": "cone"},
            "no class 'cone'; it has cn_5, cube, cuboctah",
        ),
        ({"target": "environment", "min_value": 4}, "min_value: target environment has names"),
        (
            {"target": "environment", "min_expected_value": 4},
            "min_expected_value: target environment has names",
        ),
        ({"target": "bond_length", "max_set_size": 1}, "of which there are no sets: use max_ex"),
        ({"target": "bond_length", "value": "long"}, "'long' is not .* whose values are numbers"),
        ({"target": "bond_length", "value": "nan"}, "value: nan is not from -1000000000 to"),
        (
            {"target": "bond_length", "min_probability": 0.5},
            "which have no probability: use max_ex",
        ),
        (
            {"target": "bond_length", "sort": "probability"},
            "no probability: use expected_error, do",
        ),
        ({"sort": "largest"}, "found by a condition on the value: use probability, expected_error"),
        ({"cn": 4, "value": 4}, "give either cn, or target and value"),
        ({"cn": 4, "min_value": 3}, "give either cn, or target and value"),
        (
            {"cn": 4, "target": "bond_length"},
            "cn: target bond_length is not of kind coordination_n",
        ),
        ({"value": 4, "max_value": 5}, "value and max_value exclude each other"),
        ({"version": "first-Cu", "target": "environment"}, "is of target coordination_number, not"),
        ({"version": "environment-Cu", "cn": 4}, "cn: target environment is not of kind"),
    ],
    ids=str,
)
def test_values_that_do_not_fit_the_target_are_refused_in_one_line(screened, given, words):
    with pytest.raises(UsageError, match=words) as refusal:
        Campaign("test", screened).predictions(**given)
    assert "\n" not in str(refusal.value)


def test_cn_means_its_target_wherever_that_stands(store):
    """In the campaign file, another target comes first, and this one has another name."""
    with_targets(store)
    cn = TARGETS[0].model_copy(update={"name": "neighbours"})
    several = store.config("test").model_copy(update={"targets": [*TARGETS[1:], cn]})
    store._configs[store.campaign("test").hash] = several
    docs = [doc.model_copy(update={"target": "neighbours"}) for doc in made_predictions(50)]
    store.write(docs)
    store.write(doc.model_copy(update={"target": "neighbours"}) for doc in promotions())
    found = Campaign("test", store).predictions(cn=6)
    assert sorted(found["site"]) == sorted(doc.site for doc in docs if doc.value == 6)
    assert set(found["target"]) == {"neighbours"}


def test_a_version_says_which_target_is_meant(screened):
    found = Campaign("test", screened).predictions(version="bond_length-Ni", sort="value")
    ni = [doc for doc in DOCS_OF["bond_length"] if doc.absorber == "Ni"]
    assert found["site"].tolist() == expected(Order.VALUE, lambda doc: True, ni)


def test_all_neighbours_that_are_asked_for_must_be_there(store):
    """All these structures hold all these elements, around Cu or farther away."""
    store.save_config(config())
    store.write(promotions())
    (doc,) = made_predictions(1)
    common = {"absorber": "Cu", "hash": "first-Cu", "elements": ["Cu", "O", "S"], "oxide": True}
    around = {"both": ["O", "S"], "oxygen": ["O"], "sulfur": ["S"]}
    store.write(
        doc.model_copy(update={**common, "site": site, "neighbours": neighbours})
        for site, neighbours in around.items()
    )
    for asked, expected in (
        (("O",), ["both", "oxygen"]),
        (("S",), ["both", "sulfur"]),
        (("O", "S"), ["both"]),
        (("Cu", "S"), []),
    ):
        query = PredictionQuery(campaign="test", neighbours=asked)
        assert sorted(row["site"] for row in find_predictions(store, query)) == expected
        assert count_predictions(store, query) == len(expected)


@pytest.mark.parametrize(
    ("conditions", "order"),
    [
        ({"target": target, **conditions}, order)
        for task, target in (
            ("classes", CN),
            ("classes", "environment"),
            ("numbers", "bond_length"),
        )
        for conditions in ({}, {"contains": ("Cu",)})
        for order in ORDERS[task]
    ]
    + [({"absorber": "Cu", "min_probability": 0.5}, order) for order in ORDERS["classes"]],
    ids=str,
)
def test_pages_put_together_are_the_whole(screened, conditions, order):
    query = PredictionQuery(campaign="test", **conditions)
    whole = [row["site"] for row in find_predictions(screened, query, order)]
    found, after = [], None
    while True:
        page = find_page(screened, query, order, after=after, limit=397)
        found += [row["site"] for row in page.rows]
        left = count_predictions(screened, query, order, page.after) if page.after else 0
        assert left == len(whole) - len(found)
        if page.after is None:
            break
        after = page.after
    assert found == whole


def test_last_page_that_is_full_names_no_next_one(screened):
    query = PredictionQuery(campaign="test", formula="LiFeO")
    total = count_predictions(screened, query)
    assert find_page(screened, query, limit=total).after is None
    assert find_page(screened, query, limit=total - 1).after is not None
    assert find_page(screened, query, limit=total + 1).after is None


def test_next_page_begins_where_it_did_although_rows_came_and_went(store):
    docs = sorted(made_predictions(40), key=KEYS[Order.PROBABILITY])
    store.save_config(config())
    store.write(promotions())
    store.write(docs[1:])
    query = PredictionQuery(campaign="test")
    first = find_page(store, query, limit=10)
    store.write(docs[:1])
    store.database.predictions.delete_one({"site": docs[10].site})
    second = find_page(store, query, after=first.after, limit=10)
    assert [row["site"] for row in first.rows] == [doc.site for doc in docs[1:11]]
    assert [row["site"] for row in second.rows] == [doc.site for doc in docs[11:21]]


def test_python_gives_pages_too(screened):
    campaign = Campaign("test", screened)
    whole = campaign.predictions(absorber="Cu", sort="doubtful")
    page = campaign.predictions(absorber="Cu", sort="doubtful", limit=200)
    following = campaign.predictions(
        absorber="Cu", sort="doubtful", limit=len(whole), after=page.attrs["after"]
    )
    assert [*page["site"], *following["site"]] == whole["site"].tolist()
    assert following.attrs["after"] is None
    with pytest.raises(UsageError, match="'best' is none of probability, expected_error"):
        campaign.predictions(sort="best")


def explain(
    store: Store, conditions: dict[str, Any], sort: list[tuple[str, int]], limit: int
) -> dict[str, Any]:
    """How the server finds the first predictions, and what it reads for that."""
    find = {"find": "predictions", "filter": conditions, "sort": dict(sort), "limit": limit}
    return store.database.command("explain", find, verbosity="executionStats")


def stages(plan: dict[str, Any]) -> set[str]:
    return set(re.findall(r"'stage': '(\w+)'", str(plan)))


@pytest.mark.parametrize(("conditions", "order"), DOCUMENTED_CASES, ids=str)
def test_documented_queries_read_little_more_than_they_show(screened, conditions, order):
    query = PredictionQuery(campaign="test", **{**conditions, **_names_of_the_tests(conditions)})
    page = find_page(screened, query, order, limit=15)
    assert page.rows
    middle = position_after(page.rows[len(page.rows) // 2], order)
    for after in (None, middle):
        for filters, sort in search_for(screened, query, order, after).parts:
            # For the few rows that are equal to the position's, one plan is as good as another.
            tied = sort != SORTS[order]
            for found in filters:
                explained = explain(screened, found, sort, limit=16)
                used = stages(explained["queryPlanner"]["winningPlan"])
                statistics = explained["executionStats"]
                assert "IXSCAN" in used
                assert "COLLSCAN" not in used
                if "formula" in conditions:  # there are few of one: they may all be read and sorted
                    total = count_predictions(screened, query)
                    assert statistics["totalDocsExamined"] <= total
                    continue
                assert tied or "SORT" not in used
                # All conditions but three are known of a key. A merge begins with one of each
                # stretch, and conditions on what stands behind the order pass over some.
                behind = {"excludes", "seen"} & {*conditions} or conditions.get("in_distribution")
                passed_over = 4 * statistics["nReturned"] + 60 if behind else 0
                assert statistics["totalDocsExamined"] <= statistics["nReturned"] + passed_over
                assert statistics["totalKeysExamined"] <= 6 * statistics["nReturned"] + 100


@pytest.mark.parametrize("order", ORDERS["classes"])
@pytest.mark.parametrize(
    "conditions",
    [
        {"neighbours": ("O",)},
        {"oxide": True},
        {"contains": ("Li",)},
        {"disagrees": True},
        {"cn": 12},
        {"formula": "CuO"},
        {"max_set_size": 1},
        {"in_distribution": False},
    ],
    ids=str,
)
def test_what_is_rare_is_found_among_many(store, conditions, order):
    """One oxide with Li, of CN 12, wrongly predicted, among 2,000 alloys of CN 4."""
    store.prepare()
    store.save_config(config())
    store.write(promotions())
    (doc,) = made_predictions(1)
    common = {"absorber": "Cu", "hash": "first-Cu", "elements": ["Cu"], "oxide": False, "value": 4}
    common |= {"neighbours": ["Cu"], "formula": "Cu", "disagrees": False}
    common |= {"prediction_set": [4, 6], "in_distribution": True}
    rng = np.random.default_rng(0)
    store.write(
        doc.model_copy(
            update={
                **common,
                "site": f"many-{n}:Cu:0",
                "probability": rng.integers(1, 21) / 20,
                "expected_error": rng.integers(20) / 20,
            }
        )
        for n in range(2000)
    )
    rare = {"elements": ["Cu", "Li", "O"], "oxide": True, "value": 12, "disagrees": True}
    rare |= {
        "prediction_set": [12],
        "in_distribution": False,
        "neighbours": ["O"],
        "formula": "CuO",
        "site": "rare:Cu:0",
        "probability": 0.5,
        "expected_error": 0.5,
    }
    store.write([doc.model_copy(update=common | rare)])
    query = PredictionQuery(campaign="test", **conditions)
    (((found,), sort),) = search_for(store, query, order).parts
    statistics = explain(store, found, sort, limit=51)["executionStats"]
    assert statistics["nReturned"] == 1
    # To a CN it goes in few steps at each of 20 values, for O near, far and away.
    assert statistics["totalKeysExamined"] <= 3 * 4 * 20


def test_predictions_without_a_set_have_no_small_one(store):
    """As those of a version that is older than sets."""
    store.prepare()
    store.save_config(config())
    store.write(promotions())
    old, new = (
        doc.model_copy(update={"absorber": "Cu", "hash": "first-Cu", "prediction_set": kept})
        for doc, kept in zip(made_predictions(2), (None, [4]), strict=True)
    )
    store.write([old, new])
    store.database.predictions.update_one({"site": old.site}, {"$unset": {"prediction_set": ""}})
    found = Campaign("test", store).predictions(max_set_size=1)
    assert found["site"].tolist() == [new.site]


def _names_of_the_tests(conditions: dict[str, Any]) -> dict[str, Any]:
    """Give names and values such as the predictions of the tests have."""
    return {"formula": "CuO"} if "formula" in conditions else {}


@pytest.mark.parametrize("order", ORDERS["classes"])
def test_as_many_stretches_as_there_may_be_are_merged(store, order):
    """All elements with a K edge that FEFF knows, O near, far and away; MongoDB merges 200."""
    symbols = [Element.from_Z(z).symbol for z in range(2, 100)]
    store.save_config(config().model_copy(update={"absorbers": symbols}))
    (doc,) = made_predictions(1)
    names = {"feature_set": doc.feature_set, "model": doc.model, "target": CN}
    versions = {symbol: symbol.encode().hex() for symbol in symbols}
    store.write(
        PromotionDoc(campaign="test", absorber=symbol, hash=version, **names)
        for symbol, version in versions.items()
    )
    docs = [
        doc.model_copy(
            update={
                "site": f"m{n}:{symbol}:0",
                "hash": version,
                "absorber": symbol,
                "disagrees": bool(n % 2),
                "oxide": n % 3 > 0,
                "elements": ["Li", "O"] if n % 3 else ["Li"],
                "neighbours": ["O"] if n % 3 > 1 else ["Li"],
            }
        )
        for symbol, version in versions.items()
        for n in range(20)
    ]
    store.write(docs)
    query = PredictionQuery(campaign="test")
    ((filters, sort),) = search_for(store, query, order).parts
    for found in filters:
        plan = store.database.predictions.find(found).sort(sort).limit(51).explain()
        assert "SORT_MERGE" in stages(plan["queryPlanner"]["winningPlan"])
    rows = list(find_predictions(store, query, order, limit=300))
    key = KEYS[REVERSED.get(order, order)]
    ordered = sorted(docs, key=key, reverse=order in REVERSED)
    assert [row["site"] for row in rows] == [doc.site for doc in ordered[:300]]


OPERATORS = [{"$gt": ""}, {"$ne": None}, {"$where": "true"}, ["Cu"], 1.5, True]


@pytest.mark.parametrize("value", OPERATORS, ids=str)
@pytest.mark.parametrize(
    "name",
    ["campaign", "target", "feature_set", "model", "version", "absorber", "formula", "cn"],
)
def test_operators_as_values_are_refused(name, value):
    with pytest.raises(UsageError, match=f"{name}: .* is not"):
        PredictionQuery(**{"campaign": "test", name: value})


@pytest.mark.parametrize("value", [{"$gt": 0}, "0.5", True, [0.5]], ids=str)
@pytest.mark.parametrize(
    "name", ["min_probability", "max_expected_error", "min_value", "max_value"]
)
def test_numbers_are_numbers(name, value):
    with pytest.raises(UsageError, match=f"{name}: .* is not a number"):
        PredictionQuery(campaign="test", **{name: value})


@pytest.mark.parametrize("value", [{"$gt": 0}, ["O"], True, np.bool_(True), b"O", 4j], ids=str)
def test_a_value_is_a_class_or_a_number(value):
    with pytest.raises(UsageError, match=r"value: .* is not a class or a number"):
        PredictionQuery(campaign="test", value=value)


@pytest.mark.parametrize("value", [{"$ne": True}, 1, "true"], ids=str)
@pytest.mark.parametrize("name", ["oxide", "disagrees"])
def test_truth_is_true_or_false(name, value):
    with pytest.raises(UsageError, match=f"{name}: .* is not True or False"):
        PredictionQuery(campaign="test", **{name: value})


@pytest.mark.parametrize("value", ["$where", "Xx", "", {"$gt": ""}, "Cuu"], ids=str)
@pytest.mark.parametrize("name", ["contains", "excludes", "neighbours"])
def test_elements_are_elements(name, value):
    with pytest.raises(UsageError, match=f"{name}: .* is not an element symbol"):
        PredictionQuery(campaign="test", **{name: (value,)})


def test_operators_in_python_are_refused_before_the_database_is_asked(screened):
    campaign = Campaign("test", screened)
    with pytest.raises(UsageError, match="formula: "):
        campaign.predictions(formula={"$ne": None})
    with pytest.raises(UsageError, match="contains: "):
        campaign.predictions(contains={"$gt": ""})
    with pytest.raises(UsageError, match="has no absorber 'Zn'; it has Cu, Fe, Ni"):
        campaign.predictions(absorber="Zn")


@pytest.mark.parametrize("written", ["LiFeO", "FeLiO", "Fe O Li", "Li2Fe2O2", "O(FeLi)", "LiFe₁O"])
def test_a_formula_is_found_however_it_is_written(screened, written):
    stored = [doc.site for doc in DOCS if doc.formula == "LiFeO"]
    found = Campaign("test", screened).predictions(formula=written)
    assert sorted(found["site"]) == sorted(stored)
    assert stored


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"min_probability": 80}, "min_probability: 80 is not from 0 to 1"),
        ({"min_probability": float("nan")}, "min_probability: nan is not from 0 to 1"),
        ({"max_expected_error": -0.1}, "max_expected_error: -0.1 is not at least 0"),
        ({"max_set_size": 0}, "max_set_size: 0 is not from 1 to"),
        ({"max_expected_value": "many"}, "max_expected_value: 'many' is not a number"),
        ({"cn": -1}, "cn: -1 is not from 0 to 999"),
        ({"cn": 10**30}, "is not from 0 to 999"),
        ({"cn": 4.0}, "cn: 4.0 is not a whole number from 0 to 999"),
        ({"limit": -1}, "limit: -1 is not from 1 to"),
        ({"limit": 0}, "limit: 0 is not from 1 to"),
        ({"limit": True}, "limit: True is not a whole number"),
        ({"after": 5}, "after: 5 is not text"),
        ({"sort": ["site"]}, "is none of probability"),
        ({"contains": 5}, "contains: 5 is not an element symbol, or several"),
        ({"contains": "CuO"}, "contains: 'CuO' is not an element symbol"),
        ({"formula": "cuo"}, "formula: 'cuo' is not a formula"),
        ({"formula": "{'$ne': None}"}, "formula: .* is not a formula"),
    ],
    ids=str,
)
def test_values_that_make_no_sense_are_refused_in_one_line(screened, given, words):
    with pytest.raises(UsageError, match=words) as refusal:
        Campaign("test", screened).predictions(**given)
    assert "\n" not in str(refusal.value)


def test_one_text_is_one_element_and_numbers_of_numpy_are_numbers(screened):
    campaign = Campaign("test", screened)
    given = {
        "contains": np.array(["Cu"]),
        "cn": np.int64(4),
        "min_probability": np.float32(0.5),
        "oxide": np.bool_(True),
        "limit": np.uint8(9),
    }
    plain = {"contains": "Cu", "cn": 4, "min_probability": 0.5, "oxide": True, "limit": 9}
    found = campaign.predictions(**given)
    assert found.equals(campaign.predictions(**plain))
    assert len(found) == 9
    assert all("Cu" in elements for elements in found["elements"])


def token(*position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


@pytest.mark.parametrize(
    "after",
    [
        "",
        "?",
        "é",
        "WyJw",
        token(),
        token("probability"),
        token("probability", 0.5),
        token("probability", 0.5, "a"),
        token("probability", 0.5, False, 4, "a", "b"),
        token("probability", "0.5", False, 4, "a"),
        token("probability", {"$gt": 0}, False, 4, "a"),
        token("probability", 0.5, {"$gt": 0}, 4, "a"),
        token("probability", 0.5, False, {"$gt": 0}, "a"),
        token("probability", 0.5, False, 4, {"$gt": ""}),
        token("probability", float("nan"), False, 4, "a"),
        token("probability", True, False, 4, "a"),
        token("probability", 0.5, 1, 4, "a"),
        token("probability", 0.5, False, True, "a"),
        token("probability", 0.5, False, float("inf"), "a"),
        token("probability", 0.5, False, ["a"], "a"),
        token("probability", 0.5, False, 10**30, "a"),
        token("probability", 0.5, False, None, "a"),
        token(["probability"], 0.5, False, 4, "a"),
        token("other", 0.5, False, 4, "a"),
        "WyJ" * 5000,
        base64.urlsafe_b64encode(b"[" * 20_000).decode(),
    ],
    ids=lambda value: value[:20],
)
def test_tokens_that_no_page_shows_are_refused(screened, after):
    with pytest.raises(UsageError, match="is not the token of a page") as refusal:
        find_page(screened, PredictionQuery(campaign="test"), after=after, limit=1)
    assert len(str(refusal.value)) < 200


def test_token_of_another_order_is_refused(screened):
    query = PredictionQuery(campaign="test")
    after = find_page(screened, query, limit=1).after
    with pytest.raises(UsageError, match="of the order 'probability', not 'doubtful'"):
        find_page(screened, query, Order.DOUBTFUL, after=after, limit=1)


def test_orders_sort_by_a_unique_field_at_last():
    assert all(sort[-1][0] == "site" for sort in SORTS.values())


def test_a_switch_shows_all_of_the_new_version_and_nothing_of_the_old(store):
    docs = list(made_predictions(60))
    store.save_config(config())
    store.write(promotions())
    store.write(docs)
    query = PredictionQuery(campaign="test", absorber="Cu")
    before = [row["site"] for row in find_predictions(store, query)]
    assert before
    new = {"hash": "second-Cu", "value": 12}
    store.write(doc.model_copy(update=new) for doc in docs if doc.absorber == "Cu")
    assert {row["version"] for row in find_predictions(store, query)} == {"first-Cu"}
    (switch,) = (doc for doc in promotions() if doc.absorber == "Cu")
    store.write([switch.model_copy(update={"hash": "second-Cu"})])
    after = list(find_predictions(store, query))
    assert sorted(row["site"] for row in after) == sorted(before)
    assert {(row["version"], row["value"]) for row in after} == {("second-Cu", 12)}
    others = find_predictions(store, PredictionQuery(campaign="test"))
    assert {row["version"] for row in others} == {"first-Fe", "first-Ni", "second-Cu"}


def test_without_a_promotion_nothing_is_meant(store):
    store.save_config(config())
    store.write(made_predictions(10))
    assert list(find_predictions(store, PredictionQuery(campaign="test"))) == []


def test_documented_queries_are_valid():
    for conditions in DOCUMENTED_QUERIES:
        PredictionQuery(campaign="test", **conditions)
