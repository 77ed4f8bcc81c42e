"""What the report says of a graph network: as much as the numbers support, and no more."""

from copy import deepcopy
from typing import Any

import pytest
from lxml import etree

from exafscn_flows.report import explanation_figures
from exafscn_flows.report.explanation import attention_sentences, neuron_sentences

SHARES = ("absorber", "element", "distance", "element_distance", "element_distance_absorber")
ATTENTION: dict[str, Any] = {
    "n_sites": 1200,
    "n_neighbours": 40_000,
    "distance": [0.0, 0.25, 0.5, 0.75],
    "curve": [None, 1.4, 0.9, 0.7],
    "elements": [
        {"element": "O", "n": 30_000, "mean": 0.8, "curve": [None, 1.4, 0.7, None]},
        {"element": "P", "n": 9_000, "mean": 1.9, "curve": [None, None, 2.0, 1.8]},
        {"element": "Ti", "n": 900, "mean": 1.2},
        {"element": "W", "n": 99, "mean": 5.0},
    ],
    "itself": 1.31,
    "spread": 0.43,
    "explained": dict(zip(SHARES, (0.0, 0.61, 0.23, 0.64, 0.71), strict=True)),
    "untrained": {
        "curve": [None, 1.1, 1.0, 1.0],
        "spread": [0.07, 0.08],
        "explained": [
            dict(zip(SHARES, (0.0, 0.55, 0.23, one, 0.72), strict=True)) for one in (0.66, 0.60)
        ],
    },
    "left_out": {"n_sites": 60, "attention": 0.34, "near": 0.82},
}
HEADS: dict[str, Any] = {
    "n_sites": 900,
    "distance": [0.0, 0.25, 0.5, 0.75],
    "even": 3.72,
    "layers": [
        [
            {"r": 3.1, "element": 0.7, "distance": -0.01, "curve": [None, 1.5, 1.0, 0.5]},
            {"r": 4.2, "element": 0.2, "distance": 0.3, "curve": [None, 0.5, 1.0, 1.5]},
        ],
        [
            {"r": 3.6, "element": 0.4, "distance": None, "curve": [None, 1.0, 1.0, 1.0]},
            {"r": 3.7, "element": 0.3, "distance": 0.1, "curve": [None, 1.0, 1.0, 1.0]},
        ],
    ],
    "untrained": [3.66, 3.75],
}
METALS = ["Co", "Fe", "Ni", "Cu"]
NEURONS: dict[str, Any] = {
    "absorbers": METALS,
    "n_sites": [5, 5, 5, 5],
    "n_neurons": 3,
    "means": [[1.0, 0.0, -1.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [-1.5, -0.5, 0.0]],
    "distance": [[abs(i - j) for j in range(4)] for i in range(4)],
    "own": {
        "explained": 0.255,
        "similarity": [[1 - abs(i - j) / 3 for j in range(4)] for i in range(4)],
    },
    "shuffled": 0.0097,
    "exchanged": {
        "explained": 0.123,
        "similarity": [[1, 0.5, 0, 0], [0.5, 1, 0.2, 0], [0, 0.2, 1, -0.4], [0, 0, -0.4, 1]],
    },
    "untrained": [{"explained": 0.4, "rho": one, "p": 0.7} for one in (0.12, -0.3)],
}


def attention(**changes: Any) -> str:
    return " ".join(attention_sentences(ATTENTION | changes))


def neurons(own: tuple[float | None, ...], exchanged: tuple[float | None, ...]) -> str:
    found = deepcopy(NEURONS)
    for name, (rho, p) in (("own", own), ("exchanged", exchanged)):
        found[name] |= {"rho": rho, "p": p}
    return " ".join(neuron_sentences(found))


def test_every_sentence_on_attention_has_its_numbers() -> None:
    text = attention()
    for words in (
        "Of 40,000 neighbours of 1,200 sites, 1 is an even look",
        "over the neighbours is 0.43; of networks with their first weights, 0.07 and 0.08",
        "most at P (1.90), and least at O (0.80)",
        "most from 0.25 to 0.50 Å (1.40), and least from 0.75 to 1.00 Å (0.70)",
        "explains 61.0 %, its distance 23.0 %, both together 64.0 %",
        "In 2 networks with their first weights, element and distance explain 60.0 and 66.0 %",
    ):
        assert words in text
    assert "W (" not in text  # of too few


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.61, "that element and distance explain so much is no sign of learning"),
        (0.67, "what was learned depends more on element and distance"),
        (0.59, "what was learned depends on more than element and distance"),
    ],
)
def test_what_untrained_networks_show_was_not_learned(share: float, words: str) -> None:
    assert words in attention(explained=ATTENTION["explained"] | {"element_distance": share})


