"""What a source states of a crystal, against what was read of it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pymatgen.core import Composition, Element, Structure

_WHOLE_TOLERANCE, _ROUNDED_TOLERANCE = 1e-3, 0.01
"""Relative error of a whole number in a formula, and of one with decimals."""

_UNITS_TOLERANCE = 0.02
_VOLUME_TOLERANCE = 0.01
_DENSITY_TOLERANCE = 0.05
"""Relative; densities are often written with two digits."""

_DEUTERON = 2.014
"""Mass of deuterium, u."""

_DALTON = 1.66053907
"""1 u/Å³ in g/cm³."""


@dataclass(frozen=True)
class Stated:
    """What is written beside a crystal; None where nothing is.

    Attributes
    ----------
    formula
        Atoms of each element in the formula.
    units
        Formulas in the cell (Z).
    volume
        Of the cell, Å³.
    density
        Computed from the cell, g/cm³.
    sites
        Sites in the cell, whatever shares one.
    """

    formula: Mapping[str, float] | None = None
    units: float | None = None
    volume: float | None = None
    density: float | None = None
    sites: float | None = None


def contradiction(structure: Structure, stated: Stated) -> str | None:
    """Say where a structure contradicts what is stated of it.

    Hydrogen may be missing from the structure: X-rays often do not find it. It may not be there
    beyond the formula.

    Parameters
    ----------
    structure
        Cell as it was read; the occupancies of its sites count.
    stated
        What its source states.

    Returns
    -------
    str or None
        The first contradiction, in words.
    """
    amounts = _amounts(structure)
    volume = structure.volume
    if stated.sites and stated.sites != len(structure):
        return f"the cell holds {len(structure)} sites, but {stated.sites:g} are stated"
    if stated.volume and abs(volume / stated.volume - 1) > _VOLUME_TOLERANCE:
        return f"its volume is {volume:.1f} Å³, but {stated.volume:.1f} is stated"
    missing_hydrogen = 0.0
    if stated.formula:
        units, fault = _units(amounts, stated.formula)
        if fault:
            return fault
        # pymatgen writes the atoms of the cell as the formula, and counts the reduced ones.
        counts = units, units * _divisor(stated.formula)
        if stated.units and all(abs(n / stated.units - 1) > _UNITS_TOLERANCE for n in counts):
            return f"the cell holds {units:.3g} formulas, but {stated.units:g} are stated (Z)"
        missing_hydrogen = units * stated.formula.get("H", 0.0) - amounts.get("H", 0.0)
    if stated.density:
        mass = sum(Element(name).atomic_mass * amount for name, amount in amounts.items())
        # Hydrogen may be deuterium, in the structure as well as missing from it.
        most = mass + missing_hydrogen * _DEUTERON + amounts.get("H", 0.0) * (_DEUTERON - 1)
        lightest, heaviest = (_DALTON * m / volume / stated.density for m in (mass, most))
        if lightest > 1 + _DENSITY_TOLERANCE or heaviest < 1 - _DENSITY_TOLERANCE:
            density = _DALTON * mass / volume
            return f"its density is {density:.3g} g/cm³, but {stated.density:g} is stated"
    return None


def _units(amounts: Mapping[str, float], formula: Mapping[str, float]) -> tuple[float, str | None]:
    """Count the formulas in a cell, and say if its atoms make none."""
    odd = set(amounts) ^ {name for name, number in formula.items() if number > 0}
    odd -= {"H"} - set(amounts)
    if odd:
        return 0.0, f"formula and atoms do not agree on {', '.join(sorted(odd))}"
    names = [name for name in amounts if name != "H"] or ["H"]
    errors = {name: _rounding(formula[name]) for name in amounts}
    least = max(amounts[name] / (formula[name] + errors[name]) for name in names)
    most = min(amounts[name] / (formula[name] - errors[name]) for name in names)
    if "H" in amounts:
        least = max(least, amounts["H"] / (formula["H"] + errors["H"]))
    units = (least + most) / 2
    if least > most:
        found = Composition(amounts).formula
        wanted = Composition(formula).formula
        return 0.0, f"the atoms in the cell, {found}, do not make the formula {wanted}"
    return units, None


def _divisor(formula: Mapping[str, float]) -> int:
    """Greatest common divisor of the numbers in a formula, 1 if they are not whole."""
    whole = [round(number) for number in formula.values()]
    return math.gcd(*whole) if whole == list(formula.values()) else 1


def _rounding(number: float) -> float:
    return number * (_WHOLE_TOLERANCE if number == round(number) else _ROUNDED_TOLERANCE)


def read_formula(text: str) -> dict[str, float] | None:
    """Read the sum formula of a CIF: elements with their numbers, between blanks.

    Parameters
    ----------
    text
        Such as ``Fe2 O3`` or ``FE2 O3``; a charge may follow.

    Returns
    -------
    dict or None
        Atoms by element, D and T being H; None if it cannot be read.
    """
    parts = [re.fullmatch(r"([A-Za-z]{1,2})(\d*\.?\d*)", part) for part in text.split()]
    if parts and re.fullmatch(r"\d*[+-]\d*", text.split()[-1]):
        parts = parts[:-1]
    symbols = [part[1] for part in parts if part]
    try:
        if len(symbols) == len(parts) and len(parts) > 1:
            # Between blanks, capitals tell nothing: FE is iron.
            named = [(part[1].title(), float(part[2] or 1)) for part in parts if part]
        else:
            named = [(e.symbol, n) for e, n in Composition(text).items()]
        counts: dict[str, float] = {}
        for symbol, number in named:
            element = "H" if symbol in ("D", "T") else Element(symbol).symbol
            counts[element] = counts.get(element, 0.0) + number
    except Exception:  # pymatgen raises whatever it runs into
        return None
    return counts or None


def _amounts(structure: Structure) -> dict[str, float]:
    """Count the atoms in the cell by element."""
    amounts: dict[str, float] = {}
    for species, amount in structure.composition.items():
        symbol = Element.from_Z(species.Z).symbol
        amounts[symbol] = amounts.get(symbol, 0.0) + amount
    return amounts
