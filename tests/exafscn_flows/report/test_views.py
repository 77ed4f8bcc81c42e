"""What the report knows of classes, numbers and curves."""

import numpy as np
import pytest

from exafscn_flows.report.data import best_models
from exafscn_flows.report.summary import to_json
from exafscn_flows.report.view import Score
from exafscn_flows.report.views import view_of


def test_thirds_hold_every_site_once_and_say_their_range():
    labels = np.random.default_rng(0).permutation(np.linspace(1.85, 2.45, 90))
    groups = view_of("numbers").groups(labels, "Å")
    assert sum(inside.astype(int) for _, inside in groups).tolist() == [1] * 90
    assert [int(inside.sum()) for _, inside in groups] == [30, 30, 30]
    assert [name for name, _ in groups] == [
        "low, 1.85 to 2.05 Å",
        "middle, 2.05 to 2.25 Å",
        "high, 2.25 to 2.45 Å",
    ]


@pytest.mark.parametrize("labels", [[2.0] * 5, [1.0, 2.0, 2.0, 2.0, 3.0], [1.0, 2.0]])
def test_equal_labels_are_in_one_third(labels):
    groups = view_of("numbers").groups(np.array(labels), "")
    assert sum(inside.astype(int) for _, inside in groups).tolist() == [1] * len(labels)
    for value in set(labels):
        assert sum(inside[np.array(labels) == value].any() for _, inside in groups) == 1


def test_a_class_that_an_absorber_does_not_have_has_no_recall(model):
    report = model(counts={4: 120, 6: 80})
    report.metrics.classes = [4, 5, 6]
    report.metrics.splits["grouped"]["confusion"] = [[100, 0, 20], [0, 0, 0], [0, 8, 72]]
    recall = view_of("classes").recall(report)
    assert recall == pytest.approx({"4": 100 / 120, "6": 0.9})


def test_best_has_the_highest_accuracy_or_the_lowest_error(model, numbers_model):
    reports = [
        *(model("Cu", name, skill=skill) for name, skill in (("a", 0.8), ("b", 0.9), ("c", 0.7))),
        *(numbers_model("Cu", name, error) for name, error in (("a", 0.03), ("b", 0.09))),
        numbers_model("Fe", "c", 0.2),
    ]
    found = [(one.target, one.absorber, one.feature_set) for one in best_models(reports)]
    assert found == [
        ("coordination_number", "Cu", "b"),
        ("bond_length", "Cu", "a"),
        ("bond_length", "Fe", "c"),
    ]


def test_headline_of_numbers_is_the_smallest_mean_error(three, numbers_model):
    data = three()
    models = [
        numbers_model(absorber, name, error, name)
        for name, errors in (("a", (0.02, 0.08)), ("b", (0.04, 0.04)))
        for absorber, error in zip(("Cu", "Fe"), errors, strict=True)
    ]
    numbers = to_json(three(targets=data.targets[2:], models=models))["targets"]["bond_length"]
    assert numbers["headline"]["series"] == "b, b"
    assert numbers["headline"]["score"] == pytest.approx(0.04, rel=0.1)
    assert [model["best"] for model in numbers["models"]] == [True, False, False, True]


def test_nothing_is_best_that_is_not_above_the_baseline(campaign, model):
    reports = [model("Cu", name, skill=skill) for name, skill in (("a", 0.8), ("b", 0.9))]

    def badges() -> list[bool]:
        (numbers,) = to_json(campaign(models=reports))["targets"].values()
        return [one["best"] for one in numbers["models"]]

    assert badges() == [False, True]
    for report in reports:
        report.metrics.splits["grouped"]["majority"] = 0.9
    assert badges() == [False, False]


def test_all_targets_have_the_same_shape(three):
    shapes = [set(numbers) for numbers in to_json(three())["targets"].values()]
    assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize(
    ("score", "value", "text"),
    [
        (Score("a", "A"), 0.8764, "87.6 %"),
        (Score("a", "A", "amount"), 0.020913, "0.0209 Å"),
        (Score("a", "A", "amount"), 12345.6, "12346 Å"),
        (Score("a", "A", "ratio"), -0.034, "-0.03"),
        (Score("a", "A", "ratio"), None, "–"),
    ],
)
def test_scores_are_shown_with_their_unit(score, value, text):
    assert score.with_unit(value, "Å") == text


@pytest.mark.parametrize(
    ("score", "value", "spread", "text"),
    [
        (Score("a", "A"), 0.8, 0.0234, ("80.0", "2.3")),
        (Score("a", "A", "amount"), 0.0209, 0.00209, ("0.0209", "0.0021")),
        (Score("a", "A", "amount"), 123.4, 5.67, ("123", "6")),
    ],
)
def test_a_spread_has_the_decimals_of_its_value(score, value, spread, text):
    assert score.with_spread(value, spread) == text


def test_what_older_metrics_lack_cannot_be_told() -> None:
    assert Score("certain_accuracy", "Certain labels").of({"accuracy": 0.8}) is None
    assert Score("certain_accuracy", "Certain labels").text(None) == "–"


def test_a_curve_is_the_more_surprising_the_more_its_error_was_not_expected():
    view = view_of("curves")
    sites = [
        {"error": 0.3, "expected_error": 0.2},
        {"error": 0.2, "expected_error": 0.05},
        {"error": 0.1, "expected_error": 0.0},
    ]
    surprises = [view.surprise(site) for site in sites]
    assert surprises == sorted(surprises)
    assert view.doubt(sites[1], "") == "0.05"
    assert [title for title, _ in view.disagreement_columns] == ["Error"]


def test_curves_are_judged_beside_their_mean_and_the_smaller_error_is_better():
    view = view_of("curves")
    assert view.better(0.1, 0.2)
    metrics = {"rmse": 0.05, "mean_rmse": 0.1, "r2_over_mean": 0.752, "edge_error": None}
    shown = {score.title: score.text(score.of(metrics)) for score in view.scores}
    assert (shown["RMSE"], shown["R² over the mean"]) == ("0.0500", "0.75")
    assert shown["Edge (eV)"] == "–"
    said = view.headline({"score": 0.05, "baseline": 0.1}, "")
    assert said["score"] == "an RMSE of 0.0500"
    assert said["baseline"] == "always the mean of the element gives 0.100"
