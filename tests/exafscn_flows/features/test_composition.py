"""Shares of the elements."""

import numpy as np
import pytest
from crystals import rock_salt
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import Composition, Concatenation, FeatureSettings, Inputs

LARCH = FeatureSettings()


def shares(structure: Structure) -> np.ndarray:
    return Composition().vector(Inputs({}, structure), LARCH)


def test_shares_are_those_of_the_formula_whatever_the_cell() -> None:
    nio = rock_salt("Ni", "O", 4.178)
    found = shares(nio)
    assert found.shape == (99,)
    assert np.flatnonzero(found).tolist() == [7, 27]
    assert found[7] == found[27] == 0.5
    np.testing.assert_array_equal(found, shares(nio.get_primitive_structure() * (1, 2, 1)))
    axis, label = Composition().axis(LARCH)
    assert (axis[27], label) == (28, "atomic number")


def test_order_of_atoms_and_charges_do_not_matter() -> None:
    lattice = Lattice.cubic(4)
    places = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0]]
    plain = shares(Structure(lattice, ["Cu", "O", "O"], places))
    charged = shares(Structure(lattice, ["O2-", "Cu2+", "O2-"], places))
    np.testing.assert_array_equal(plain, charged)
    assert plain.sum() == pytest.approx(1)


def test_what_has_no_shares_is_refused() -> None:
    with pytest.raises(ItemFailure, match="not known") as caught:
        Composition().vector(Inputs({}), LARCH)
    assert caught.value.kind == "no_structure"
    with pytest.raises(ItemFailure, match="100 is beyond Es") as caught:
        shares(Structure(Lattice.cubic(4), ["Fm"], [[0, 0, 0]]))
    assert caught.value.kind == "unknown_element"


def test_it_stands_beside_a_spectrum_in_a_concatenation() -> None:
    both = Concatenation(parts=[{"kind": "k_space"}, {"kind": "composition"}])
    assert both.takes_structure
    assert both.name == "k_space+composition"
    assert both.columns(LARCH).span("composition") == (181, 280)
