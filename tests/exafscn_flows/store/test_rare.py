"""Questions whose answers are rare: what they read, and that they find all the same."""

import pytest
from predictions import ABSORBERS, CLASSES, made_predictions, promotions, version, with_targets

from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.queries import count_predictions, find_predictions, search_for
from exafscn_flows.store.results import OUTSIDE, PredictionDoc, around


@pytest.fixture
def docs(store):
    """Predictions, three of which are out of distribution."""
    found = list(made_predictions(400))
    outside = [doc.site for doc in found if "O" in doc.neighbours][:3]
    found = [doc.model_copy(update={"in_distribution": doc.site not in outside}) for doc in found]
    with_targets(store)
    store.write(promotions())
    store.write(found)
    return found


def test_the_rarest_keyword_leads(store, docs, monkeypatch):
    query = PredictionQuery(campaign="test", neighbours=["O"], in_distribution=False)
    outside = [doc.site for doc in docs if not doc.in_distribution and "O" in doc.neighbours]
    assert outside
    asked = []
    project = type(store).project

    def noted(self, kind, query, *rest, **options):
        if kind is PredictionDoc:
            asked.append(query)
        return project(self, kind, query, *rest, **options)

    monkeypatch.setattr(type(store), "project", noted)
    assert sorted(row["site"] for row in find_predictions(store, query)) == sorted(outside)
    (condition,) = asked
    assert condition["keywords"] == {"$in": [OUTSIDE]}
    assert condition["$and"] == [{"keywords": {"$in": [around("O")]}}]
    assert count_predictions(store, query) == len(outside)


@pytest.mark.parametrize("label", CLASSES.tolist())
def test_a_cell_says_whether_it_disagrees(store, docs, label):
    for value in CLASSES.tolist():
        query = PredictionQuery(campaign="test", value=value, label=label)
        cell = [doc.site for doc in docs if (doc.value, doc.label) == (value, label)]
        assert sorted(row["site"] for row in find_predictions(store, query)) == sorted(cell)
        for one in search_for(store, query).parts[0].filters:
            assert one["disagrees"] == {"$in": [value != label]}
    # What contradicts itself is found nowhere.
    query = PredictionQuery(campaign="test", value=label, label=label, disagrees=True)
    assert count_predictions(store, query) == 0


def test_versions_that_cannot_meet_a_condition_are_not_searched(store, docs):
    first, second, third = (version(absorber) for absorber in ABSORBERS)
    plain = {"campaign": "test", "doubt": {"temperature": 1.0}, "comes_trained": False}
    other = {"campaign": "test", "doubt": {"ood_score": 0.9}, "comes_trained": True}
    store.database.models.insert_many(
        [{"_id": "1", "hash": first, **plain}, {"_id": "2", "hash": second, **other}]
    )

    def searched(**conditions):
        found = search_for(store, PredictionQuery(campaign="test", **conditions))
        return {one for each in found.parts[0].filters for one in each["hash"]["$in"]}

    # Of the third one, nothing is known.
    assert searched(seen=True) == {second, third}
    assert searched(in_distribution=True) == searched(in_distribution=False) == {second, third}
    assert searched(seen=False) == {first, second, third}
