"""What the figures of a study say, read from their SVG."""

from itertools import pairwise

import numpy as np
import pytest
from lxml import etree

from exafscn_flows.report.label_figures import certainty
from exafscn_flows.report.study_data import StudyData
from exafscn_flows.report.study_figures import _line, comparison, curves, importance
from exafscn_flows.report.summary import to_json as report_json
from exafscn_flows.report.views import view_of

HOW = view_of("classes"), "neighbours"
TEXT = "{http://www.w3.org/2000/svg}text"


def to_json(data):
    """Numbers of the only target."""
    (numbers,) = report_json(data)["targets"].values()
    return numbers


def nodes(svg: str) -> list[etree._Element]:
    return list(etree.fromstring(svg.encode()).iter(TEXT))


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in nodes(svg)]


@pytest.fixture(scope="module")
def svgs(study):
    return drawn(to_json(study(["Ti", "V", "Zn"])))


@pytest.fixture
def numbers(study):
    return to_json(study(["Ti", "V", "Zn"]))


def drawn(numbers) -> dict[str, str]:
    return {
        "comparison": comparison(numbers["feature_sets"]["combinations"], *HOW),
        "importance": importance(numbers["interpretation"], *HOW),
        "curves": curves(numbers["curves"], *HOW),
        "certainty": certainty(numbers["label_study"]),
    }


def test_axes_have_units(svgs):
    assert "Accuracy, mean over elements (%)" in texts(svgs["comparison"])
    assert {
        "R (Å)",
        "Gini importance per point (%)",
        "Accuracy lost by permuting a band (points)",
        "Integrated gradients per point (%)",
    } <= set(texts(svgs["importance"]))
    assert {
        "Largest R (Å)",
        "Smallest R (Å)",
        "Training sites",
        "Accuracy, grouped (%)",
    } <= set(texts(svgs["curves"]))
    assert "Sites with CrystalNN's number (%)" in texts(svgs["certainty"])


def test_labels_stay_inside_the_figure(svgs):
    for svg in svgs.values():
        _, _, width, height = map(float, etree.fromstring(svg.encode()).get("viewBox").split())
        placed = [node for node in nodes(svg) if node.get("x")]  # a few lines have no x
        assert len(placed) > 10
        for node in placed:
            assert 0 <= float(node.get("x")) <= width
            assert 0 <= float(node.get("y")) <= height


def test_names_of_elements_do_not_overlap(study, experiment):
    # Nine curves that end at the same accuracy.
    elements = ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn")
    found = [
        experiment(element, "random_forest", "rmax", rmax, accuracy)
        for element in elements
        for rmax, accuracy in ((3.0, 0.5), (6.0, 0.8))
    ]
    numbers = to_json(study(study=StudyData("coordination_number", "r_space", found)))
    svg = curves(numbers["curves"], *HOW)
    heights = sorted(
        float(node.get("y")) for node in nodes(svg) if "".join(node.itertext()) in elements
    )
    assert len(heights) == 9
    assert min(b - a for a, b in pairwise(heights)) > 8


def test_curves_end_where_nothing_is_left_out(numbers, experiment, study):
    found = [experiment("Ti", "random_forest", name, -6.0, 0.4) for name in ("emax", "emin")]
    data = study(["Ti"], study=StudyData("coordination_number", "r_space", found))
    for model in data.models:
        model.model_doc.axis, model.model_doc.axis_label = np.linspace(-13, 18, 326), "E (eV)"
    below, above = to_json(data)["curves"]
    svg = curves([below, above], *HOW)
    assert {"Largest energy (eV)", "Energy below a limit alone", "Smallest energy (eV)"} <= set(
        texts(svg)
    )
    whole = 100 * below["absorbers"]["Ti"]["all"]
    how = HOW[0].score
    assert _line(below, below["absorbers"]["Ti"], how) == ([-6, 18], [40, whole])
    assert _line(above, above["absorbers"]["Ti"], how) == ([-13, -6], [whole, 40])


def test_every_combination_has_its_accuracy(numbers):
    shown = texts(comparison(numbers["feature_sets"]["combinations"], *HOW))
    for one in numbers["feature_sets"]["combinations"]:
        assert f"{one['feature_set']}, {one['model']}" in shown
        assert f"{100 * one['grouped']:.1f}" in shown


def test_measures_without_data_have_no_column(numbers):
    for entry in numbers["interpretation"]["absorbers"].values():
        entry["gradients"] = {}
    shown = texts(importance(numbers["interpretation"], *HOW))
    assert "Integrated gradients per point (%)" not in shown
    assert "Gini importance per point (%)" in shown


def test_without_rivals_there_is_one_panel(numbers):
    numbers["label_study"]["methods"] = []
    shown = texts(certainty(numbers["label_study"]))
    assert "Sites with CrystalNN's number (%)" not in shown
    assert "Accuracy, grouped (%)" in shown


def test_study_of_numbers_has_its_unit_on_every_axis(numbers_study):
    numbers, how = to_json(numbers_study()), (view_of("numbers"), "Å")
    assert "RMSE, mean over elements (Å)" in texts(
        comparison(numbers["feature_sets"]["combinations"], *how)
    )
    shown = texts(importance(numbers["interpretation"], *how))
    assert {"RMSE gained by permuting a band (Å)", "Variance importance per point (%)"} <= set(
        shown
    )
    assert "RMSE, grouped (Å)" in texts(curves(numbers["curves"], *how))
