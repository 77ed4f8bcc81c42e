"""Which column of a table is what: by its name, or as the user says."""

import re
from collections.abc import Mapping, Sequence

from exafscn_flows.errors import UsageError
from exafscn_flows.sources.measured.spectrum import ColumnTable, failure

Roles = Mapping[str, tuple[int, ...]]
"""Columns, from 0, by what they are. Those of ``mu`` and ``norm`` are choices, the best first;
those of ``if`` are to be added up; of all others there is one."""

ROLES = ("energy", "i0", "it", "if", "mu", "chi", "k")
"""What a user can name."""

EXAMPLE = "--columns energy=1,i0=2,it=3"

_NAMES: dict[str, tuple[str, ...]] = {
    "energy": (
        *("omega", "energy", "e", "en", "photon_energy", "mono_energy", "energy_achieved"),
        *("achieved_energy", "e_achieved", "bragg_energy", "hv", "energy_requested"),
        *("requested_energy", "energy_setpoint", "energy_readback", "energy_rbv", "energy_read"),
    ),
    "angle": (
        *("angle", "theta", "bragg", "bragg_angle", "mono_angle", "angle_o", "angle_read"),
        *("angle_readback", "angle_c", "angle_drive", "mono_theta"),
    ),
    "i0": ("i0", "io", "i_0", "i_o", "izero", "i_zero", "ion0", "ic0", "i0_counts", "monitor"),
    "it": (
        *("itrans", "it", "i_t", "i1", "i_1", "itr", "itransmission", "trans", "transmission"),
        *("transmitted", "ion1", "ic1", "itrans_counts", "it_counts", "i1_counts"),
    ),
    "if": (
        *("ifluor", "if", "i_f", "iff", "ifl", "ifluo", "ifluorescence", "fluor", "fluo"),
        *("fluorescence", "lytle", "pips", "ff", "fl", "ifluor_counts", "if_counts"),
    ),
    "mu": (
        *("mu", "xmu", "mue", "mu_e", "mux", "mut", "mu_t", "absorption", "absorbance", "abs"),
        *("mutrans", "mu_trans", "mufluor", "mu_fluor", "mu_f", "muf", "intensity"),
    ),
    "norm": (
        *("norm", "munorm", "mu_norm", "norm_e", "normalized", "normalised", "normalized_mu"),
        *("nxmu", "munor", "normtrans", "normfluor", "flat", "flattened"),
    ),
    "k": ("k", "wavenumber", "k_a", "k_1_a", "k_ang_1"),
    "chi": ("chi", "chi_k"),
}
"""Names as `_plain` gives them, the most telling first."""

_FORMULA = re.compile(r"(-?)(ln|log)?\(*(?:abs\()?([a-z0-9_]+)/([a-z0-9_]+)\)*")
"""ln(i0/it), -log(I1/I0), if/i0."""

_CHANNEL = re.compile(r"(?:if|iff|ifluor|ifluo|fluor|fluo|ff|fl|sdd|ge|lytle|pips)_?(\d{1,3})")
"""One element of a fluorescence detector of several."""

_UNIT = re.compile(r"\s*[(\[]\s*([^)\]]*?)\s*[)\]]\s*$")

_ANGLES = ("deg", "degree", "degrees", "rad", "radian", "radians", "°")


def parse_columns(text: str) -> dict[str, int | str]:
    """Read what a user says about columns, such as ``energy=1,i0=2,if=4+5+6``.

    Parameters
    ----------
    text
        Pairs of what it is (energy, i0, it, if, mu, chi, k) and the column's number, from 1, or
        name. Columns of one detector are added up with ``+``.

    Returns
    -------
    dict
        Numbers where one number is given, and text otherwise, by what it is.

    Raises
    ------
    UsageError
        With one line that says what is wrong.
    """
    found: dict[str, int | str] = {}
    for pair in text.split(","):
        role, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not role or not value:
            raise UsageError(f"columns: {pair.strip()!r} is no pair such as energy=1: {EXAMPLE}")
        role = role.lower()
        if role in found:
            raise UsageError(f"columns: {role} is given twice")
        found[role] = int(value) if value.isdecimal() else value
    check_columns(found)
    return found


