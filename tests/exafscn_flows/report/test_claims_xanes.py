"""What was published of environments from XANES: yes, no, or what it takes to say so."""

from dataclasses import replace
from typing import Any

import pytest
from lxml import html

from exafscn_flows.report import figures, quality_figures, study_figures
from exafscn_flows.report.claims.xanes_environment import judge
from exafscn_flows.report.html import render
from exafscn_flows.report.study_data import StudyData
from exafscn_flows.report.summary import to_json

CN = "coordination_number"


def numbers(
    *metals: tuple[str, float, float, float],
    energies: tuple[float, float] = (-6.0, -6.0),
    model: str = "trees",
) -> dict[str, Any]:
    """Macro-F1 of each metal below and above a limit, and with all features."""
    curves = [
        {
            "experiment": experiment,
            "model": model,
            "absorbers": {
                metal[0]: {"points": [{"value": energy, "macro_f1": metal[place]}]}
                for metal in metals
            },
        }
        for place, (experiment, energy) in enumerate(
            zip(("emax", "emin"), energies, strict=True), start=1
        )
    ]
    rows = {
        metal: {"models": {model: {"grouped": {"macro_f1": score}}}}
        for metal, _, _, score in metals
    }
    return {"elements": {"absorbers": rows}, "curves": curves}


@pytest.mark.parametrize(
    ("whole", "each", "holds"),
    [
        ((0.70, 0.70), [True, True], True),
        ((0.70, 0.61), [True, False], True),  # 5.5 points on the mean
        ((0.61, 0.61), [False, False], False),
        ((0.55, 0.63), [False, True], False),
    ],
)
def test_features_beyond_the_pre_edge_matter_by_metal_and_on_the_mean(whole, each, holds):
    beyond, _ = judge(numbers(("Ti", 0.6, 0.5, whole[0]), ("Cu", 0.6, 0.5, whole[1])))
    assert beyond["holds"] is holds
    assert [(one["what"], one["holds"]) for one in beyond["parts"]] == list(
        zip(("Ti", "Cu"), each, strict=True)
    )
    assert [figure["value"] for figure in beyond["figures"]] == pytest.approx(
        [60.0, 50.0, 50 * sum(whole)]
    )
    assert [figure["value"] for figure in beyond["parts"][1]["figures"]] == pytest.approx(
        [60.0, 50.0, 100 * whole[1]]
    )


@pytest.mark.parametrize(
    ("gains", "holds"),
    [
        ({"Ti": 0.05, "Cr": 0.07, "Fe": 0.10, "Cu": 0.12}, True),
        ({"Ti": 0.05, "Cr": 0.07, "Fe": 0.00, "Cu": 0.10}, False),
        ({"Mn": 0.05, "Fe": 0.06, "Zn": -0.50}, True),  # of neither half
        ({"Mn": 0.05, "Fe": 0.05}, False),
        ({"Fe": 0.05, "Cu": 0.05}, None),
    ],
)
def test_late_metals_gain_more_than_early_ones(gains, holds):
    metals = [(metal, 0.5, 0.5, 0.5 + gain) for metal, gain in gains.items()]
    _, late = judge(numbers(*metals))
    assert late["holds"] is holds
    assert bool(late["figures"]) == (late["missing"] is None) == (holds is not None)
    if holds is None:
        assert "early metals" in late["missing"]


def test_without_a_limit_on_both_sides_it_says_which_keys_it_takes():
    apart = numbers(("Ti", 0.6, 0.5, 0.7), energies=(-6.0, -5.0))
    one_side = {**apart, "curves": apart["curves"][:1]}
    for given in ({"elements": None, "curves": []}, apart, one_side):
        for claim in judge(given):
            assert claim["holds"] is None
            assert not claim["figures"]
            assert not claim["parts"]
            assert "study.emax and study.emin" in claim["missing"]


def test_the_lowest_common_energy_of_the_first_model_with_both_ends_the_pre_edge():
    low, high = (
        numbers(("Ti", below, 0.5, 0.7), energies=(energy,) * 2)
        for energy, below in ((-6.0, 0.60), (2.0, 0.69))
    )
    without = {"experiment": "emax", "model": "mlp", "absorbers": low["curves"][0]["absorbers"]}
    beyond, _ = judge({**low, "curves": [without, *high["curves"], *low["curves"]]})
    assert [figure["what"] for figure in beyond["figures"]] == [
        "macro-F1 of trees below -6 eV alone",
        "macro-F1 of trees above -6 eV alone",
        "macro-F1 of trees with all features",
    ]
    assert beyond["holds"]


def test_metals_without_all_three_do_not_count():
    given = numbers(("Ti", 0.6, 0.5, 0.7), ("Fe", 0.1, 0.1, 0.9))
    del given["curves"][1]["absorbers"]["Fe"]
    beyond, late = judge(given)
    assert [one["what"] for one in beyond["parts"]] == ["Ti"]
    assert late["holds"] is None


@pytest.fixture
def reported(study, model, experiment):
    """Make a report of two metals with both limits, learned by any model, of some classes."""

    def make(*classes: str, claims: str = "xanes_environment") -> Any:
        models = [
            model(metal, "r_space", dict.fromkeys(classes, 300), skill, name, name)
            for metal in ("Ti", "Cu")
            for name, skill in (("extra_trees", 0.8), ("convolutional_network", 0.9))
        ]
        found = [
            experiment(metal, "extra_trees", limit, -6.0, accuracy)
            for metal, below in (("Ti", 0.6), ("Cu", 0.4))
            for limit, accuracy in (("emax", below), ("emin", 0.65))
        ]
        return study(models=models, study=StudyData(CN, "r_space", found, claims), labels=[])

    return make


@pytest.fixture
def _no_figures(monkeypatch):
    """Have nothing drawn, which takes most of the time of a page."""
    for module, names in (
        (figures, ("importance", "mean_vectors", "overview")),
        (quality_figures, ("calibration", "parity")),
        (study_figures, ("comparison", "curves", "importance")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, lambda *_: "<svg/>")


@pytest.mark.usefixtures("_no_figures")
def test_the_report_has_every_metal_and_the_published_average(reported):
    data = reported("T4", "S5", "O6")
    (own,) = to_json(data)["targets"].values()
    beyond, late = own["claims"]
    assert (beyond["holds"], late["holds"]) == (True, True)
    assert own["published"]["grouped"] == pytest.approx({"Ti": 90.0, "Cu": 90.0})
    assert own["published"]["kinds"] == ["extra_trees", "convolutional_network"]
    assert own["published"]["reference"] == {"random": {}, "random_average": 86.0}
    page = html.document_fromstring(render(data))
    (findings,) = page.xpath("//section[@id='findings']//tbody")
    shown = " ".join(findings.text_content().split())
    whole = own["elements"]["absorbers"]["Cu"]["models"]["extra_trees"]["grouped"]["macro_f1"]
    assert f"Cu yes: below 30.0 %, above 55.0 %, all {100 * whole:.1f} %" in shown
    assert "about 86" in page.xpath("string(//section[@id='published'])")
    nothing = replace(data, study=replace(data.study, experiments=[]))
    page = html.document_fromstring(render(nothing))
    assert "It takes study.emax" in page.xpath("string(//section[@id='findings'])")


def test_other_classes_are_not_set_beside_the_published_average(reported):
    (own,) = to_json(reported("tetrahedron", "octahedron"))["targets"].values()
    assert own["published"] is None
    assert own["claims"][0]["holds"]
