"""CIFs whose content is known: what is read is what the file says, or it is refused."""

from collections.abc import Sequence

import pytest
from pymatgen.core import Structure

from exafscn_flows.crystal import reduce_structure
from exafscn_flows.errors import ItemFailure
from exafscn_flows.labels.crystal_nn import label_site
from exafscn_flows.sources.cif import parse_cif

Cell = tuple[float, float, float, float, float, float]
Atoms = Sequence[tuple[str, float, float, float]]

TENORITE = (4.6837, 3.4226, 5.1288, 90, 99.54, 90)
CUO = [("Cu", 0.25, 0.25, 0), ("O", 0, 0.4184, 0.25)]
ZRO2 = [("Zr", 0.2754, 0.0395, 0.2083), ("O", 0.07, 0.3317, 0.3447), ("O", 0.4496, 0.7569, 0.4792)]
CUBIC = 90.0, 90.0, 90.0
NIO = [("Ni", 0, 0, 0), ("O", 0.5, 0.5, 0.5)]
NIO_CELL = (4.18, 4.18, 4.18, *CUBIC)
NIO_ALL = [
    *[("Ni", 0, 0, 0), ("Ni", 0, 0.5, 0.5), ("Ni", 0.5, 0, 0.5), ("Ni", 0.5, 0.5, 0)],
    *[("O", 0.5, 0, 0), ("O", 0.5, 0.5, 0.5), ("O", 0, 0, 0.5), ("O", 0, 0.5, 0)],
]
MAGNETITE = (8.394, 8.394, 8.394, *CUBIC)
SPINEL_1 = [("Fe", 0, 0, 0), ("Fe", 0.625, 0.625, 0.625), ("O", 0.3799, 0.3799, 0.3799)]
SPINEL_2 = [("Fe", 0.125, 0.125, 0.125), ("Fe", 0.5, 0.5, 0.5), ("O", 0.2549, 0.2549, 0.2549)]
GARNET = (11.845, 11.845, 11.845, *CUBIC)
GROSSULAR = [
    *[("Ca", 0.125, 0, 0.25), ("Al", 0, 0, 0), ("Si", 0.375, 0, 0.25)],
    ("O", 0.0381, 0.0449, 0.6514),
]
RUTILE = (4.594, 4.594, 2.959, *CUBIC), [("Ti", 0, 0, 0), ("O", 0.3053, 0.3053, 0)]
HEMATITE = (5.0356, 5.0356, 13.7489, 90, 90, 120), [("Fe", 0, 0, 0.3553), ("O", 0.3059, 0, 0.25)]
HEMATITE_R = (
    (5.4273, 5.4273, 5.4273, 55.2795, 55.2795, 55.2795),
    [("Fe", 0.3553, 0.3553, 0.3553), ("O", 0.25, 0.5559, 0.9441)],
)
LAFEO3 = [
    *[("La", 0.995, 0.03, 0.25), ("Fe", 0.5, 0, 0)],
    *[("O", 0.075, 0.487, 0.25), ("O", 0.72, 0.28, 0.04)],
]
SILICON = (5.431, 5.431, 5.431, *CUBIC)

ONLY_XYZ = "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'"
_AXES = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")


def cif(
    cell: Cell,
    atoms: Atoms | str,
    *statements: str,
    columns: str = "label fract_x fract_y fract_z",
) -> str:
    """Write a CIF; atoms are tuples, or lines with the columns that are named."""
    if not isinstance(atoms, str):
        lines = [f"{e}{i} {x} {y} {z}" for i, (e, x, y, z) in enumerate(atoms, 1)]
        atoms = "\n".join(lines)
    sizes = [f"_cell_{axis} {size}" for axis, size in zip(_AXES, cell, strict=True)]
    heads = [f"_atom_site_{column}" for column in columns.split()]
    return "\n".join(["data_x", *statements, *sizes, "loop_", *heads, atoms, ""])


def name(text: str) -> str:
    return f"_symmetry_space_group_name_H-M '{text}'"


def operators(text: str) -> str:
    return "\n".join(["loop_", "_space_group_symop_operation_xyz", *text.split()])


def formula(text: str, z: int | None = None) -> str:
    units = "" if z is None else f"\n_cell_formula_units_Z {z}"
    return f"_chemical_formula_sum '{text}'{units}"


