"""Makes CIFs whose content is known, and reads them as campaigns do."""

from collections.abc import Sequence

import pytest
from pymatgen.core import Structure

from exafscn_flows.crystal import reduce_structure
from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.cif import parse_cif
from exafscn_flows.targets.crystal_nn import coordination

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
        coordination(reduced.structure, index)
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
