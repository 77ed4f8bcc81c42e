"""Settings of space groups by their names: Hermann-Mauguin, Hall, numbers.

A name may stand for several settings: other axes, another origin.
"""

import functools
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import gemmi
import numpy as np
import spglib

_METRIC_TOLERANCE = 0.02
"""Relative change of the metric of the cell by an operator: cells are rounded, or were refined
without the symmetry that was found later."""

_ORIGINS = {"s": "1", "z": "2"}
"""How ICSD calls the two origins."""


@dataclass(frozen=True, eq=False)
class Setting:
    """Operators of a space group in the axes and with the origin of a cell.

    Attributes
    ----------
    name
        What to call it in errors.
    number
        Number of the group in the International Tables, 0 if it is in none.
    operators
        The operators as x,y,z.
    rotations
        Shape (operators, 3, 3): fractional coordinates are multiplied from the left.
    translations
        Shape (operators, 3), in fractional coordinates.
    codes
        How the International Tables call the setting, such as 2, h, b1 or 1cab.
    """

    name: str
    number: int
    operators: frozenset[str]
    rotations: np.ndarray
    translations: np.ndarray
    codes: frozenset[str] = frozenset()

    def fits(self, metric: np.ndarray) -> bool:
        """Whether the operators leave the metric of a cell as it is."""
        turned = self.rotations.transpose(0, 2, 1) @ metric @ self.rotations
        lengths = np.sqrt(np.diag(metric))
        change = np.abs(turned - metric) / np.outer(lengths, lengths)
        return bool(change.max() <= _METRIC_TOLERANCE)


@functools.lru_cache(maxsize=256)
def setting(name: str, operators: frozenset[str], codes: frozenset[str] = frozenset()) -> Setting:
    """Make a setting of all operators of a group, each as x,y,z within one cell."""
    parsed = [gemmi.Op(triplet) for triplet in sorted(operators, key=lambda o: (o != "x,y,z", o))]
    rotations = np.array([operator.rot for operator in parsed]) / gemmi.Op.DEN
    translations = np.array([operator.tran for operator in parsed]) / gemmi.Op.DEN
    known = gemmi.find_spacegroup_by_ops(gemmi.GroupOps(parsed))
    if known is None:
        whole = np.rint(rotations).astype(int)
        with _quiet_spglib():
            known = spglib.get_spacegroup_type_from_symmetry(whole, translations)
    return Setting(name, known.number if known else 0, operators, rotations, translations, codes)


@contextmanager
def _quiet_spglib() -> Iterator[None]:
    """Hide that spglib will handle errors otherwise in some later version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def by_hall(text: str) -> list[Setting]:
    """Return the setting of a Hall symbol; none if it is not one."""
    # Only the lattice is a capital; two apostrophes stand for a quotation mark.
    lower = text.replace("_", " ").replace("''", '"').lower()
    symbol = re.sub("[a-z]", lambda lattice: lattice[0].upper(), lower, count=1)
    try:
        group = gemmi.symops_from_hall(symbol)
    except (ValueError, RuntimeError):
        return []
    known = gemmi.find_spacegroup_by_ops(group)
    if known is not None:
        return [_tabulated(known.hall)]
    return [setting(text, frozenset(operator.wrap().triplet() for operator in group))]


def by_number(text: str) -> list[Setting]:
    """Return the settings of a group by its number, which may have a code: 227:2."""
    number, _, code = text.partition(":")
    halls = _halls_by_number().get(number.strip(), [])
    return coded([_tabulated(hall) for hall in halls], code)


def by_name(text: str, metric: np.ndarray) -> list[Setting]:
    """Return the settings of a Hermann-Mauguin symbol, short or full, in any spelling.

    Parameters
    ----------
    text
        Symbol, which may have a code: ``F d -3 m :2``, ``R -3 c H``, ``F d 3 m S``.
    metric
        Shape (3, 3), Å²: scalar products of the axes of the cell. A short monoclinic symbol means
        axis b, unless only another axis fits the cell.

    Returns
    -------
    list of Setting
        Empty if no table has it. They need not fit the cell.
    """
    name, _, code = text.partition(":")
    origin = re.search(r"origin[^12]*([12])", name, flags=re.IGNORECASE)
    if origin:
        name, code = name[: origin.start()], origin[1]
    key = _squeezed(name)
    halls = _halls_by_name().get(key)
    if halls is None and key[-1:] in ("h", "r", *_ORIGINS):
        halls, code = _halls_by_name().get(key[:-1]), code or key[-1]
    if halls is None and (known := gemmi.find_spacegroup_by_name(name)):
        halls = _halls_by_name()[_squeezed(known.hm)]  # the glide plane e: C m c e
    settings = coded([_tabulated(hall) for hall in halls or ()], code)
    unique_b = [s for s in settings if any(c.strip("-")[:1] == "b" for c in s.codes)]
    monoclinic = all(3 <= setting.number <= 15 for setting in settings)
    if monoclinic and any(setting.fits(metric) for setting in unique_b):
        return unique_b
    return settings


def coded(settings: list[Setting], code: str) -> list[Setting]:
    """Choose of several settings those of a code, such as 2, H or b1."""
    wanted = code.strip().lower()
    wanted = _ORIGINS.get(wanted, wanted)
    if not wanted or len(settings) < 2:
        return settings
    return [setting for setting in settings if wanted in setting.codes]


@functools.cache
def _tabulated(hall: str) -> Setting:
    """Make the setting of a Hall symbol that gemmi's table lists."""
    group = gemmi.symops_from_hall(hall)
    known = gemmi.find_spacegroup_by_ops(group)
    origin, axes = known.ext.strip("\0").lower(), known.qualifier or "abc"
    codes = {origin, axes, origin + axes, axes + origin} - {""}
    operators = frozenset(operator.wrap().triplet() for operator in group)
    return setting(known.xhm(), operators, frozenset(codes))


@functools.cache
def _halls_by_number() -> dict[str, list[str]]:
    halls: dict[str, list[str]] = {}
    for group in gemmi.spacegroup_table_itb():
        halls.setdefault(str(group.number), []).append(group.hall)
    return halls


@functools.cache
def _halls_by_name() -> dict[str, list[str]]:
    """Map spellings of Hermann-Mauguin symbols to the Hall symbols of their settings."""
    with _quiet_spglib():
        types = [spglib.get_spacegroup_type(number) for number in range(1, 531)]
    full = {known.hall_symbol: known.international_full for known in types if known}
    halls: dict[str, list[str]] = {}
    for group in gemmi.spacegroup_table():
        short = group.hm.replace(" 1", "") if 3 <= group.number <= 15 else group.hm
        names = {group.hm, group.short_name(), short, full.get(group.hall, group.hm)}
        if group.number >= 195:  # as before 1983: F m 3 m
            names |= {name.replace("-3", "3") for name in names}
        for key in {_squeezed(name) for name in names}:
            halls.setdefault(key, []).append(group.hall)
    return halls


def _squeezed(name: str) -> str:
    """Strip a symbol of what is written otherwise by others: blanks, subscripts, case."""
    return re.sub(r"<[^>]*>|[^0-9a-z/-]", "", name.lower())
