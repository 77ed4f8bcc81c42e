"""Primitive cells, inequivalent absorbing sites and their names."""

import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import spglib
from pymatgen.core import DummySpecies, Element, Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer, SymmetryUndeterminedError

from exafscn_flows.cell_checks import check_cell, check_distances
from exafscn_flows.errors import ItemFailure
from exafscn_flows.hashing import content_hash

# spglib tells the terminal of its first attempts, also where a later one succeeds.
os.environ.setdefault("SPGLIB_WARNING", "OFF")

_NOISE = 1e-3
"""Fractional coordinates that differ by less are one value when sites are put in order: spglib
moves atoms by up to its tolerance, and not the same way in every cell of a crystal."""

_SAME_METRIC = 1e-4
"""Å²; a change of a lattice vector by less than about 1e-5 Å is numerical noise."""


@dataclass(frozen=True)
class ReducedStructure:
    """A primitive cell with its symmetry.

    Attributes
    ----------
    structure
        Primitive cell of plain elements, its sites in canonical order.
    spacegroup
        Hermann-Mauguin symbol.
    formula
        Reduced chemical formula.
    chemical_system
        Elements in alphabetical order, e.g. ``"Cu-O"``.
    elements
        Element symbols, alphabetical.
    equivalent
        For each site, the index of the first site that symmetry maps on it.
    """

    structure: Structure
    spacegroup: str
    formula: str
    chemical_system: str
    elements: tuple[str, ...]
    equivalent: tuple[int, ...]


@dataclass(frozen=True)
class AbsorbingSite:
    """One of a set of symmetry-equivalent sites.

    Attributes
    ----------
    site_index
        0-based index of the first of them in the primitive cell.
    multiplicity
        Number of them in the primitive cell.
    """

    site_index: int
    multiplicity: int


def reduce_structure(structure: Structure, symprec: float) -> ReducedStructure:
    """Reduce a structure to its primitive cell and find its equivalent sites.

    The cell is the standardised primitive one of spglib, its atoms moved onto their symmetry
    elements (by less than `symprec`), so that a doubled cell and its primitive give the same
    sites. Deuterium becomes hydrogen.

    Parameters
    ----------
    structure
        Any cell of an ordered crystal, with or without oxidation states and site properties.
    symprec
        Distance tolerance of spglib, Å.

    Returns
    -------
    ReducedStructure

    Raises
    ------
    ItemFailure
        ``disordered``, ``unknown_species``, ``bad_lattice``, ``too_many_atoms``,
        ``overlapping_atoms``, or ``no_symmetry`` if spglib gives no primitive cell of the same
        composition.
    """
    plain = without_decoration(structure)
    check_cell(plain)
    check_distances(plain, symprec)
    hint = "check the structure, or change sites.symprec"
    try:
        primitive = _canonical(_primitive(plain, symprec), symprec)
        analyzer = SpacegroupAnalyzer(primitive, symprec)
    except (SymmetryUndeterminedError, ValueError) as error:
        line = " ".join(str(error).split())
        raise ItemFailure("no_symmetry", f"spglib finds no symmetry: {line}", hint) from error
    composition = primitive.composition
    if composition.reduced_formula != plain.composition.reduced_formula:
        # Keeping the cell as written would hide that the tolerance merges atoms.
        message = (
            f"the primitive cell is {composition.reduced_formula}, "
            f"the cell as written {plain.composition.reduced_formula}"
        )
        raise ItemFailure("no_symmetry", message, hint)
    return _with_symmetry(primitive, analyzer)


def _with_symmetry(structure: Structure, analyzer: SpacegroupAnalyzer) -> ReducedStructure:
    orbits = analyzer.get_symmetry_dataset().equivalent_atoms.tolist()
    first: dict[int, int] = {}
    for index, orbit in enumerate(orbits):
        first.setdefault(orbit, index)
    composition = structure.composition
    return ReducedStructure(
        structure=structure,
        spacegroup=analyzer.get_space_group_symbol(),
        formula=composition.reduced_formula,
        chemical_system=composition.chemical_system,
        elements=tuple(composition.chemical_system.split("-")),
        equivalent=tuple(first[orbit] for orbit in orbits),
    )


def as_written(structure: Structure, symprec: float) -> ReducedStructure:
    """Find the equivalent sites of a structure and leave its cell and the order of its sites.

    Parameters and errors are those of :func:`reduce_structure`.
    """
    plain = without_decoration(structure)
    check_cell(plain)
    check_distances(plain, symprec)
    try:
        analyzer = SpacegroupAnalyzer(plain, symprec)
    except (SymmetryUndeterminedError, ValueError) as error:
        line = " ".join(str(error).split())
        message = f"spglib finds no symmetry: {line}"
        hint = "check the structure, or change sites.symprec"
        raise ItemFailure("no_symmetry", message, hint) from error
    return _with_symmetry(plain, analyzer)


def check_element_at(structure: Structure, site_index: int, absorber: str) -> None:
    """Check that a site which a source has named is there, and is its absorber.

    Parameters
    ----------
    structure
        Ordered structure.
    site_index
        0-based index of the site.
    absorber
        Element that should be there.

    Raises
    ------
    ItemFailure
        ``site_mismatch``.
    """
    found = structure[site_index].specie.symbol if site_index < len(structure) else "nothing"
    if found != absorber:
        raise ItemFailure(
            "site_mismatch",
            f"site {site_index} of the structure is {found}, not {absorber}",
            "put the structure beside the spectrum that was made from it, or remove the spectrum",
        )


