"""Symmetry operators that a CIF states, itself or by the name of its space group.

A name may stand for several settings: other axes, another origin. All that fit the cell are
returned; what else the file states has to tell them apart.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import gemmi
import numpy as np
import spglib

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.cif_block import Block, is_null

_OPERATORS = ("space_group_symop_operation_xyz", "symmetry_equiv_pos_as_xyz")
_MAGNETIC_OPERATORS = "space_group_symop_magn_operation_xyz"
_MAGNETIC_CENTRINGS = "space_group_symop_magn_centering_xyz"
_NAMES = (
    "space_group_name_h-m_alt",
    "space_group_name_h-m_full",
    "symmetry_space_group_name_h-m",
    "symmetry_space_group_name_h_m",
)
_REFERENCE = "space_group_name_h-m_ref"
_HALLS = ("space_group_name_hall", "symmetry_space_group_name_hall")
_NUMBERS = ("space_group_it_number", "symmetry_int_tables_number")
_CODE = "space_group_it_coordinate_system_code"
_DIMENSION = "cell_modulation_dimension"
_MODULATED = (
    "cell_wave_vector_seq_id",
    "cell_wave_vector_x",
    "cell_subsystems_number",
    "space_group_ssg_name",
    "space_group_ssg_name_wjj",
    "space_group_ssg_it_number",
    "space_group_symop_ssg_operation_algebraic",
    "space_group_symop_magn_ssg_operation_algebraic",
)

_METRIC_TOLERANCE = 0.02
"""Relative change of the metric of the cell by an operator: cells are rounded, or were refined
without the symmetry that was found later."""

_ADD_OPERATORS = "add the symmetry operators (_space_group_symop_operation_xyz)"
ADD_SETTING = f"{_ADD_OPERATORS}, a Hall symbol, or the full name with its origin (F d -3 m :2)"

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


class Symmetry(NamedTuple):
    """What a file says of its symmetry."""

    listed: Setting | None
    """The operators that it lists."""
    named: list[Setting]
    """Without operators: all settings that name, Hall symbol and number admit and that fit the
    cell, at least one. Beside operators: only those of another group than theirs."""
    words: str
    """What of it the file says."""


def read_symmetry(block: Block, metric: np.ndarray) -> Symmetry:
    """Read the symmetry of a crystal.

    Parameters
    ----------
    block
        Data block of the crystal. Without any word on symmetry there is none: x,y,z is the
        default of CIF.
    metric
        Shape (3, 3), Å²: scalar products of the axes of the cell.

    Returns
    -------
    Symmetry

    Raises
    ------
    ItemFailure
        ``unknown_symmetry``, if it is unknown, modulated, contradicts itself or does not fit the
        cell.
    ValueError
        If a data name is there twice.
    """
    if block.text(_DIMENSION) not in (None, "0") or any(map(block.text, _MODULATED)):
        raise _modulated()
    triplets = _triplets(block)
    if triplets is None:
        said = list(_statements(block, metric))
        if not said:
            return Symmetry(None, [_tabulated("P 1")], "no symmetry")
        words = " with ".join(statement.words for statement in said)
        return Symmetry(None, _agreed(said, words, metric), words)
    listed = _listed(triplets, metric)
    words = "a symmetry operator" if len(triplets) == 1 else f"{len(triplets)} symmetry operators"
    try:
        said = list(_statements(block, metric))
    except ItemFailure:  # cells are in use that no table lists
        said = []
    others = [s for s in said if listed.number not in {setting.number for setting in s.settings}]
    named = [s for statement in others for s in statement.settings if s.fits(metric)]
    return Symmetry(listed, named, " with ".join([words, *(s.words for s in others)]))


def _modulated() -> ItemFailure:
    cause = "a modulated structure (superspace group), whose cells differ"
    hint = "give a commensurate approximant, or the average structure without the modulation"
    return ItemFailure("unknown_symmetry", cause, hint)


def _unusable(cause: str, hint: str = "repair the symmetry in the file") -> ItemFailure:
    return ItemFailure("unknown_symmetry", cause, hint)


def _triplets(block: Block) -> list[str] | None:
    """List the operators of a block, such as -x,y+1/2,z, or return None."""
    magnetic = _values(block, _MAGNETIC_OPERATORS)
    if magnetic:
        # The fourth part turns the moments.
        spatial = [_operator(",".join(value.split(",")[:3])) for value in magnetic]
        centrings = _values(block, _MAGNETIC_CENTRINGS) or ["x,y,z"]
        return [
            _operator(",".join(centring.split(",")[:3])).combine(operator).wrap().triplet()
            for centring in centrings
            for operator in spatial
        ]
    found = [values for name in _OPERATORS if (values := _values(block, name))]
    lists = [[_operator(value).wrap().triplet() for value in values] for values in found]
    if len(lists) == 2 and set(lists[0]) != set(lists[1]):
        raise _unusable("its two lists of symmetry operators differ", "remove one of them")
    return lists[0] if lists else None


def _values(block: Block, name: str) -> list[str]:
    return [value for value in block.column(name) or () if not is_null(value)]


def _operator(text: str) -> gemmi.Op:
    try:
        return gemmi.Op(text)
    except ValueError as error:
        if "x4" in text.lower():
            raise _modulated() from error
        raise _unusable(f"{text} is no symmetry operator of a space group") from error


def _listed(triplets: list[str], metric: np.ndarray) -> Setting:
    """Make a setting of operators that a file lists."""
    setting = _setting("as listed", frozenset(triplets))
    if not np.allclose(np.abs(np.linalg.det(setting.rotations)), 1):
        raise _unusable("its symmetry operators change the volume")
    group = gemmi.GroupOps([gemmi.Op(triplet) for triplet in setting.operators])
    group.add_missing_elements()
    if len(group) != len(setting.operators):
        cause = f"symmetry operators are missing: of {len(group)}, {len(setting.operators)} are there"
        raise _unusable(cause, "list all symmetry operators")
    if not setting.fits(metric):
        raise _unusable("the symmetry operators do not fit the cell")
    return setting


@functools.lru_cache(maxsize=256)
def _setting(
    name: str, operators: frozenset[str], codes: frozenset[str] = frozenset()
) -> Setting:
    parsed = [gemmi.Op(triplet) for triplet in sorted(operators, key=lambda o: (o != "x,y,z", o))]
    rotations = np.array([operator.rot for operator in parsed]) / gemmi.Op.DEN
    translations = np.array([operator.tran for operator in parsed]) / gemmi.Op.DEN
    known = gemmi.find_spacegroup_by_ops(gemmi.GroupOps(parsed))
    if known is None:
        whole = np.rint(rotations).astype(int)
        known = spglib.get_spacegroup_type_from_symmetry(whole, translations)
    return Setting(name, known.number if known else 0, operators, rotations, translations, codes)


class _Statement(NamedTuple):
    """What one word on symmetry stands for."""

    words: str
    settings: list[Setting]
    decides: bool
    """Whether it says which setting is used; otherwise it only tells the group."""


def _statements(block: Block, metric: np.ndarray) -> Iterator[_Statement]:
    """Look up all words on symmetry; what tells more comes first."""
    for tag in (*_HALLS, *_NAMES, _REFERENCE, *_NUMBERS):
        text = block.text(tag)
        if text is None:
            continue
        if text[0].isdigit():
            settings = _by_number(text)
        elif tag in _HALLS:
            settings = _by_hall(text) or _by_name(text, metric)
        else:
            settings = _by_name(text, metric) or _by_hall(text)
        if not settings:
            cause = f"space group {text} is in no table"
            raise _unusable(cause, f"{_ADD_OPERATORS} or a Hall symbol")
        if tag == _REFERENCE:
            settings = _by_number(str(settings[0].number))
        code = block.text(_CODE)
        if code is not None:
            settings = _coded(settings, code) or settings
        yield _Statement(f"space group {text}", settings, tag in (*_HALLS, *_NAMES))


def _agreed(said: list[_Statement], words: str, metric: np.ndarray) -> list[Setting]:
    """Return the settings that all statements admit and that fit the cell."""
    common = said[0].settings
    for statement in said[1:]:
        numbers = {setting.number for setting in statement.settings}
        same = {setting.operators for setting in statement.settings}
        common = [
            setting
            for setting in common
            if setting.number in numbers
            and (not statement.decides or not setting.codes or setting.operators in same)
        ]
    if not common:
        raise _unusable(f"{words} contradict each other", "remove what is wrong")
    fitting = {setting.operators: setting for setting in common if setting.fits(metric)}
    if not fitting:
        raise _unusable(f"{words} does not fit the cell", _ADD_OPERATORS)
    return list(fitting.values())


def _by_hall(text: str) -> list[Setting]:
    try:
        group = gemmi.symops_from_hall(text.replace("_", " "))
    except (ValueError, RuntimeError):
        return []
    known = gemmi.find_spacegroup_by_ops(group)
    if known is not None:
        return [_tabulated(known.hall)]
    return [_setting(text, frozenset(operator.wrap().triplet() for operator in group))]


def _by_number(text: str) -> list[Setting]:
    """Return the settings of a group of a number, which may have a code: 227:2."""
    number, _, code = text.partition(":")
    halls = _halls_by_number().get(number.strip(), [])
    return _coded([_tabulated(hall) for hall in halls], code)


def _by_name(text: str, metric: np.ndarray) -> list[Setting]:
    """Return the settings of a Hermann-Mauguin symbol, short or full, in any spelling."""
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
    settings = _coded([_tabulated(hall) for hall in halls or ()], code)
    # A short monoclinic symbol means axis b, where the cell has one.
    unique_b = [s for s in settings if any(c.strip("-")[:1] == "b" for c in s.codes)]
    monoclinic = all(3 <= setting.number <= 15 for setting in settings)
    if monoclinic and any(setting.fits(metric) for setting in unique_b):
        return unique_b
    return settings


def _coded(settings: list[Setting], code: str) -> list[Setting]:
    """Choose the settings of a code, such as 2, H or b1."""
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
    return _setting(known.xhm(), operators, frozenset(codes))


@functools.cache
def _halls_by_number() -> dict[str, list[str]]:
    halls: dict[str, list[str]] = {}
    for group in gemmi.spacegroup_table_itb():
        halls.setdefault(str(group.number), []).append(group.hall)
    return halls


@functools.cache
def _halls_by_name() -> dict[str, list[str]]:
    """Map spellings of Hermann-Mauguin symbols to the Hall symbols of their settings."""
    full = {}
    for number in range(1, 531):
        known = spglib.get_spacegroup_type(number)
        full[known.hall_symbol] = known.international_full
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
