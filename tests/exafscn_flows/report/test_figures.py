"""What the figures say, read from their SVG."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from lxml import etree
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from exafscn_flows.report.data import ModelReport
from exafscn_flows.report.figures import draw_mean_vectors, importance, mean_vectors, overview
from exafscn_flows.report.style import panel
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


def drawn(report: ModelReport) -> Axes:
    figure = panel()
    draw_mean_vectors(figure, report, "CN (sites)")
    return figure.axes[0]


def test_a_class_of_one_site_does_not_set_the_scale(model):
    report = model(counts={4: 120, 5: 1, 6: 80})
    top = drawn(report).get_ylim()[1]
    (single,) = (mean for mean in report.mean_vectors if mean.n_sites == 1)
    single.vector[:] = 10 * np.asarray(single.vector)
    assert drawn(report).get_ylim()[1] == top
    others = [mean for mean in report.mean_vectors if mean.n_sites > 1]
    assert max(float(np.max(mean.vector)) for mean in others) <= top
    # Where there is nothing else, it is seen whole.
    report = model(counts={4: 1, 6: 1})
    highest = max(float(np.max(mean.vector)) for mean in report.mean_vectors)
    assert drawn(report).get_ylim()[1] >= highest


def lab(color: Any) -> np.ndarray:
    """CIE L*a*b* of a colour (D65)."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(to_xyz) @ linear / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_colours_of_4_5_and_6_are_far_apart_and_those_of_a_number_the_same_everywhere(model):
    few, many = (
        {
            line.get_label().split()[0]: line.get_color()
            for line in drawn(model(counts=dict.fromkeys(numbers, 20))).get_lines()
        }
        for numbers in ((4, 5, 6), range(1, 13))
    )
    assert {name: many[name] for name in few} == few
    for one, other in combinations(few.values(), 2):
        # In the order of a colour map, neighbours among twelve are 10 to 15 apart.
        assert np.linalg.norm(lab(one) - lab(other)) > 50
    assert len(set(many.values())) == 12
