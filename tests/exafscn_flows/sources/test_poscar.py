"""POSCARs as VASP takes them; every one of these is rock salt, a = 4.18 Å, or refused."""

import numpy as np
import pytest
from pymatgen.core import Structure

from exafscn_flows.crystal import reduce_structure
from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.poscar import parse_poscar
from exafscn_flows.targets.crystal_nn import coordination

HEAD = "NiO, #1\n1.0\n0.0 2.09 2.09\n2.09 0.0 2.09\n2.09 2.09 0.0\n"
ROCK_SALT = f"{HEAD}Ni O\n1 1\nDirect\n0.0 0.0 0.0\n0.5 0.5 0.5\n"
UNIT = """NiO
SCALE
1 0 0
0 1 0
0 0 1
Ni O
4 4
Cartesian
0.0 0.0 0.0
0.0 0.5 0.5
0.5 0.0 0.5
0.5 0.5 0.0
0.5 0.0 0.0
0.5 0.5 0.5
0.0 0.0 0.5
0.0 0.5 0.0
"""
VOLUME = 4.18**3


def parse(text: str) -> Structure:
    return parse_poscar(text.encode(), "POSCAR")


def changed(*changes: tuple[str, str]) -> str:
    text = ROCK_SALT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize(
    "text",
    [
        ROCK_SALT,
        UNIT.replace("SCALE", "4.18"),
        UNIT.replace("SCALE", f"-{VOLUME:.8f}"),
        UNIT.replace("SCALE", f"-{VOLUME:.8f}").replace("Cartesian", "Direct"),
        UNIT.replace("SCALE", "4.18 4.18 4.18"),
        UNIT.replace("SCALE", "2.09 4.18 8.36")
        .replace("1 0 0", "2 0 0")
        .replace("0 0 1", "0 0 .5")
        .replace("0.0 0.5 0.5", "0.0 0.5 0.25")
        .replace("0.5 0.0 0.5", "1.0 0.0 0.25")
        .replace("0.5 0.5 0.0", "1.0 0.5 0.0")
        .replace("\n0.5 0.0 0.0", "\n1.0 0.0 0.0")
        .replace("0.5 0.5 0.5", "1.0 0.5 0.25")
        .replace("0.0 0.0 0.5", "0.0 0.0 0.25"),
        UNIT.replace("SCALE", "4.18").replace("Cartesian", "k"),
        changed(("1.0\n", "1.0 ! in Å\n")),
        changed(("1.0\n", "  1.0d0\n")),
        changed(("1.0\n", "0.1D+1\n")),
        changed(("1.0\n", "1.0 a comment\n"), ("2.09 0.0\n", "2.09 0.0 ! c\n")),
        changed(("Ni O\n", "Ni_pv O_s/9a1b\n")),
        changed(("Ni O\n", "Ni/0f9e O/ab12 # POTCAR\n")),
        changed(("1 1\n", "1 1 ! two\n")),
        changed(("Ni O\n1 1\n", "Ni\nO\n1\n1\n")),
        changed(("Ni O\n1 1\n", "Ni O Ni\n1 1 0\n")),
        changed(("Direct\n", "Selective dynamics\n  direct\n"), ("0.0\n0.5", "0.0 T F T\n0.5")),
        changed(("0.5 0.5 0.5\n", "0.5, 0.5, 0.5\n")),
        changed(("0.5 0.5 0.5\n", "0.500000-0.500000-0.500000\n")),
        changed(("0.5 0.5 0.5\n", "0.5 0.5 0.5 O2-\n")),
        changed(("0.0 0.0 0.0\n", "0.0 5.99522-105 0.0\n")),
        changed(("Ni O\n", ""), ("0.0\n0.5", "0.0 Ni\n0.5"), ("0.5\n", "0.5 O\n")),
        ROCK_SALT + "\n0.1 0.1 0.1\n0.2 0.2 0.2\n",
        ROCK_SALT + "Lattice velocities and vectors\n  1\n 0.1 0.1 0.1\n",
        ROCK_SALT.replace("\n", "\r\n"),
        ROCK_SALT.replace("\n", "\r"),
        ROCK_SALT.replace("NiO, #1", ""),
        ROCK_SALT.rstrip(),
    ],
)
def test_what_vasp_takes_is_rock_salt(text):
    reduced = reduce_structure(parse(text), 0.01)
    assert (reduced.formula, reduced.spacegroup) == ("NiO", "Fm-3m")
    for site in range(2):
        label = coordination(reduced.structure, site)
        assert label.cn == 6
        assert label.bond_length == pytest.approx(2.09, abs=1e-4)