def read(text: str | bytes) -> Structure:
    return parse_cif(text if isinstance(text, bytes) else text.encode(), "a.cif")


def neighbours(text: str | bytes, absorber: str) -> set[tuple[int, float]]:
    """CN and mean bond length of all inequivalent sites of an element."""
    reduced = reduce_structure(read(text), 0.01)
    labels = [
        label_site(reduced.structure, index)
        for index in set(reduced.equivalent)
        if reduced.structure[index].specie.symbol == absorber
    ]
    return {(label.cn, round(label.bond_length, 2)) for label in labels}


def refused(text: str | bytes) -> ItemFailure:
    with pytest.raises(ItemFailure) as info:
        read(text)
    assert info.value.message.startswith("a.cif: ")
    assert "\n" not in info.value.message
    assert len(info.value.message) < 200
    assert info.value.hint
    return info.value


@pytest.mark.parametrize(
    ("symmetry", "cell", "atoms", "absorber", "expected"),
    [
        (name("C 2/c"), TENORITE, CUO, "Cu", {(4, 1.96)}),
        (name("c2/C"), TENORITE, CUO, "Cu", {(4, 1.96)}),
        (name("C 1 2/c 1"), TENORITE, CUO, "Cu", {(4, 1.96)}),
        ("_symmetry_space_group_name_Hall '-C 2yc'", TENORITE, CUO, "Cu", {(4, 1.96)}),
        (name("-C 2yc"), TENORITE, CUO, "Cu", {(4, 1.96)}),
        (
            name("B 1 1 2/b"),
            (4.6837, 5.1288, 3.4226, 90, 90, 80.46),
            [("Cu", 0.75, 0, 0.25), ("O", 0, 0.25, 0.4184)],
            "Cu",
            {(4, 1.96)},
        ),
        (name("P 21/c"), (5.1505, 5.2116, 5.3173, 90, 99.23, 90), ZRO2, "Zr", {(7, 2.16)}),
        (
            name("P 21/n"),
            (5.1505, 5.2116, 6.7835, 90, 50.6882, 90),
            [
                ("Zr", 0.0671, 0.0395, 0.2083),
                ("O", 0.7253, 0.3317, 0.3447),
                ("O", 0.9704, 0.7569, 0.4792),
            ],
            "Zr",
            {(7, 2.16)},
        ),
        (
            "_symmetry_Int_Tables_number 14\n_space_group_IT_coordinate_system_code b3",
            (5.3173, 5.2116, 5.1505, 90, 80.77, 90),
            [
                ("Zr", 0.2083, 0.0395, 0.7246),
                ("O", 0.3447, 0.3317, 0.93),
                ("O", 0.4792, 0.7569, 0.5504),
            ],
            "Zr",
            {(7, 2.16)},
        ),
        (
            name("P 2_1/b"),
            (5.1505, 5.3173, 5.2116, 90, 90, 80.77),
            [
                ("Zr", 0.7246, 0.2083, 0.0395),
                ("O", 0.93, 0.3447, 0.3317),
                ("O", 0.5504, 0.4792, 0.7569),
            ],
            "Zr",
            {(7, 2.16)},
        ),
        (name("F m 3 m"), NIO_CELL, NIO, "Ni", {(6, 2.09)}),
        (name("F 4/m -3 2/m"), NIO_CELL, NIO, "Ni", {(6, 2.09)}),
        (name("FM-3M"), NIO_CELL, NIO, "Ni", {(6, 2.09)}),
        ("_space_group_IT_number 225", NIO_CELL, NIO, "Ni", {(6, 2.09)}),
        (name("F d -3 m :1"), MAGNETITE, SPINEL_1, "Fe", {(4, 1.89), (6, 2.06)}),
        (name("F d 3 m S"), MAGNETITE, SPINEL_1, "Fe", {(4, 1.89), (6, 2.06)}),
        (name("F d -3 m :2"), MAGNETITE, SPINEL_2, "Fe", {(4, 1.89), (6, 2.06)}),
        (name("F d -3 m Z"), MAGNETITE, SPINEL_2, "Fe", {(4, 1.89), (6, 2.06)}),
        (
            "_space_group_name_Hall '-F 4vw 2vw 3'",
            MAGNETITE,
            SPINEL_2,
            "Fe",
            {(4, 1.89), (6, 2.06)},
        ),
        ("_symmetry_Int_Tables_number 227:2", MAGNETITE, SPINEL_2, "Fe", {(4, 1.89), (6, 2.06)}),
        (name("R -3 c :H"), *HEMATITE, "Fe", {(6, 2.03)}),
        ("_space_group_name_Hall \"-r 3 2''c\"", *HEMATITE, "Fe", {(6, 2.03)}),
        (name("R -3 2/c"), *HEMATITE, "Fe", {(6, 2.03)}),
        (name("R -3 c R"), *HEMATITE_R, "Fe", {(6, 2.03)}),
        (name("R-3c"), *HEMATITE_R, "Fe", {(6, 2.03)}),
        (name("I a 3 d"), GARNET, GROSSULAR, "Al", {(6, 1.92)}),
        (name("ia-3d"), GARNET, GROSSULAR, "Si", {(4, 1.65)}),
        (name("P 4_2/m n m"), *RUTILE, "Ti", {(6, 1.96)}),
        (name("P b n m"), (5.55, 5.58, 7.9, *CUBIC), LAFEO3, "Fe", {(6, 2.01)}),
        (name("P 21/b 21/n 21/m"), (5.55, 5.58, 7.9, *CUBIC), LAFEO3, "Fe", {(6, 2.01)}),
    ],
)
def test_the_setting_of_a_space_group_is_found_by_its_name(
    symmetry: str, cell: Cell, atoms: Atoms, absorber: str, expected: set[tuple[int, float]]
) -> None:
    assert neighbours(cif(cell, atoms, symmetry), absorber) == expected


