"""Content of a CIF to the crystal that it describes, or one line that says why not."""

import numpy as np
from pymatgen.core import Lattice, Structure

from exafscn_flows.cell_checks import MAX_ATOMS, overlap
from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.cif_atoms import Atom, has_atoms, read_atoms
from exafscn_flows.sources.cif_block import Block, blocks, to_number
from exafscn_flows.sources.cif_symmetry import ADD_SETTING, read_symmetry
from exafscn_flows.sources.parsing import unreadable
from exafscn_flows.sources.space_groups import Setting
from exafscn_flows.sources.stated import Stated, contradiction, read_formula

_SITE_TOLERANCE = 5e-3
"""Fractional coordinates this near are one position: files write 0.33 for 1/3."""

_THIRD_TOLERANCE = 1e-4
"""Relative; coordinates this near to 1/3 and 2/3 are meant to be these."""

_FULL = 2e-3
"""Occupancies that differ from 1 by this are 1 or the sum of rounded ones."""

_RADIUS = 5.0
"""Crystals with the same distances up to this, Å, are taken for the same."""


def parse_cif(content: bytes, name: str) -> Structure:
    """Read the only crystal structure of a CIF.

    Every atom that the file lists is in the structure. What the file states of its crystal
    (formula, number of formulas, volume, density) is compared with it.

    Parameters
    ----------
    content
        The file: CIF 1 or 2 in UTF-8, UTF-16 or, in names and comments, any other encoding.
    name
        What to call the file in errors.

    Returns
    -------
    Structure
        Cell as written, of plain elements, with partial occupancies where the file has them.

    Raises
    ------
    ItemFailure
        ``unreadable``, also if file and structure contradict each other; ``several_structures``:
        which of them is meant, nobody knows; ``unknown_symmetry``; ``unknown_species``;
        ``too_many_atoms``; ``disordered``, where that prevents reading.
    """
    try:
        listed = [block for block in blocks(content) if has_atoms(block)]
    except ValueError as error:
        raise unreadable(name, f"not a CIF: {error}") from error
    if not listed:
        raise unreadable(name, "no structure: no block lists atoms with their positions")
    if len(listed) > 1:
        message = f"{name}: {len(listed)} structures in one CIF"
        hint = "write one file for each: begin a new one at every line data_..."
        raise ItemFailure("several_structures", message, hint)
    try:
        return _structure(listed[0])
    except ItemFailure as failure:
        raise ItemFailure(failure.kind, f"{name}: {failure.message}", failure.hint) from failure
    except ValueError as error:
        raise unreadable(name, error) from error


def _structure(block: Block) -> Structure:
    lattice = _lattice(block)
    formula = block.text("chemical_formula_sum")
    stated = Stated(
        formula=read_formula(formula) if formula else None,
        units=block.number("cell_formula_units_z"),
        volume=block.number("cell_volume"),
        density=block.number("exptl_crystal_density_diffrn"),
    )
    symmetry = read_symmetry(block, lattice.metric_tensor)
    atoms = read_atoms(block, stated.formula or {})
    if symmetry.listed:
        structure = _expanded(lattice, atoms, symmetry.listed)
        if structure.is_ordered:
            if fault := contradiction(structure, stated):
                raise ValueError(fault)
            rivals, _ = _possible(lattice, atoms, symmetry.named, stated)
            if not all(_same_crystal(structure, rival) for rival in rivals):
                cause = f"{symmetry.words} contradict each other"
                raise ItemFailure("unknown_symmetry", cause, "remove what is wrong")
        return structure
    is_only = len(symmetry.named) == 1
    possible, faults = _possible(lattice, atoms, symmetry.named, stated, is_only=is_only)
    if not possible:
        raise ValueError(faults[0])
    if not all(_same_crystal(possible[0], other) for other in possible[1:]):
        settings = ", ".join(setting.name for setting in symmetry.named)
        cause = f"{symmetry.words} may be one of several settings: {settings}"
        raise ItemFailure("unknown_symmetry", cause, ADD_SETTING)
    return possible[0]


def _lattice(block: Block) -> Lattice:
    lengths, angles = [], []
    for axis in "abc":
        length = block.text(f"cell_length_{axis}")
        if length is None:
            raise ValueError(f"no structure: _cell_length_{axis} is missing")
        lengths.append(_positive(f"_cell_length_{axis}", length))
    for name in ("alpha", "beta", "gamma"):
        angle = block.text(f"cell_angle_{name}") or "90"  # the default of CIF
        angles.append(_positive(f"_cell_angle_{name}", angle))
    a, b, c = np.cos(np.radians(angles))
    if not all(0 < angle < 180 for angle in angles) or 1 + 2 * a * b * c <= a * a + b * b + c * c:
        raise ValueError(
            "no structure: there is no cell with the angles {:g}, {:g}, {:g}".format(*angles)
        )
    return Lattice.from_parameters(*lengths, *angles)