def test_the_order_of_sites_is_that_of_the_file():
    structure = parse(UNIT.replace("SCALE", "-8"))
    assert [site.specie.symbol for site in structure] == ["Ni"] * 4 + ["O"] * 4
    np.testing.assert_allclose(structure.cart_coords[1], [0, 1, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (changed(("1.0\n", "0.0\n")), "line 2"),
        (changed(("1.0\n", "one\n")), "line 2"),
        (changed(("1.0\n", "1.0 1.0\n")), "line 2"),
        (changed(("1.0\n", "1.0 -1.0 1.0\n")), "line 2"),
        (changed(("1.0\n", "1d999\n")), "line 2 holds a number that is too large"),
        (changed(("2.09 0.0\n", "2.09\n")), "line 5 holds 2 numbers"),
        (changed(("2.09 0.0\n", "2.09 0.0 1.0\n")), "line 5 holds 4 numbers"),
        (changed(("2.09 2.09 0.0\n", "2.09 0.0 2.09\n")), "in a plane"),
        (changed(("Ni O\n", "Ni O Li\n")), "names 3 elements and has 2 counts"),
        (changed(("Ni O\n", "Ni\n")), "names 1 elements and has 2 counts"),
        (changed(("Ni O\n", "NI O\n")), "NI is neither an element nor a count"),
        (changed(("Ni O\n", "NiO\n")), "NiO is neither"),
        (changed(("Ni O\n", "\n")), "0 counts"),
        (changed(("Ni O\n", "")), "VASP 4"),
        (changed(("1 1\n", "1 1.5\n")), "has 1 counts"),
        (changed(("1 1\n", "0 0\n")), "counts 0 atoms"),
        (changed(("1 1\n", "2 1\n")), "counts 3 atoms and has 2 lines"),
        (changed(("1 1\n", "1 0\n")), "counts 1 atoms and has coordinates of more"),
        (changed(("1 1\n", "999999999 1\n")), "counts 1000000000 atoms"),
        (changed(("Direct\n", "")), "neither Direct nor Cartesian"),
        (changed(("Direct\n", "Angstrom\n")), "neither Direct nor Cartesian"),
        (changed(("0.5 0.5 0.5\n", "0.5 0.5\n")), "line 10 holds 2 numbers"),
        (changed(("0.5 0.5 0.5\n", "0.5 1/2 0.5\n")), "line 10 holds 1 numbers"),
        (changed(("0.5 0.5 0.5\n", "0.5 0.5 NaN\n")), "line 10 holds 2 numbers"),
        (changed(("0.0 0.0\n0.5", "0.0 0.0\n\n0.5")), "line 10 holds 0 numbers"),
        (changed(("0.0\n0.5", "0.0 O\n0.5"), ("0.5\n", "0.5 Ni\n")), "atom 1 is Ni by its counts"),
        (
            changed(("Ni O\n1 1\n", "2\n"), ("0.0\n0.5", "0.0 Ni\n0.5"), ("0.5\n", "0.5 O\n")),
            "atom 2 is Ni by its counts and O in its line",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(text, cause):
    with pytest.raises(ItemFailure) as error:
        parse(text)
    assert error.value.kind == "unreadable"
    assert cause in error.value.message
    assert error.value.message.startswith("POSCAR: not a POSCAR: ")
    assert "\n" not in error.value.message