@pytest.mark.parametrize(
    ("symmetry", "atoms", "z", "expected"),
    [
        # An atom at 0 is one of 8 for origin 1, and one of 16 for origin 2.
        (name("F d -3 m"), [("Si", 0, 0, 0)], 8, {(4, 2.35)}),
        (name("F d -3 m"), [("Si", 0.125, 0.125, 0.125)], 8, {(4, 2.35)}),
        ("_symmetry_Int_Tables_number 227", [("Si", 0.125, 0.125, 0.125)], 8, {(4, 2.35)}),
    ],
)
def test_what_else_a_file_states_tells_its_setting(
    symmetry: str, atoms: Atoms, z: int, expected: set[tuple[int, float]]
) -> None:
    assert neighbours(cif(SILICON, atoms, symmetry, formula("Si", z)), "Si") == expected
    open_setting = refused(cif(SILICON, atoms, symmetry, formula("Si")))
    assert open_setting.kind == "unknown_symmetry"
    assert "F d -3 m:1, F d -3 m:2" in open_setting.message
    assert "_space_group_symop_operation_xyz" in open_setting.hint


@pytest.mark.parametrize("atoms", [SPINEL_1, SPINEL_2])
def test_a_setting_whose_atoms_would_overlap_is_not_meant(atoms: Atoms) -> None:
    # With the other origin, iron and oxygen, or two oxygens, would be 0.1 Å apart; Z is 8 for both.
    text = cif(MAGNETITE, atoms, name("F d -3 m"), formula("Fe3 O4", 8))
    assert neighbours(text, "Fe") == {(4, 1.89), (6, 2.06)}


def test_a_number_alone_does_not_say_which_axes_are_meant() -> None:
    cell = 5.1505, 5.2116, 5.3173, 90, 99.23, 90
    text = cif(cell, ZRO2, "_symmetry_Int_Tables_number 14", formula("Zr O2", 4))
    assert refused(text).kind == "unknown_symmetry"
    # At centres of inversion, all of them give the same crystal.
    atoms = [("Cr", 0, 0, 0)]
    assert len(read(cif(cell, atoms, "_symmetry_Int_Tables_number 2"))) == 1


def test_a_short_monoclinic_name_means_axis_b() -> None:
    # All angles are right ones, so that axis c would do as well.
    structure = read(cif((5, 6, 7, *CUBIC), [("Mn", 0.1, 0.2, 0.3)], name("P 2")))
    assert sorted(structure.frac_coords[:, 1]) == pytest.approx([0.2, 0.2])
    assert sorted(structure.frac_coords[:, 2]) == pytest.approx([0.3, 0.7])


