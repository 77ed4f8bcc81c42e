import itertools

import numpy as np
import pytest
from crystals import cesium_chloride, cuprite, fcc, rock_salt, zinc_blende

from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets import Environment
from exafscn_flows.targets.geometry import GEOMETRIES, _polyhedra, symmetry_measures
from exafscn_flows.targets.surroundings import Surroundings

FORMS = [
    (cn, name, form) for cn, names in GEOMETRIES.items() for name in names for form in names[name]
]


def somehow(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Rotate, stretch and reorder."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return rng.uniform(1.8, 2.4, (len(vectors), 1)) * rng.permutation(vectors @ rotation)


@pytest.mark.parametrize(("cn", "name", "form"), FORMS, ids=lambda one: str(one))
def test_every_polyhedron_is_found_also_where_it_is_distorted(cn, name, form):
    corners = _polyhedra()[form]
    assert corners.shape == (cn, 3)
    assert symmetry_measures(somehow(corners, 1))[name] == pytest.approx(0, abs=1e-3)
    moved = corners + np.random.default_rng(cn).normal(0, 0.04, corners.shape)
    measures = symmetry_measures(somehow(moved, 2))
    assert min(measures, key=lambda one: measures[one]) == name
    assert 0 < measures[name] < 2


def test_a_square_is_a_third_from_a_tetrahedron():
    # Pinsky and Avnir, Inorg. Chem. 37 (1998) 5575: 33.3.
    square = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
    assert symmetry_measures(square)["tetrahedron"] == pytest.approx(100 / 3, abs=1e-3)


@pytest.mark.parametrize("seed", [0, 18, 19, 28])
def test_the_measure_of_many_neighbours_is_the_best_of_all_orders(seed):
    # Seven have 5040 orders, which are too many for a campaign, but not for a test.
    rng = np.random.default_rng(seed)
    orders = np.array(list(itertools.permutations(range(7))))
    names = list(GEOMETRIES[7])
    directions = _polyhedra()[GEOMETRIES[7][names[seed % 3]][0]] + rng.normal(0, 0.25, (7, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    expected = {}
    for name in names:
        corners = _polyhedra()[GEOMETRIES[7][name][0]]
        products = np.swapaxes(corners[orders], 1, 2) @ directions
        overlap = np.linalg.svd(products, compute_uv=False).sum(axis=1).max()
        expected[name] = 100 * (1 - (overlap / 7) ** 2)
    best = min(expected, key=lambda name: expected[name])
    assert symmetry_measures(directions)[best] == pytest.approx(expected[best], abs=1e-3)


@pytest.mark.parametrize(
    ("structure", "value"),
    [
        (rock_salt("Ni", "O", 4.18), "octahedron"),
        (zinc_blende("Zn", "S", 5.41), "tetrahedron"),
        (cuprite(), "linear"),
        (fcc("Cu", 3.615), "cuboctahedron"),
        (cesium_chloride("Cu", "Zn", 2.95), "cube"),
    ],
)
def test_textbook_environments(structure, value):
    label = Environment().label_site(Surroundings(structure), 0)
    assert label.value == value
    assert label.details["measure"] == pytest.approx(0, abs=1e-3)
    assert label.details["measure"] < label.details["second"]


def test_numbers_without_a_polyhedron_are_named_by_themselves():
    # Of the 14 neighbours that CrystalNN counts in part.
    label = Environment().label_site(Surroundings(cesium_chloride("Cu", "Zn", 2.95)), 0)
    assert set(label.weights) == {"cube", "cn_14"}


def test_neighbours_on_one_side_are_no_polyhedron():
    found = Surroundings(rock_salt("Ni", "O", 4.18))
    shell = found.coordination(0).shell
    shell[:6] = [[2, 0, z / 10] for z in range(6)]
    assert Environment().label_site(found, 0).value == "cn_6"


def test_reduced_environments_are_t4_s5_o6_and_no_others():
    target = Environment(geometry="reduced")
    assert target.name == "environment_reduced"
    values = [
        target.label_site(Surroundings(structure), 0).value
        for structure in (zinc_blende("Zn", "S", 5.41), rock_salt("Ni", "O", 4.18))
    ]
    assert values == ["T4", "O6"]
    with pytest.raises(ItemFailure, match="2 neighbours") as info:
        target.label_site(Surroundings(cuprite()), 0)
    assert info.value.kind == "other_environment"


def test_the_geometry_is_part_of_what_a_label_is_made_of():
    full, reduced = (
        Environment(geometry=one).parameters(averaged=False) for one in ("full", "reduced")
    )
    assert full != reduced
