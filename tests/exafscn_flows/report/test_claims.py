"""Every claim can come out yes and no, and has no data where nothing speaks for or against it."""

from typing import Any

import pytest

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.study import CLAIMS_ABOUT
from exafscn_flows.report.claims.exafs_coordination import judge

NOTHING: dict[str, Any] = {
    "interpretation": None,
    "curves": [],
    "feature_sets": None,
    "elements": None,
}


def judged(**numbers: Any) -> dict[str, Any] | None:
    """Return the one claim that these numbers decide, None for none."""
    found = [claim for claim in judge({**NOTHING, **numbers}) if claim["holds"] is not None]
    assert len(found) <= 1
    return found[0] if found else None


def gini(below: float | None = None, above: float | None = None) -> dict[str, Any]:
    return {"mean": {"gini": {"below": below, "above": above}}}


def curve(with_6: float, whole: float, model: str = "extra_trees") -> dict[str, Any]:
    points = [{"value": 5.0, "accuracy": 0.1}, {"value": 6.0, "accuracy": with_6}]
    return {"experiment": "rmax", "model": model, "mean": {"all": whole, "points": points}}


def combination(kind: str, grouped: float, model: str = "extra_trees") -> dict[str, Any]:
    return {"feature_set": kind, "feature_kind": kind, "model": model, "grouped": grouped}


def spaces(*combinations: dict[str, Any]) -> dict[str, Any]:
    return {"combinations": sorted(combinations, key=lambda one: -one["grouped"])}


def elements(**accuracies: list[float | None]) -> dict[str, Any]:
    """Accuracies by model; the name of a model is its kind, one value per element."""
    rows: dict[str, Any] = {}
    for name, values in accuracies.items():
        for place, value in enumerate(values):
            row = rows.setdefault(f"E{place}", {"models": {}})
            if value is not None:
                row["models"][name] = {"grouped": {"accuracy": value}}
    kinds = {name: name for name in accuracies}
    return {"feature_set": "r_space", "models": kinds, "absorbers": rows}


def test_without_data_no_claim_is_judged():
    for nothing in (NOTHING, {**NOTHING, "interpretation": gini()}):
        found = judge(nothing)
        assert [claim["holds"] for claim in found] == [None] * 4
        assert all(claim["rule"] and not claim["figures"] for claim in found)


@pytest.mark.parametrize(("share", "holds"), [(0.51, True), (0.49, False)])
def test_importance_below_3_angstrom_dominates(share, holds):
    claim = judged(interpretation=gini(below=share))
    assert claim["holds"] is holds
    assert claim["figures"] == [
        {"what": "Gini share below 3 Å", "value": pytest.approx(100 * share), "unit": "%"}
    ]


@pytest.mark.parametrize(
    ("above", "with_6", "holds"),
    [
        (0.05, 0.795, True),  # half a point lost
        (0.05, 0.85, True),  # better without
        (0.05, 0.78, False),  # two points lost
        (0.15, 0.80, False),  # much importance
        (0.05, None, True),  # importance alone
        (0.15, None, False),
        (None, 0.795, True),  # curve alone
        (None, 0.78, False),
    ],
)
def test_above_6_angstrom_little_is_left(above, with_6, holds):
    claim = judged(
        interpretation=gini(above=above), curves=[] if with_6 is None else [curve(with_6, 0.80)]
    )
    assert claim["holds"] is holds
    assert len(claim["figures"]) == (above is not None) + (with_6 is not None)
    assert ("Gini" in claim["rule"]) == (above is not None)


def test_every_model_must_do_without_what_lies_above_6_angstrom():
    found = judged(curves=[curve(0.80, 0.80), curve(0.70, 0.80, "mlp")])
    assert not found["holds"]


def test_other_curves_say_nothing_about_6_angstrom():
    other = curve(0.1, 0.8) | {"experiment": "rmin"}
    assert judged(curves=[other]) is None


@pytest.mark.parametrize(
    ("k_space", "wavelet", "holds"),
    [(0.80, 0.70, True), (0.804, 0.804, True), (0.81, 0.70, False), (0.70, 0.81, False)],
)
def test_r_space_beside_its_rivals(k_space, wavelet, holds):
    claim = judged(
        feature_sets=spaces(
            combination("r_space", 0.80),
            combination("k_space", k_space),
            combination("wavelet", wavelet),
        )
    )
    assert claim["holds"] is holds
    assert len(claim["figures"]) == 4


def test_spaces_are_compared_with_models_that_both_have():
    # The network has seen k space only: what it gains there is no merit of k space.
    ours, theirs = combination("r_space", 0.80), combination("k_space", 0.79)
    strong = combination("k_space", 0.95, "mlp")
    claim = judged(feature_sets=spaces(ours, theirs, strong))
    assert claim["holds"]
    assert 95.0 not in [figure["value"] for figure in claim["figures"]]
    assert judged(feature_sets=spaces(ours, strong)) is None


def test_other_sets_are_no_r_space():
    assert judged(feature_sets=spaces(combination("r_space_complex", 0.9))) is None


@pytest.mark.parametrize(
    ("mlp", "holds"), [([0.79, 0.69], True), ([0.77, 0.67], False), ([0.83, 0.73], False)]
)
def test_forest_and_network_are_on_a_par(mlp, holds):
    claim = judged(elements=elements(random_forest=[0.80, 0.70], mlp=mlp))
    assert claim["holds"] is holds
    assert [figure["value"] for figure in claim["figures"]] == pytest.approx([75.0, 50 * sum(mlp)])


def test_forest_and_network_are_compared_on_elements_that_have_both():
    claim = judged(elements=elements(random_forest=[0.80, 0.10], mlp=[0.80, None]))
    assert claim["holds"]
    assert judged(elements=elements(random_forest=[0.8], bagging=[0.7])) is None


def test_claims_about_another_target_are_refused(monkeypatch):
    settings = {
        "campaign": "x",
        "absorbers": ["Cu"],
        "sources": [{"kind": "amcsd"}],
        "study": {"claims": "exafs_coordination"},
    }
    assert CampaignConfig.model_validate(settings).study.claims == "exafs_coordination"
    monkeypatch.setitem(CLAIMS_ABOUT, "exafs_coordination", ("bond_length",))
    with pytest.raises(ValueError, match="is about bond_length, not coordination_number"):
        CampaignConfig.model_validate(settings)
