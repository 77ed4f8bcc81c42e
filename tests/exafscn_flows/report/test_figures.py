"""What the figures say, read from their SVG."""

import numpy as np
import pytest
from lxml import etree

from exafscn_flows.report.figures import importance, mean_vectors, overview
from exafscn_flows.report.views import view_of

TEXT = "{http://www.w3.org/2000/svg}text"


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in etree.fromstring(svg.encode()).iter(TEXT)]


def test_mean_spectra_name_each_coordination_number_with_its_sites(model):
    shown = texts(mean_vectors(model(counts={4: 120, 5: 7, 6: 80}), "CN (sites)"))
    assert {"CN (sites)", "4  (120)", "5  (7)", "6  (80)", "R (Å)", "|χ(R)| (Å⁻³)"} <= set(shown)


def test_importance_states_the_share_below_3_angstrom():
    axis = np.linspace(0, 10, 101)
    importances = np.where(axis < 3, 3.0, 1.0)
    importances /= importances.sum()
    # 30 points of weight 3 lie below 3 Å, 71 of weight 1 do not: 90 / 161.
    assert {"55.9 %", "44.1 %", "below 3 Å"} <= set(
        texts(importance(axis, importances, "R (Å)", "Gini importance"))
    )


def test_no_distance_is_marked_on_another_axis():
    axis = np.linspace(0, 12, 50)
    shown = texts(importance(axis, np.full(50, 0.02), "k (1/Å)", "Gini importance"))
    assert not any("below" in text for text in shown)


def test_overview_shows_accuracy_of_every_bar(model):
    reports = [
        model(absorber, name, skill=skill)
        for absorber in ("Cu", "Fe")
        for name, skill in (("r_mu", 0.7), ("r_chi", 0.85))
    ]
    shown = texts(overview(reports, view_of("classes"), ""))
    assert shown.count("70") == shown.count("85") == 2
    assert {"Cu", "Fe", "r_mu", "r_chi", "majority baseline", "random split"} <= set(shown)


@pytest.mark.parametrize(
    "names", [range(1, 3), range(1, 13), ["square planar", "square pyramid", "octahedron"]]
)
def test_labels_stay_inside_the_figure(model, names):
    report = model(counts={name: 1000 + place for place, name in enumerate(names)})
    root = etree.fromstring(mean_vectors(report, "environment (sites)").encode())
    _, _, width, height = map(float, root.get("viewBox").split())
    for node in root.iter(TEXT):
        # Of text that begins at x, letters of 8 points take 5 points each.
        ends = float(node.get("x")) + 5 * len(node.text) * ("anchor" not in node.get("style"))
        assert 0 <= float(node.get("x")) <= ends <= width
        assert 0 <= float(node.get("y")) <= height
