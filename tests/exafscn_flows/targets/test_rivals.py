import warnings

import pytest
from crystals import cesium_chloride, fcc, rock_salt, spinel, zinc_blende
from pydantic import ValidationError
from pymatgen.core import Lattice, Structure

from exafscn_flows.crystal import absorbing_sites, as_written
from exafscn_flows.targets import CoordinationNumber
from exafscn_flows.targets.averaged import average
from exafscn_flows.targets.base import Label
from exafscn_flows.targets.crystal_nn import coordination
from exafscn_flows.targets.rivals import rival_cns
from exafscn_flows.targets.surroundings import Surroundings

METHODS = ["brunner_nn", "minimum_distance_nn", "voronoi_nn"]
BCC = cesium_chloride("Fe", "Fe", 2.866)
SPINEL = spinel(8.084, 0.2631, "Co", "Co")


def of_first(structure, methods=METHODS):
    return rival_cns(structure, 0, methods)


@pytest.mark.parametrize(
    ("structure", "brunner", "minimum_distance", "voronoi"),
    [
        pytest.param(rock_salt("Ni", "O", 4.18), 6, 6, 6, id="rock salt"),
        # The polyhedron has 4 hexagons towards S and 12 small triangles towards Zn.
        pytest.param(zinc_blende("Zn", "S", 5.41), 4, 4, 16, id="zinc blende"),
        pytest.param(fcc("Cu", 3.615), 12, 12, 12, id="fcc"),
        # The second shell of 6 is 15 % farther than the first of 8, the third another 41 %.
        pytest.param(BCC, 14, 8, 14, id="bcc"),
        pytest.param(cesium_chloride("Cu", "Zn", 2.95), 14, 8, 14, id="CsCl type"),
    ],
)
def test_textbook_coordination(structure, brunner, minimum_distance, voronoi):
    assert of_first(structure) == {
        "brunner_nn": brunner,
        "minimum_distance_nn": minimum_distance,
        "voronoi_nn": voronoi,
    }


def test_minimum_distance_takes_what_is_less_than_a_tenth_farther():
    for ratio, cn in ((1.09, 6), (1.11, 4)):
        stretched = Structure(Lattice.tetragonal(4, 4 * ratio), ["Po"], [[0, 0, 0]])
        assert of_first(stretched, ["minimum_distance_nn"]) == {"minimum_distance_nn": cn}


def test_brunner_ends_at_the_largest_gap_of_reciprocal_distances():
    # 2 atoms at 3 Å, 4 at a, 8 at the diagonal: with a of 4 Å 1/d falls by 0.083 and 0.050 1/Å,
    # with 3.3 Å by 0.030 and 0.079 1/Å.
    for a, cn in ((4.0, 2), (3.3, 6)):
        chains = Structure(Lattice.tetragonal(a, 3.0), ["Po"], [[0, 0, 0]])
        assert of_first(chains, ["brunner_nn"]) == {"brunner_nn": cn}


def test_mean_over_sites_is_weighted_by_multiplicity():
    cell = SPINEL.get_primitive_structure()
    sites = absorbing_sites(as_written(cell, 0.01), "Co")
    assert sorted(site.multiplicity for site in sites) == [2, 4]
    target = CoordinationNumber(rivals=["minimum_distance_nn"], mode="averaged")
    details = target.label(Surroundings(cell), sites).details
    assert details["minimum_distance_nn"] == pytest.approx((2 * 4 + 4 * 6) / 6, abs=1e-4)


def test_method_that_fails_gives_none_and_leaves_the_others():
    # Sheets 12 Å apart, atoms 9 Å apart within them: Brunner's method looks as far as 8 Å.
    sparse = Structure(Lattice.tetragonal(9, 12), ["Cs"], [[0, 0, 0]])
    assert of_first(sparse) == {"brunner_nn": None, "minimum_distance_nn": 4, "voronoi_nn": 6}
    # So for a mean: without one of its sites it would be that of the others.
    triangle = [[0, 0, 0], [0.1, 0, 0], [0.05, 0.0866, 0]]
    apart = Structure(Lattice.cubic(40), ["Cs"] * 4, [*triangle, [0.5, 0.5, 0.5]])
    assert rival_cns(apart, 0, ["minimum_distance_nn"]) == {"minimum_distance_nn": 2}
    assert rival_cns(apart, 3, ["minimum_distance_nn"]) == {"minimum_distance_nn": None}
    labels = [Label(2, details={"minimum_distance_nn": cn}) for cn in (2.0, None)]
    mean = average(CoordinationNumber(), labels, [3, 1])
    assert mean.details == {"minimum_distance_nn": None}


def test_polyhedron_across_a_wide_gap_is_given_up():
    def sheet(gap):
        return Structure(Lattice.tetragonal(3, gap), ["Cu"], [[0, 0, 0]])

    # Four neighbours in the sheet and one above and below, however far.
    assert of_first(sheet(30), ["voronoi_nn"]) == {"voronoi_nn": 6}
    assert of_first(sheet(60), ["voronoi_nn"]) == {"voronoi_nn": None}
    # No site's answer depends on those before it.
    assert of_first(sheet(30), ["voronoi_nn"]) == {"voronoi_nn": 6}


def test_rivals_warn_nobody_and_give_plain_numbers():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = of_first(SPINEL)
    assert {type(cn) for cn in found.values()} == {float}


def test_asking_for_rivals_changes_what_a_label_is_made_of():
    plain = CoordinationNumber().parameters(averaged=False)
    some = CoordinationNumber(rivals=["voronoi_nn", "brunner_nn"])
    assert some.parameters(averaged=False) == {**plain, "rivals": ["brunner_nn", "voronoi_nn"]}
    # Their order means nothing.
    other = CoordinationNumber(rivals=["brunner_nn", "voronoi_nn"])
    assert other.parameters(averaged=False) == some.parameters(averaged=False)


def test_rivals_stand_beside_the_label():
    label = CoordinationNumber(rivals=["voronoi_nn"]).label_site(Surroundings(BCC), 0)
    assert (label.value, label.details["voronoi_nn"]) == (8, 14)


@pytest.mark.parametrize(
    ("rivals", "message"),
    [
        (["voronoi_nn", "voronoi_nn"], "listed twice"),
        (["econ_nn"], "'voronoi_nn', 'minimum_distance_nn' or 'brunner_nn'"),
    ],
)
def test_settings_refuse_a_method_twice_and_unknown_ones(rivals, message):
    with pytest.raises(ValidationError, match=message):
        CoordinationNumber(rivals=rivals)


def test_uncertain_label_is_where_methods_differ():
    label = coordination(BCC, 0)
    assert label.cn == 8
    assert set(label.cn_weights) == {f"{cn:g}" for cn in of_first(BCC).values()}
