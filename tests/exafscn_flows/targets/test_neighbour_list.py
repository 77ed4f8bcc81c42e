"""The atoms around a site, nearest first."""

import pytest
from crystals import rock_salt
from pymatgen.core import Lattice, Structure

from exafscn_flows.targets.crystal_nn import coordination
from exafscn_flows.targets.neighbour_list import neighbour_list


def test_rock_salt_has_six_neighbours_at_half_the_lattice_constant():
    found = neighbour_list(rock_salt("Ni", "O", 4.18), 0)
    counted = [one for one in found if one.counted]
    assert [one.element for one in counted] == ["O"] * 6
    assert [one.distance for one in counted] == pytest.approx([2.09] * 6)


def test_counted_are_those_of_the_coordination_number_and_the_rest_is_further_away():
    # CuO, tenorite: four O at 1.95 to 1.96 Å, and two at 2.78 Å that some count.
    lattice = Lattice.monoclinic(4.6837, 3.4226, 5.1288, 99.54)
    tenorite = Structure.from_spacegroup(
        "C2/c", lattice, ["Cu", "O"], [[0.25, 0.25, 0], [0, 0.4184, 0.25]]
    )
    found = neighbour_list(tenorite, 0)
    counted = [one.distance for one in found if one.counted]
    assert len(counted) == coordination(tenorite, 0).cn == 4
    assert counted == pytest.approx([1.951, 1.951, 1.961, 1.961], abs=0.002)
    distances = [one.distance for one in found]
    assert distances == sorted(distances)
    assert len(found) == max(map(int, coordination(tenorite, 0).cn_weights))
