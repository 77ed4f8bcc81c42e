"""The numbers that a report works out itself."""

import json

import numpy as np
import pytest

from exafscn_flows.report.summary import to_json as report_json


def to_json(data):
    """Numbers of the only target."""
    (numbers,) = report_json(data)["targets"].values()
    return numbers


def test_share_is_that_of_the_stored_importances(campaign, model):
    report = model()
    below = sum(
        value
        for r, value in zip(report.model_doc.axis, report.model_doc.importances, strict=True)
        if r < 3
    )
    numbers = to_json(campaign(models=[report]))
    assert numbers["models"][0]["share_below_3"] == pytest.approx(float(below), abs=1e-6)


def test_share_is_given_for_distances_only(campaign, model):
    report = model()
    report.model_doc.axis_label = "k (1/Å)"
    assert to_json(campaign(models=[report]))["models"][0]["share_below_3"] is None


def test_a_model_without_importances_says_so(campaign, model):
    report = model()
    report.model_doc.importances = None
    numbers = to_json(campaign(models=[report]))["models"][0]
    assert numbers["importances"] is None
    assert numbers["share_below_3"] is None


def test_json_is_strict_json_and_survives_the_round_trip(campaign):
    numbers = report_json(campaign())
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_json_keeps_curves_to_single_precision(campaign, model):
    report = model()
    numbers = to_json(campaign(models=[report]))["models"][0]
    assert np.allclose(numbers["axis"], report.model_doc.axis, rtol=1e-5)
    mean = report.mean_vectors[0]
    assert np.allclose(numbers["mean_vectors"][mean.name], mean.vector, rtol=1e-5)


def test_headline_is_the_best_series_among_the_most_complete(campaign, model):
    models = [
        model("Cu", "r_mu", skill=0.7),
        model("Fe", "r_mu", skill=0.8),
        model("Cu", "r_chi", skill=0.9),
        model("Fe", "r_chi", skill=0.8),
        model("Cu", "lucky", skill=1.0),
    ]
    headline = to_json(campaign(models=models))["headline"]
    assert headline["series"] == "r_chi"
    assert headline["score"] == pytest.approx(0.85)
    assert headline["n_sites"] == 400
    assert headline["baseline"] == pytest.approx(0.6)


def test_models_are_told_apart_where_there_are_several(campaign, model):
    models = [model(model="forest"), model(model="bagging")]
    numbers = to_json(campaign(models=models))
    assert [m["series"] for m in numbers["models"]] == ["r_mu, forest", "r_mu, bagging"]
