"""What the figures of predictions beside labels say, read from their SVG."""

import numpy as np
from lxml import etree

from exafscn_flows.report.quality_figures import MOST_POINTS, calibration, parity
from exafscn_flows.report.views import view_of

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in etree.fromstring(svg.encode()).iter(f"{SVG}text")]


def n_uses(svg: str) -> int:
    """Marks that are drawn again and again, as points and hexagons are."""
    return sum(1 for _ in etree.fromstring(svg.encode()).iter(f"{SVG}use"))


def test_parity_has_a_point_for_each_site_and_the_unit():
    label = np.linspace(1.9, 2.3, 300)
    svg = parity(label, label + 0.01, "bond length", "Å")
    assert {"Label, bond length (Å)", "Prediction, bond length (Å)"} <= set(texts(svg))
    assert n_uses(svg) > 300  # and the ticks
    assert "Label, charge" in texts(parity(label, label, "charge", ""))


def test_parity_of_many_sites_is_a_density_that_stays_small():
    random = np.random.default_rng(0)
    label = random.normal(2.0, 0.1, 20 * MOST_POINTS)
    svg = parity(label, label + 0.02 * random.standard_normal(len(label)), "bond length", "Å")
    assert len(svg) < 400_000
    assert len(parity(label[:MOST_POINTS], label[:MOST_POINTS], "d", "Å")) < 400_000


def test_parity_of_equal_labels_can_be_drawn():
    assert texts(parity(np.full(5, 2.0), np.full(5, 2.0), "bond length", "Å"))


def test_calibration_has_a_panel_per_absorber_in_the_measure_of_the_target(model, numbers_model):
    classes = texts(calibration([model("Cu"), model("Fe")], view_of("classes"), "neighbours"))
    assert {"Cu", "Fe", "Probability of the predicted class (%)", "Predicted right (%)"} <= set(
        classes
    )
    numbers = texts(calibration([numbers_model("Zn")], view_of("numbers"), "Å"))
    assert {"Zn", "Expected error (Å)", "Mean |prediction − label| (Å)"} <= set(numbers)
    assert "Cu" not in numbers