def absorbing_sites(reduced: ReducedStructure, absorber: str) -> list[AbsorbingSite]:
    """List the inequivalent sites of an element, in the order of their indices.

    Parameters
    ----------
    reduced
        Primitive cell with its equivalent sites.
    absorber
        Element symbol.

    Returns
    -------
    list of AbsorbingSite
        Empty if the element is not in the structure.
    """
    multiplicity = Counter(reduced.equivalent)
    return [
        AbsorbingSite(index, multiplicity[index])
        for index, site in enumerate(reduced.structure)
        if index in multiplicity and site.specie.symbol == absorber
    ]


def structure_hash(structure: Structure) -> str:
    """Hash what a spectrum depends on: the cell and its atoms, in their order.

    Lengths are rounded to 1e-4 Å, angles to 1e-4 degrees, fractional coordinates to 1e-5; the
    orientation of the cell, labels and site properties do not count.

    Parameters
    ----------
    structure
        Ordered structure.

    Returns
    -------
    str
        16 hexadecimal digits, the same in every process and after storage as a dictionary.
    """
    cell = _steps(np.array(structure.lattice.parameters), 1e-4)
    coordinates = _steps(structure.frac_coords, 1e-5) % 100_000
    symbols = [s.specie.symbol for s in structure]
    return content_hash(cell.tolist(), symbols, coordinates.tolist())


def _steps(values: np.ndarray, step: float) -> np.ndarray:
    """Return the step that each value falls into, as integers, the same whatever the last bits.

    Of decimals as files write them, one in a thousand lies half way between two multiples of a
    step, where rounding goes either way. So steps begin at a share that no decimal and no fraction
    has.
    """
    return np.floor(values / step + 0.5 + 1 / np.pi).astype(int)


def without_decoration(structure: Structure) -> Structure:
    """Strip everything but the lattice, the elements and the coordinates.

    Raises
    ------
    ItemFailure
        ``disordered`` or ``unknown_species``.
    """
    for site in structure:
        if any(isinstance(species, DummySpecies) for species in site.species):
            message = f"{site.species_string} is no element"
            raise ItemFailure("unknown_species", message, "name the elements in the structure")
    for site in structure:
        if not site.is_ordered:
            message = f"a site is shared or partly occupied: {site.species_string}"
            hint = "only ordered structures have one spectrum per site; order it first"
            raise ItemFailure("disordered", message, hint)
    symbols = [Element.from_Z(site.specie.Z).symbol for site in structure]
    return Structure(Lattice(structure.lattice.matrix), symbols, structure.frac_coords)


def _primitive(structure: Structure, symprec: float) -> Structure:
    """Return spglib's standardised primitive cell, Niggli-reduced.

    As SpacegroupAnalyzer does, which searches the symmetry of the whole cell beforehand.
    """
    symbols = [site.specie.symbol for site in structure]
    kinds = list(dict.fromkeys(symbols))
    numbers = [kinds.index(symbol) + 1 for symbol in symbols]
    cell: Any = (structure.lattice.matrix, structure.frac_coords, numbers)
    found = spglib.find_primitive(cell, symprec=symprec)
    if found is None:
        raise SymmetryUndeterminedError("no primitive cell found")
    lattice, coordinates, found_numbers = found
    species = [kinds[number - 1] for number in found_numbers]
    return Structure(lattice, species, coordinates, to_unit_cell=True).get_reduced_structure()


def _canonical(structure: Structure, symprec: float) -> Structure:
    """Put a standardised cell into one of its equivalent orientations, origins and site orders.

    Symmetry leaves some of them open: rock salt has either atom at 0, a polar axis points either
    way. Of all proper rotations of the lattice, and of all atoms of the rarest element as origin,
    those are taken that give the first coordinates in an arbitrary but fixed order.
    """
    point = SpacegroupAnalyzer(Structure(structure.lattice, ["H"], [[0, 0, 0]]), symprec)
    rotations = point.get_symmetry_dataset().rotations
    metric = structure.lattice.metric_tensor
    # Where a lattice is only almost symmetric, a rotation would distort the crystal.
    change = np.abs(rotations.transpose(0, 2, 1) @ metric @ rotations - metric).max(axis=(1, 2))
    rotations = rotations[(np.linalg.det(rotations) > 0) & (change < _SAME_METRIC)]
    numbers = np.array([site.specie.Z for site in structure])
    rarest = min(set(numbers.tolist()), key=lambda z: ((numbers == z).sum(), z))
    best: tuple[bytes, np.ndarray, np.ndarray] | None = None
    for rotation in rotations:
        turned = structure.frac_coords @ rotation.T
        for origin in turned[numbers == rarest]:
            coordinates = (turned - origin + _NOISE) % 1.0 - _NOISE
            order = np.lexsort((*(_ranks(column) for column in coordinates.T[::-1]), numbers))
            rounded = np.round(coordinates[order] + _NOISE / 3, 2)
            key = (rounded + 0.0).tobytes()
            # Of a large cell, all of them together would take gigabytes.
            if best is None or key < best[0]:
                best = key, order, coordinates
    assert best is not None
    _, order, coordinates = best
    symbols = [structure[i].specie.symbol for i in order]
    return Structure(structure.lattice, symbols, coordinates[order])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Rank fractional coordinates; those that differ by noise share a rank."""
    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values), dtype=int)
    ranks[order] = np.cumsum(np.diff(values[order], prepend=values[order[0]]) > _NOISE)
    return ranks