@pytest.mark.parametrize(
    "symmetry",
    [
        name("P n m a (0 b 0) s 0 0"),
        "_cell_modulation_dimension 1",
        "_space_group_ssg_name 'Pnma(0b0)s00'",
        operators("x1,x2,x3,x4"),
        "loop_\n_space_group_symop_ssg_operation_algebraic\nx1,x2,x3,x4",
    ],
)
def test_modulated_structures_are_refused(symmetry: str) -> None:
    failure = refused(cif(NIO_CELL, NIO_ALL, symmetry))
    assert failure.kind == "unknown_symmetry"
    assert "modulated" in failure.message


@pytest.mark.parametrize(
    ("symmetry", "cause"),
    [
        (name("B 1 21/d 1"), "is in no table"),
        (name("nonsense"), "is in no table"),
        (name("P 4/m m m"), "does not fit the cell"),
        (name("P 21/c") + "\n_symmetry_Int_Tables_number 15", "contradict each other"),
        (name("C 2/c") + "\n_space_group_name_Hall '-P 2yc'", "contradict each other"),
        (name("P 21/c") + "\n_space_group_name_Hall '-P 2yn'", "contradict each other"),
        (operators("x,y,z -x,-y,-z x,-y,z+1/2"), "of 4, 3 are there"),
        (operators("x,y,z y,x,z"), "do not fit the cell"),
        (operators("x,y,z x+1/5,y,z"), "is no symmetry operator"),
        (operators("x,y,z 2*x,y,z"), "is no symmetry operator"),
        (operators("x,y,z x,,z"), "is no symmetry operator"),
        (operators("x,y,z x+y,y,z x,y+z,z"), "make no space group"),
        (f"{ONLY_XYZ}\n{operators('x,y,z -x,-y,-z')}", "lists of symmetry operators differ"),
    ],
)
def test_symmetry_that_cannot_be_meant_is_refused(symmetry: str, cause: str) -> None:
    failure = refused(cif(TENORITE, CUO, symmetry))
    assert failure.kind == "unknown_symmetry"
    assert cause in failure.message


def test_operators_count_more_than_a_name_that_cannot_be_meant() -> None:
    # All atoms are listed: by the name, they would be there several times.
    assert neighbours(cif(NIO_CELL, NIO_ALL, ONLY_XYZ, name("F m 3 m")), "Ni") == {(6, 2.09)}
    # With another origin, they would overlap.
    moved = [(e, x + 0.04, y + 0.05, z + 0.06) for e, x, y, z in NIO_ALL]
    assert neighbours(cif(NIO_CELL, moved, ONLY_XYZ, name("P -1")), "Ni") == {(6, 2.09)}


def test_operators_in_cells_that_no_table_lists_are_used() -> None:
    symmetry = operators("x,y,z -x,-y,-z 1/2-x,1/2+y,1/2-z 1/2+x,1/2-y,1/2+z")
    cell = 5.1505, 5.2116, 6.7835, 90, 50.6882, 90
    atoms = [("Zr", 0.0671, 0.0395, 0.2083), ("O", 0.7253, 0.3317, 0.3447)]
    atoms.append(("O", 0.9704, 0.7569, 0.4792))
    for other in ("P 21/n", "P 21/c", "B 1 21/d 1"):  # the last is unknown, the others are one type
        assert neighbours(cif(cell, atoms, symmetry, name(other)), "Zr") == {(7, 2.16)}


@pytest.mark.parametrize("stated", ["", formula("Cu O"), formula("Cu O", 4)])
def test_a_name_without_its_operators_is_a_contradiction(stated: str) -> None:
    failure = refused(cif(TENORITE, CUO, ONLY_XYZ, name("C 2/c"), stated))
    assert "4 are stated (Z)" in failure.message or "contradict each other" in failure.message


@pytest.mark.parametrize("word", ["", "_symmetry_cell_setting triclinic", name("?")])
def test_without_a_word_on_symmetry_there_is_none(word: str) -> None:
    assert len(read(cif(NIO_CELL, NIO_ALL, word))) == 8