def check_columns(columns: Mapping[str, int | str]) -> None:
    """Raise UsageError if columns are given of which no spectrum can be made."""
    for role, column in columns.items():
        if role not in ROLES:
            raise UsageError(f"columns: {role!r} is none of {', '.join(ROLES)}: {EXAMPLE}")
        parts = _parts(column)
        if not all(parts):
            raise UsageError(f"columns: {role}={column} has an empty part")
        if any(part.isdecimal() and int(part) < 1 for part in parts):
            raise UsageError(f"columns: {role}={column}: columns are counted from 1")
        if len(parts) > 1 and role != "if":
            raise UsageError(f"columns: {role}={column}: only those of if are added up")
    taken = [part for column in columns.values() for part in _parts(column)]
    if twice := [part for part in taken if taken.count(part) > 1]:
        raise UsageError(f"columns: column {twice[0]} cannot be two things: {EXAMPLE}")
    given = set(columns)
    counts = "i0" in given and given & {"it", "if"}
    if not ({"k", "chi"} <= given or ("energy" in given and ("mu" in given or counts))):
        raise UsageError(
            "columns: a spectrum is energy with mu, with i0 and it, or with i0 and if; or k with "
            f"chi: {EXAMPLE}"
        )


def named_roles(table: ColumnTable, columns: Mapping[str, int | str]) -> Roles:
    """Return the columns that a user names.

    Raises
    ------
    ItemFailure
        ``no_column`` if the table has no such column, or several of the name.
    """
    return {
        role: tuple(_index(table, part) for part in _parts(column))
        for role, column in columns.items()
    }


def found_roles(labels: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the columns whose names tell what they are; reference channels are none.

    Parameters
    ----------
    labels
        Names as they are written.
    """
    plain = [_plain(label) for label in labels]
    found: dict[str, tuple[int, ...]] = {}
    for role, names in _NAMES.items():
        ranked = [(names.index(name), at) for at, name in enumerate(plain) if name in names]
        if ranked:
            found[role] = tuple(at for _, at in sorted(ranked))
    formulas = tuple(at for at, label in enumerate(labels) if _is_formula(label))
    if formulas:
        found["mu"] = (*found.get("mu", ()), *formulas)
    if "if" not in found:
        channels = [at for at, name in enumerate(plain) if _CHANNEL.fullmatch(name)]
        if channels:
            found["if"] = tuple(channels)
    else:
        found["if"] = found["if"][:1]
    choices = ("mu", "norm", "if")
    return {role: ats if role in choices else ats[:1] for role, ats in found.items()}


def unit_of(label: str) -> str:
    """Return the unit that a name ends with, in lower case, such as "ev" of "Energy (eV)"."""
    match = _UNIT.search(label)
    if match:
        return match[1].lower()
    tail = re.search(r"[\s_./,-](k?ev|deg(?:rees?)?|rad(?:ians?)?)$", label.strip().lower())
    return tail[1] if tail else ""


def is_angle(label: str, unit: str) -> bool:
    """Whether a column holds the angle of the monochromator."""
    return unit in _ANGLES or (not unit and _plain(label) in _NAMES["angle"])


def listed(labels: Sequence[str]) -> str:
    """Return the columns as a user can name them."""
    shown = [f"{at + 1} {label or '?'}" for at, label in enumerate(labels[:12])]
    return ", ".join(shown) + (", ..." if len(labels) > 12 else "")


def _is_formula(label: str) -> bool:
    """Whether a name is a formula of mu; that of a reference sample, ln(It/Ir), is none."""
    match = _FORMULA.fullmatch(re.sub(r"\s", "", label.lower()))
    if not match:
        return False
    minus, logarithm, above, below = match.groups()
    if not logarithm:
        return above in _NAMES["if"] and below in _NAMES["i0"] and not minus
    above, below = (below, above) if minus else (above, below)
    return above in _NAMES["i0"] and below in _NAMES["it"]


def _parts(column: int | str) -> list[str]:
    return [part.strip() for part in str(column).split("+")]


def _index(table: ColumnTable, part: str) -> int:
    hint = f"name one of its columns: {listed(table.labels)}"
    if part.isdecimal():
        if int(part) > len(table.labels):
            cause = f"there is no column {part}; there are {len(table.labels)}"
            raise failure("no_column", table.name, cause, hint)
        return int(part) - 1
    # As it is written, or else without regard to case and unit.
    for same in (lambda label: label == part, lambda label: _plain(label) == _plain(part)):
        found = [at for at, label in enumerate(table.labels) if same(label)]
        if len(found) == 1:
            return found[0]
        if found:
            cause = f"{len(found)} columns have the name {part!r}"
            raise failure("no_column", table.name, cause, "name it by its number")
    raise failure("no_column", table.name, f"there is no column {part!r}", hint)


def _plain(label: str) -> str:
    """Return a name in small letters, without its unit, with _ for all that is no letter."""
    name = label.strip().strip("\"'").lower()
    match = _UNIT.search(name)
    # In chi(k), mu(E) and Angle(o) it is no unit.
    if match and match[1] not in ("k", "e", "o", "c"):
        name = name[: match.start()]
    name = re.sub(r"[^a-z0-9]+", "_", name).strip("_")
    return re.sub(r"_k?ev$", "", name)
