"""Symmetry operators that a CIF states, itself or by the name of its space group.

A name may stand for several settings: other axes, another origin. All that fit the cell are
returned; what else the file states has to tell them apart.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import gemmi
import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources import space_groups
from exafscn_flows.sources.cif_block import Block, is_null
from exafscn_flows.sources.space_groups import Setting

_OPERATORS = ("space_group_symop_operation_xyz", "symmetry_equiv_pos_as_xyz")
_MAGNETIC_OPERATORS = "space_group_symop_magn_operation_xyz"
_MAGNETIC_CENTRINGS = "space_group_symop_magn_centering_xyz"
_NAMES = (
    "space_group_name_h-m_alt",
    "space_group_name_h-m_full",
    "space_group_name_h-m",
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

_ON_SYMMETRY = re.compile(r"(?:^|_)space_group|^symmetry_")

_HALL_SYMBOL = re.compile(r"^-|\d[a-z\"'=*^]")
"""What sets a Hall symbol apart, such as -C 2yc, where a Hermann-Mauguin symbol is expected."""

_SUPERSPACE = re.compile(r"\([^)]*[0abg][^)]*\)", re.IGNORECASE)
"""The modulation in the symbol of a superspace group, such as P n m a (0 b 0) s 0 0."""

_ADD_OPERATORS = "add the symmetry operators (_space_group_symop_operation_xyz)"
ADD_SETTING = f"{_ADD_OPERATORS}, a Hall symbol, or the full name with its origin (F d -3 m :2)"


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
            _check_silence(block)
            return Symmetry(None, space_groups.by_hall("P 1"), "no symmetry")
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


def _check_silence(block: Block) -> None:
    """Refuse a block that speaks of its symmetry, but not of its group."""
    for name in block.names():
        text = block.text(name) if _ON_SYMMETRY.search(name) else None
        if text is not None and text.lower() not in ("triclinic", "anorthic"):
            raise _unusable(f"its only word on symmetry is _{name} {text}", _ADD_OPERATORS)


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
    cause = f"{text} is no symmetry operator of a space group"
    try:
        operator = gemmi.Op(text)
    except (ValueError, RuntimeError) as error:
        raise (_modulated() if "x4" in text.lower() else _unusable(cause)) from error
    if abs(operator.det_rot()) != gemmi.Op.DEN**3:
        raise _unusable(cause)
    return operator


def _listed(triplets: list[str], metric: np.ndarray) -> Setting:
    """Make a setting of operators that a file lists."""
    setting = space_groups.setting("as listed", frozenset(triplets))
    group = gemmi.GroupOps([gemmi.Op(triplet) for triplet in setting.operators])
    try:
        group.add_missing_elements()
    except RuntimeError as error:
        raise _unusable("its symmetry operators make no space group") from error
    if len(group) != len(setting.operators):
        cause = (
            f"symmetry operators are missing: of {len(group)}, {len(setting.operators)} are there"
        )
        raise _unusable(cause, "list all symmetry operators")
    if not setting.fits(metric):
        raise _unusable("the symmetry operators do not fit the cell")
    return setting


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
            settings = space_groups.by_number(text)
        elif tag in _HALLS:
            settings = space_groups.by_hall(text) or space_groups.by_name(text, metric)
        else:
            settings = space_groups.by_name(text, metric)
            if not settings and _HALL_SYMBOL.search(text):
                settings = space_groups.by_hall(text)
        if not settings:
            if _SUPERSPACE.search(text):
                raise _modulated()
            cause = f"space group {text} is in no table"
            raise _unusable(cause, f"{_ADD_OPERATORS} or a Hall symbol")
        if tag == _REFERENCE:
            settings = space_groups.by_number(str(settings[0].number))
        code = block.text(_CODE)
        if code is not None:
            settings = space_groups.coded(settings, code) or settings
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
