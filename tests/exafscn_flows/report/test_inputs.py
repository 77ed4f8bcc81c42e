"""Inputs of a study side by side, what was published of XANES and PDF, and importance by part."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from lxml import html

from exafscn_flows.report.claims.xanes_pdf import judge
from exafscn_flows.report.data import FeaturePart
from exafscn_flows.report.html import render
from exafscn_flows.report.inputs import input_of, inputs
from exafscn_flows.report.modalities import modalities
from exafscn_flows.report.modality_figures import modalities as modality_figure
from exafscn_flows.report.summary import to_json
from exafscn_flows.report.views import view_of

XANES = {"kind": "xanes"}
PDF = {"kind": "pdf", "pattern": "total"}
DPDF = {"kind": "pdf", "pattern": "differential"}
SETS: dict[str, dict[str, Any]] = {
    "near": XANES,
    "pdf": PDF,
    "dpdf": DPDF,
    "both": {"kind": "concatenation", "parts": [XANES, DPDF]},
}


def model(feature_set: str, name: str, scores: list[float], **more: Any) -> dict[str, Any]:
    split = {"fold_macro_f1": scores, "fold_majority_f1": [0.2, 0.3]}
    counts = {"n_sites": 90, "n_formulas": 40}
    head = {"absorber": "Cu", "feature_set": feature_set, "model": name, "kind": name}
    return head | counts | {"grouped": split, "random": split} | more


def test_inputs_are_named_by_what_they_are_made_from() -> None:
    assert [input_of(one) for one in SETS.values()] == ["xanes", "pdf", "dpdf", "xanes+dpdf"]
    assert input_of({"kind": "xanes_derivative"}) == "xanes"
    assert input_of({"kind": "r_space"}) == "exafs"


def test_the_best_model_of_each_input_stands_with_its_spread_beside_the_trivial_one() -> None:
    models = [
        model("near", "random_forest", [0.6, 0.8]),
        model("near", "extra_trees", [0.7, 0.8]),
        model("dpdf", "random_forest", [0.5, 0.5]),
    ]
    near, dpdf = inputs(models, SETS, view_of("classes"))
    assert (near["model"], dpdf["model"]) == ("extra_trees", "random_forest")
    scores = near["models"]["random_forest"]["grouped"]
    assert scores == {
        "mean": pytest.approx(0.7),
        "std": pytest.approx(0.1 * np.sqrt(2)),
        "n_folds": 2,
        "trivial": pytest.approx(0.25),
        "trivial_std": pytest.approx(0.05 * np.sqrt(2)),
    }
    # Of numbers, the smaller error is the better one.
    errors = {"relative_fold_rmse": [0.02, 0.04], "relative_fold_mean_rmse": [0.1, 0.1]}
    worse = errors | {"relative_fold_rmse": [0.05, 0.04]}
    numbers = [
        model("near", name, [], grouped=one, random=one)
        for name, one in (("random_forest", worse), ("extra_trees", errors))
    ]
    numbers.append(model("pdf", "random_forest", [], grouped=worse, random=worse))
    assert inputs(numbers, SETS, view_of("numbers"))[0]["model"] == "extra_trees"
    assert inputs(numbers[:2], SETS, view_of("numbers")) == []


def found(kind: str, *metals: dict[str, float]) -> dict[str, Any]:
    """Numbers of a target, with a score of each metal and input."""
    rows = [
        {
            "absorber": metal,
            "input": one,
            "model": "trees",
            "models": {"trees": {"grouped": {"mean": score}}},
        }
        for metal, scores in zip(("Ti", "Cu"), metals, strict=False)
        for one, score in scores.items()
    ]
    return {"target_kind": kind, "higher_is_better": kind != "bond_length", "inputs": rows}


def test_claims_about_classes_are_judged_by_metal_and_on_the_mean() -> None:
    titanium = {"pdf": 0.5, "dpdf": 0.6, "xanes": 0.7}
    copper = {"pdf": 0.6, "dpdf": 0.8, "xanes": 0.55}
    ahead, between = judge(found("oxidation_state", titanium, copper))
    assert ahead["holds"] is True
    assert [one["holds"] for one in ahead["parts"]] == [True, False]
    assert between["holds"] is False
    assert [one["holds"] for one in between["parts"]] == [True, False]
    assert [figure["value"] for figure in between["figures"]] == pytest.approx([55.0, 70.0, 62.5])
    assert "macro-F1 of XANES at least that of PDF" in ahead["rule"]


def test_of_bond_lengths_smaller_errors_are_better_and_both_together_are_judged() -> None:
    scores = {"pdf": 0.04, "dpdf": 0.03, "xanes": 0.02, "xanes+dpdf": 0.025}
    ahead, between, together = judge(found("bond_length", scores))
    assert (ahead["holds"], between["holds"], together["holds"]) == (True, True, False)
    assert "at most that of PDF" in ahead["rule"]
    better = scores | {"xanes+dpdf": 0.02}
    assert judge(found("bond_length", better))[2]["holds"] is True
    # A metal without one of the inputs has no say.
    *_, together = judge(found("bond_length", scores, {"xanes": 0.02}))
    assert [one["what"] for one in together["parts"]] == ["Ti"]
    nothing = judge(found("bond_length", {"xanes": 0.02}))
    assert all(one["holds"] is None and "feature sets of" in one["missing"] for one in nothing)


def test_importance_is_cut_into_parts_with_axes_of_their_own() -> None:
    energy, r = [0.0, 1.0, 2.0], [1.0, 1.5]
    parts = [
        {"name": "near", "axis": energy, "axis_label": "E (eV)", "value_label": "μ"},
        {"name": "dpdf", "axis": r, "axis_label": "R (Å)", "value_label": "G"},
    ]
    whole = {
        "absorber": "Cu",
        "feature_set": "both",
        "model": "forest",
        "kind": "random_forest",
        "importances": [0.1, 0.2, 0.3, 0.15, 0.25],
        "mean_vector": [1.0, 2.0, 3.0, 4.0, 5.0],
        "parts": parts,
    }
    alone = whole | {"feature_set": "near", "importances": [0.5, 0.3, 0.2], "axis": energy}
    alone["parts"] = []
    other = alone | {"feature_set": "dpdf", "axis": [1.0, 1.6], "importances": [0.5, 0.5]}
    looks = modalities([whole, alone, other], "both")
    assert looks is not None
    first, second = looks["absorbers"]["Cu"]
    assert (first["axis"], first["fused"], first["mean"]) == (energy, [0.1, 0.2, 0.3], [1, 2, 3])
    assert first["single"] == [0.5, 0.3, 0.2]
    assert (first["share"], second["share"]) == (pytest.approx(0.6), pytest.approx(0.4))
    assert (second["axis"], second["mean"]) == (r, [4, 5])
    assert second["single"] is None  # another set of the same name
    svg = modality_figure(looks, "Gini importance")
    for text in ("E (eV)", "R (Å)", "60 % of the fused", "40 % of the fused", "alone"):
        assert text in svg
    assert modalities([alone, other], "near") is None


def test_the_page_of_a_study_shows_inputs_and_parts(study: Any) -> None:
    data = study(["Cu"])
    own = next(one for one in data.models if one.model_doc.importances is not None)
    half = own.model_doc.axis[:163]
    pair = tuple(FeaturePart(name, half, "R (Å)", "|χ(R)|") for name in ("one", "other"))
    models = [replace(one, parts=pair) if one is own else one for one in data.models]
    data = replace(data, models=models)
    (numbers,) = to_json(data)["targets"].values()
    assert len({row["feature_set"] for row in numbers["inputs"]}) > 1
    assert len(numbers["modalities"]["absorbers"]["Cu"]) == 2
    page = html.fromstring(render(data))
    (table,) = page.xpath("//section[@id='inputs']//table")
    assert len(table.xpath("./tbody/tr")) == len(numbers["inputs"])
    assert page.xpath("//section[@id='modalities']//img")
    for target in ("inputs", "modalities"):
        assert page.xpath(f"//a[@href='#{target}']"), target