@pytest.mark.parametrize(
    "word",
    [
        "_symmetry_cell_setting cubic",
        "_space_group_crystal_system cubic",
        "_space_group_name_Schoenflies Oh.5",
        "_space_group_magn.name_BNS 'F m -3 m'",
    ],
)
def test_a_word_on_symmetry_that_names_no_group_is_not_passed_over(word: str) -> None:
    assert refused(cif(NIO_CELL, NIO, word)).kind == "unknown_symmetry"


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        (formula("Ni O2"), "do not make the formula Ni1 O2"),
        (formula("Ni Pb O"), "do not agree on Pb"),
        (formula("Ni O", 8), "4 formulas, but 8 are stated"),
        ("_cell_volume 80", "volume is 73.0"),
        ("_exptl_crystal_density_diffrn 3.4", "density is 6.79"),
    ],
)
def test_what_contradicts_the_file_is_refused(statement: str, cause: str) -> None:
    failure = refused(cif(NIO_CELL, NIO, name("F m -3 m"), statement))
    assert failure.kind == "unreadable"
    assert cause in failure.message


@pytest.mark.parametrize(
    "statement",
    [
        formula("NI O", 4),
        formula("Ni1.00 O0.998", 4),
        formula("O Ni"),
        formula("Ni4 O4", 1),
        formula("Ni4 O4", 4),  # so does pymatgen: atoms of the cell, and reduced formulas
        formula("NiO"),
        formula("?"),
        formula("Ni O H0.5"),  # X-rays do not find hydrogen
        "_cell_volume 73.0(2)",
        "_exptl_crystal_density_diffrn 6.8",
    ],
)
def test_rounded_statements_are_no_contradiction(statement: str) -> None:
    assert len(read(cif(NIO_CELL, NIO, name("F m -3 m"), statement))) == 8


@pytest.mark.parametrize(("density", "right"), [(0.886, True), (0.786, True), (1.1, False)])
def test_the_density_may_be_that_of_the_deuteride(density: float, right: bool) -> None:
    atoms = [("Li", 0, 0, 0), ("D", 0.5, 0.5, 0.5)]
    statement = f"_exptl_crystal_density_diffrn {density}"
    text = cif((4.065,) * 3 + CUBIC, atoms, name("F m -3 m"), formula("Li D"), statement)
    if right:
        assert read(text).composition.as_dict() == {"Li": 4, "H": 4}
    else:
        assert "density" in refused(text).message


def lines(**changed: str) -> str:
    """Rows of NiO: label, type, position, occupancy, hydrogens, flag; some are changed."""
    rows = [f"{e}{i} {e} {x} {y} {z} 1 0 ." for i, (e, x, y, z) in enumerate(NIO_ALL, 1)]
    return "\n".join(changed.get(row.split()[0], row) for row in rows)


ROW = "label type_symbol fract_x fract_y fract_z occupancy attached_hydrogens calc_flag"


@pytest.mark.parametrize(
    "row",
    [
        "O5 O 0.5 0 0 . 0 .",
        "O5 O 0.5 0 0 ? ? ?",
        "O5 ? 0.5 0 0 1 0 .",
        "O5 . 0.5 0 0 1 . .",
        "O5 O2- 0.5 0 0 1.0000(3) 0 .",
        "O5 18O 0.5 0 0 1 0 .",
        "O5 O 0.5 0 0 0.99998 0 .",
        "O5 O 0.5 0 0 1.0001 0 .",
        "O5 O 0.5 0 0 0.4 0 .\nO9 O1- 0.5 0 0 0.6 0 .",
        "O5 O 0.5 \u22120.0 0 1 0 .",
        "O5 O 0.5 0 0 1 0 .\nX1 X 0.1 0.1 0.1 1 0 dum",
    ],
)
@pytest.mark.parametrize("stated", [(), (formula("Ni O", 4),)])
def test_every_atom_of_a_file_is_in_the_structure(row: str, stated: tuple[str]) -> None:
    text = cif(NIO_CELL, lines(O5=row), ONLY_XYZ, *stated, columns=ROW)
    structure = read(text)
    assert structure.is_ordered
    assert structure.composition.as_dict() == {"Ni": 4, "O": 4}
    assert neighbours(text, "Ni") == {(6, 2.09)}