def _positive(name: str, text: str) -> float:
    number = to_number(text)
    if number is None or number <= 0:
        raise ValueError(f"no structure: {name} is {text}")
    return number


def _possible(
    lattice: Lattice,
    atoms: list[Atom],
    settings: list[Setting],
    stated: Stated,
    *,
    is_only: bool = False,
) -> tuple[list[Structure], list[str]]:
    """Make the crystals of all settings that contradict nothing, and say why others are none.

    The only one may have atoms that overlap, of which reducing it will tell, and if it is
    disordered, that is what is wrong with it.
    """
    possible, faults = [], []
    for setting in settings:
        try:
            structure = _expanded(lattice, atoms, setting)
        except ValueError as error:
            faults.append(str(error))
            continue
        fault = contradiction(structure, stated)
        if not fault and not is_only and structure.is_ordered:
            fault = overlap(structure)
        if fault and (structure.is_ordered or not is_only):
            faults.append(fault)
        else:
            possible.append(structure)
    return possible, faults


def _expanded(lattice: Lattice, atoms: list[Atom], setting: Setting) -> Structure:
    """Make all atoms of the cell by the operators of a setting.

    Raises
    ------
    ValueError
        If there is more than one atom at a place.
    ItemFailure
        ``too_many_atoms``.
    """
    coordinates = np.empty((0, 3))
    owners = np.empty(0, dtype=int)
    places: list[tuple[str, dict[str, float]]] = []
    for atom in atoms:
        position = np.array([_third(x) for x in atom.position])
        here = np.flatnonzero(_near(coordinates, position))
        if here.size:
            label, shares = places[owners[here[0]]]
            shares[atom.element] = shares.get(atom.element, 0.0) + atom.occupancy
            if (total := sum(shares.values())) > 1 + _FULL:
                raise ValueError(f"{label} and {atom.label} are at one place, together {total:.4g}")
            continue
        if atom.occupancy > 1 + _FULL:
            raise ValueError(f"the occupancy of {atom.label} is {atom.occupancy:g}")
        images = (setting.rotations @ position + setting.translations) % 1.0
        kept = images[_first_of_each(images)]
        if len(images) % len(kept):
            raise ValueError(f"some images of {atom.label} nearly coincide, others do not")
        coordinates = np.concatenate([coordinates, kept])
        if len(coordinates) > MAX_ATOMS:  # putting more together would take long
            cause = f"the cell holds more than {MAX_ATOMS} atoms"
            raise ItemFailure("too_many_atoms", cause, "write a smaller cell")
        owners = np.concatenate([owners, np.full(len(kept), len(places))])
        places.append((atom.label, {atom.element: atom.occupancy}))
    species = [_species(shares) for _, shares in places]
    return Structure(
        lattice,
        [species[owner] for owner in owners],
        coordinates,
        labels=[places[owner][0] for owner in owners],
    )


def _third(x: float) -> float:
    for third in (1 / 3, 2 / 3):
        if abs(x / third - 1) <= _THIRD_TOLERANCE:
            return third
    return x


def _near(coordinates: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Whether each of some positions is the same as another, but for whole cells."""
    apart = coordinates - position
    near: np.ndarray = (np.abs(apart - np.round(apart)) <= _SITE_TOLERANCE).all(axis=-1)
    return near


def _first_of_each(images: np.ndarray) -> list[int]:
    """Return the indices of the images that are near no earlier one of these."""
    near = _near(images[:, None], images)
    first: list[int] = []
    for index, row in enumerate(near):
        if not row[first].any():
            first.append(index)
    return first


def _species(shares: dict[str, float]) -> dict[str, float]:
    """Make an occupancy that is 1 but for rounding 1."""
    total = sum(shares.values())
    if abs(total - 1) <= _FULL:
        return {element: share / total for element, share in shares.items()}
    return shares


def _same_crystal(one: Structure, other: Structure) -> bool:
    """Whether two crystals have the same distances between the same elements."""
    if one.composition != other.composition:
        return False
    (pairs, distances), (other_pairs, other_distances) = _distances(one), _distances(other)
    return bool(
        np.array_equal(pairs, other_pairs) and np.allclose(distances, other_distances, atol=1e-3)
    )


def _distances(structure: Structure) -> tuple[np.ndarray, np.ndarray]:
    """List the pairs of elements and their distances within 5 Å, in order."""
    first, second, _, distance = structure.get_neighbor_list(_RADIUS)
    species = np.array([site.species_string for site in structure])
    order = np.lexsort((distance, species[second], species[first]))
    return np.stack([species[first], species[second]])[:, order], distance[order]