def test_attention_is_called_what_leaving_atoms_out_makes_of_it() -> None:
    assert "correlation of 0.34 with the attention, and of 0.82 with how near" in attention()
    assert "does not tell by itself what an answer rests on" in attention()
    other = attention(left_out={"n_sites": 60, "attention": 0.8, "near": 0.3})
    assert "attention tells more of it than distance does" in other
    assert "left out" not in attention(left_out=None)


def test_heads_have_their_numbers_where_a_version_of_the_model_has_them() -> None:
    text = attention(heads=HEADS)
    for words in (
        "at 900 sites, the mean distance that is looked at is, layer 1: 3.10, 4.20 Å; layer 2: 3.6",
        "An even look has 3.72 Å, and heads with their first weights have 3.66 to 3.75 Å.",
        "the distance of the neighbour explains most in head 2 of layer 1 (30.0 %), and least in "
        "head 1 of layer 1 (−1.0 %)",
        "the element of the neighbour explains most in head 1 of layer 1 (70.0 %), and least in "
        "head 2 of layer 1 (20.0 %)",
    ):
        assert words in text
    assert "ead " not in attention()


@pytest.mark.parametrize(
    ("own", "exchanged", "words"),
    [
        ((-0.6, 0.01), (-0.5, 0.04), "share more of their neurons, in their own sites and in the"),
        ((-0.6, 0.01), (-0.2, 0.30), "neurons in their own sites; in the same ones, it cannot be"),
        # Networks that have learned nothing do as well.
        ((-0.6, 0.01), (-0.3, 0.01), "neurons in their own sites; in the same ones, it cannot be"),
        ((-0.1, 0.40), (-0.6, 0.01), "neurons in the same sites; in their own, it cannot be told"),
        ((-0.1, 0.40), (0.2, 0.60), "So it cannot be told whether neighbours"),
        ((None, None), (None, None), "cannot be told from 4 absorbers: it takes four"),
    ],
)
def test_neighbours_share_neurons_only_where_chance_hardly_does(
    own: tuple[float | None, ...], exchanged: tuple[float | None, ...], words: str
) -> None:
    text = neurons(own, exchanged)
    assert words in text
    for numbers in (
        "explains 25.5 % of the variance of the responses of 3 neurons",
        "at random explain 1.0 %",
        "same sites, it is 12.3 %, and in networks with their first weights 40.0 and 40.0 %",
    ):
        assert numbers in text
    if own[0] is None:
        assert "rank" not in text
        return
    assert f"rank correlation of {own[0]:.2f} with".replace("-", "−") in text
    assert "first weights of 0.12 and −0.30." in text
    assert (
        "most alike of those that are next to each other are Co and Fe (0.50) and the least "
        in text
    )
    assert "alike Ni and Cu (−0.40)" in text


def test_figures_are_drawn_of_whatever_there_is() -> None:
    none = {"curve": [None] * 4, "elements": [], "explained": dict.fromkeys(SHARES)}
    for numbers in (ATTENTION, ATTENTION | none):
        for draw in ("distance", "elements", "variance"):
            etree.fromstring(getattr(explanation_figures, draw)(numbers).encode())
    drawn = explanation_figures.heads(HEADS)
    etree.fromstring(drawn.encode())
    assert all(words in drawn for words in ("Layer 1", "Layer 2", "head 1", "head 2"))
    two = NEURONS | {
        "absorbers": METALS[:2],
        "means": [one[:1] for one in NEURONS["means"][:2]],
    }
    for numbers in (NEURONS, two):
        for draw in ("responses", "similarity"):
            svg = getattr(explanation_figures, draw)(numbers)
            etree.fromstring(svg.encode())
            assert "Co" in svg
    assert "Cu" not in svg