@pytest.mark.parametrize(
    ("row", "kind", "cause"),
    [
        ("O5 M 0.5 0 0 1 0 .", "unknown_species", "M names no element"),
        ("M5 ? 0.5 0 0 1 0 .", "unknown_species", "M5 names no element"),
        ("Du5 ? 0.5 0 0 1 0 .", "unknown_species", "Du5 names no element"),
        ("O5 O ? 0 0 1 0 .", "unreadable", "the position of O5"),
        ("O5 O 0.5 0 . 1 0 .", "unreadable", "the position of O5"),
        ("O5 O 0.5 0 0 -1 0 .", "unreadable", "the occupancy of O5"),
        ("O5 O 0.5 0 0 1.2 0 .", "unreadable", "the occupancy of O5"),
        ("O5 O 0.5 0 0 full 0 .", "unreadable", "the occupancy of O5"),
        ("O5 O 0.5 0 0 1 2 .", "unreadable", "hydrogen atoms of O5"),
        ("O5 OH 0.5 0 0 1 0 .", "unreadable", "OH stands for a group"),
        ("O5 Wat 0.5 0 0 1 0 .", "unreadable", "Wat stands for a group"),
        ("O5 O 0.5 0 0 1 0 .\nO9 O 0.5 0 0 1 0 .", "unreadable", "O5 and O9 are at one place"),
        ("O5 '0.5O + 0.5F' 0.5 0 0 1 0 .", "disordered", "a site is shared"),
        ("O5 O 0.5 0 0 1 0", "unreadable", "line 11"),
    ],
)
def test_what_is_no_atom_is_refused(row: str, kind: str, cause: str) -> None:
    for stated in ((), (formula("Ni O"),)):
        failure = refused(cif(NIO_CELL, lines(O5=row), ONLY_XYZ, *stated, columns=ROW))
        assert failure.kind == kind
        assert cause in failure.message or "line" in failure.message


def test_an_occupancy_of_nothing_is_no_atom() -> None:
    rows = lines(O5="O5 O 0.5 0 0 1 0 .\nO9 O 0.25 0.25 0.25 0 0 .")
    assert len(read(cif(NIO_CELL, rows, ONLY_XYZ, columns=ROW))) == 8


@pytest.mark.parametrize(
    ("rows", "ordered"),
    [
        ("Ni1 Ni 0 0 0 0.5\nFe1 Fe 0 0 0 0.5\nO1 O 0.5 0.5 0.5 1", False),
        ("Ni1 Ni 0 0 0 0.9\nO1 O 0.5 0.5 0.5 1", False),
        ("Ni1 Ni2+ 0 0 0 0.5\nNi2 Ni3+ 0 0 0 0.5\nO1 O 0.5 0.5 0.5 1", True),
        ("Ni1 Ni 0 0 0 1\nD1 D 0.5 0.5 0.5 0.7\nH1 H 0.5 0.5 0.5 0.3", True),
        ("Ni1 58Ni 0 0 0 1\nT1 T 0.5 0.5 0.5 1", True),
    ],
)
def test_isotopes_and_charges_of_one_element_may_share_a_site(rows: str, ordered: bool) -> None:
    columns = "label type_symbol fract_x fract_y fract_z occupancy"
    structure = read(cif(NIO_CELL, rows, name("F m -3 m"), columns=columns))
    assert structure.is_ordered == ordered
    if ordered:
        assert {site.species_string for site in structure} <= {"Ni", "O", "H"}


@pytest.mark.parametrize(
    ("label", "stated", "element"),
    [
        ("HO2", "Ni O H", "H"),
        ("HO2", "Ni O Ho", "Ho"),
        ("Ho2", "Ni O Ho", "Ho"),
        ("D1", "Ni O D", "H"),
        ("CO1", "Ni O Co", "Co"),
        ("FE1", "NI O FE", "Fe"),
        ("OS1", "Ni O2", "O"),
        ("Ow2", "Ni O2", "O"),
        ("Wat1", "Ni O2 H2", "O"),
        ("OH1", "Ni O2 H", "O"),
        ("O-H1", "Ni O2 H", "O"),
    ],
)
def test_the_formula_tells_what_a_label_means(label: str, stated: str, element: str) -> None:
    atoms = f"Ni1 0 0 0\nO1 0.5 0.5 0.5\n{label} 0.25 0.25 0.25"
    structure = read(cif(NIO_CELL, atoms, name("F -4 3 m"), formula(stated)))
    assert structure.composition[element] == (8 if element == "O" else 4)
    assert len(structure) == 12


