"""The symmetry of CIFs: found by whatever they say of it, or refused."""

import pytest
from cifs import (
    CUBIC,
    CUO,
    GARNET,
    GROSSULAR,
    HEMATITE,
    HEMATITE_R,
    LAFEO3,
    MAGNETITE,
    NIO,
    NIO_ALL,
    NIO_CELL,
    ONLY_XYZ,
    RUTILE,
    SILICON,
    SPINEL_1,
    SPINEL_2,
    TENORITE,
    ZRO2,
    Atoms,
    Cell,
    cif,
    formula,
    name,
    neighbours,
    operators,
    read,
    refused,
)


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
