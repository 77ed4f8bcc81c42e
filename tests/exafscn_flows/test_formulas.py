import pytest
from pymatgen.core import Lattice, Structure

from exafscn_flows.crystal import reduce_structure
from exafscn_flows.formulas import reduced_formula


def test_formulas_are_those_that_structures_are_stored_with():
    spinel = Structure.from_spacegroup(
        "Fd-3m",
        Lattice.cubic(8.44),
        ["Zn", "Fe", "O"],
        [[0, 0, 0], [0.625, 0.625, 0.625], [0.3854, 0.3854, 0.3854]],
    )
    stored = reduce_structure(spinel, 0.01).formula
    ways = ("ZnFe2O4", "Fe2ZnO4", "Zn(FeO2)2", "Zn Fe2 O4", "Zn2Fe4O8", "ZnFe₂O₄", "ZnO·Fe2O3")
    assert {reduced_formula(way) for way in (*ways, stored)} == {stored}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("O", "O2"),
        ("LiO", "Li2O2"),
        ("CuSO4·5H2O", reduced_formula("CuSO4(H2O)5")),
        ("CuSO4 * 5 H2O", reduced_formula("CuSH10O9")),
        ("[Ca{Cd2}]3", "CaCd2"),
        ("Co", "Co"),
        ("CO", "CO"),
        ("C O", "CO"),
        ("D2O", "H2O"),
    ],
)
def test_formulas_are_read_as_chemists_write_them(written, expected):
    assert reduced_formula(written) == expected


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "an element is missing"),
        ("Fe·", "an element is missing"),
        ("7", "an element is missing"),
        ("Xx2O3", "'Xx' is not an element symbol"),
        ("cuo", "'c' has no meaning"),
        ("C o", "'o' has no meaning"),
        ("Fe2+", "'\\+' has no meaning"),
        ("Fe0O", "'0' has no meaning"),
        # Oxygen 4.5 and H2O, or five H2O.
        ("CuSO4.5H2O", "'\\.' has no meaning"),
        ("Fe2 3", "an amount is a whole number"),
        ("Fe" + "9" * 400, "an amount is a whole number|more than 200 characters"),
        ("Fe(OH", "brackets"),
        ("Fe)2", "brackets"),
        ("Fe()2", "brackets"),
        ("$where", "has no meaning"),
        ("(" * 199, "an element is missing"),
        ("(" * 100 + "Fe" + ")" * 99, "more than 200|brackets"),
    ],
)
def test_what_is_no_formula_is_refused(written, why):
    with pytest.raises(ValueError, match=why) as refusal:
        reduced_formula(written)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 250