@pytest.mark.parametrize(
    ("label", "stated", "kind"),
    [
        ("HO2", None, "unknown_species"),  # holmium, or hydrogen of O2
        ("CO1", "Ni Co C O", "unknown_species"),
        ("Oct1", None, "unknown_species"),
        ("T1", "Ni O H", "unknown_species"),
        ("Wat1", None, "unreadable"),
        ("NH4", "Ni O N H4", "unreadable"),
        ("Pb1", "Ni O", "unreadable"),
    ],
)
def test_labels_that_may_mean_something_else_are_refused(
    label: str, stated: str | None, kind: str
) -> None:
    atoms = f"Ni1 0 0 0\nO1 0.5 0.5 0.5\n{label} 0.25 0.25 0.25"
    statements = [formula(stated)] if stated else []
    failure = refused(cif(NIO_CELL, atoms, name("F -4 3 m"), *statements))
    assert failure.kind == kind
    assert label in failure.message or "do not agree on Pb" in failure.message


PLAIN = cif(NIO_CELL, NIO, name("F m -3 m"))


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("_cell", "_CELL").replace("_atom", "_ATOM").replace("loop_", "LOOP_"),
        "#\\#CIF_2.0\n" + PLAIN.replace("_cell_", "_cell.").replace("_site_", "_site."),
        "#\\#CIF_2.0\n" + PLAIN.replace("'", '"""') + "_list [1 2 {'a': 3}]\n",
        PLAIN.replace("'F m -3 m'", "F m -3 m"),
        PLAIN.replace("'F m -3 m'", "\n;\nF m -3 m\n;"),
        "from somewhere\n" + PLAIN + "\x1a",
        PLAIN.replace("data_x", "data_x\n_author Åström\n_note 'a 'b' c'"),
        PLAIN.replace("_cell_length_b", "_journal_year 1990\n_journal_year 1991\n_cell_length_b"),
        "data_publ\n_atom_site_fract_x ?\n" + PLAIN + "data_pattern\n_pd_proc_wavelength 1.54\n",
    ],
)
def test_other_spellings_of_the_same_file(text: str | bytes) -> None:
    assert neighbours(text, "Ni") == {(6, 2.09)}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (PLAIN + "_cell_length_a 5\n", "_cell_length_a is there twice"),
        (PLAIN.replace("_cell_length_b", "_cell_length_q"), "_cell_length_b is missing"),
        (PLAIN.replace("_angle_gamma 90", "_angle_gamma 190"), "no cell with the angles"),
        (
            PLAIN.replace("_angle_gamma 90.0", "_angle_gamma '90 deg'"),
            "_cell_angle_gamma is 90 deg",
        ),
        (PLAIN.replace("_length_a 4.18", "_length_a 0"), "_cell_length_a is 0"),
        (PLAIN.replace("fract_", "Cartn_"), "Cartesian"),
        (PLAIN.replace("_atom_site_fract_z\n", ""), "line "),
        (PLAIN + "0.5 0.5\n", "line 9"),
    ],
)
def test_files_that_lack_something_say_what(text: str, cause: str) -> None:
    failure = refused(text)
    assert failure.kind == "unreadable"
    assert cause in failure.message


def test_cells_that_are_too_large_are_given_up_early() -> None:
    atoms = [("Ni", 0.01 * i, 0.01 * j, 0.2) for i in range(46) for j in range(46)]
    assert refused(cif((300, 300, 9, *CUBIC), atoms)).kind == "too_many_atoms"


def test_blocks_of_one_name_are_several_structures() -> None:
    assert refused(PLAIN + PLAIN).kind == "several_structures"
    assert refused(PLAIN + PLAIN.replace("data_x", "data_y")).kind == "several_structures"


def test_magnetic_files_are_read_by_their_own_operators() -> None:
    symmetry = (
        "loop_\n_space_group_symop_magn_operation.xyz\nx,y,z,+1\n-x,-y,-z,+1\n"
        "loop_\n_space_group_symop_magn_centering.xyz\nx,y,z,+1\nx+1/2,y+1/2,z+1/2,-1"
    )
    structure = read(cif((4.0, 5.0, 6.0, *CUBIC), [("Mn", 0.1, 0.2, 0.3)], symmetry))
    assert len(structure) == 4
