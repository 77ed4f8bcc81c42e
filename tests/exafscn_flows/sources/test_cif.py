"""CIFs whose content is known: what is read is what the file says, or it is refused."""

import pytest
from cifs import (
    CUBIC,
    NIO,
    NIO_ALL,
    NIO_CELL,
    ONLY_XYZ,
    cif,
    formula,
    name,
    neighbours,
    read,
    refused,
)


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
