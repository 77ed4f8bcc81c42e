"""Sessions of Larix: lines of JSON, packed by gzip.

Larix takes ``energy_orig`` + ``energy_shift`` for the energies of a group. It may not have done so
yet where a group comes from a project of Athena; then there is no ``energy_orig``, and the shift is
to be added to ``energy``.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured.header import edge_name, mode_word, symbol
from exafscn_flows.sources.measured.spectrum import (
    ColumnTable,
    MeasuredSpectrum,
    Stated,
    Unreadable,
    failure,
)
from exafscn_flows.sources.measured.tables import Wish, agreed, chi_spectrum, mu_spectrum

FORMAT = "Larix session"

_MARK = "##LARIX:"
_NAME = re.compile(r"<:(.*):>")
_DTYPE = re.compile(r"[<>|=]?[fiu][1248]")
_GROUPS = "_xasgroups"
_END = "##</Symbols>"
_SAVE = "save the session again in Larix"


def is_session(text: str) -> bool:
    """Whether a text is a session of Larix."""
    return text.startswith(_MARK)


def read_session(
    text: str, name: str, wish: Wish, *, is_cut: bool
) -> list[MeasuredSpectrum | Unreadable]:
    """Return the spectra of a session, in its order.

    Parameters
    ----------
    text
        Of the session.
    name
        What to call it in errors.
    wish
        What the user says; columns and mode do not apply.
    is_cut
        Whether the end of the packed file is missing.

    Raises
    ------
    ItemFailure
        ``unreadable`` if there is no spectrum in it.
    """
    symbols = dict(_symbols(text))
    listed = symbols.pop(_GROUPS, None)
    labels = {}
    if isinstance(listed, dict):
        labels = {
            group: label
            for label, group in listed.items()
            if isinstance(group, str) and label != "__class__"
        }
    found: list[MeasuredSpectrum | Unreadable] = []
    for key, value in symbols.items():
        is_listed = key in labels
        if not is_listed and (labels or not _is_spectrum(value)):
            continue
        label = str(labels.get(key, key)).strip() or key
        try:
            found.append(_spectrum(value, label, f"{name}, {label}", wish))
        except ItemFailure as error:
            found.append(Unreadable(label, error))
    for key, label in labels.items():
        if key not in symbols:
            missing = failure("unreadable", f"{name}, {label}", "the group is missing", _SAVE)
            found.append(Unreadable(str(label), missing))
    if is_cut or _END not in text:
        missing = failure("unreadable", name, "the end of the session is missing", _SAVE)
        if not any(isinstance(item, MeasuredSpectrum) for item in found):
            raise missing
        found.append(Unreadable("end of the session", missing))
    if not found:
        raise failure("unreadable", name, "a session of Larix without a spectrum", _SAVE)
    return found


def _symbols(text: str) -> Iterator[tuple[str, Any]]:
    """Yield what a session holds, by name; None of what is damaged."""
    key = ""
    for line in text.split("\n"):
        if match := _NAME.fullmatch(line.strip()):
            key = match[1]
        elif key and not line.startswith("##"):
            try:
                yield key, json.loads(line)
            except (ValueError, RecursionError):
                yield key, None
            key = ""


def _is_spectrum(value: Any) -> bool:
    return isinstance(value, dict) and "energy" in value and "mu" in value


def _spectrum(value: Any, label: str, name: str, wish: Wish) -> MeasuredSpectrum:
    if not isinstance(value, dict):
        raise failure("unreadable", name, "the group is damaged", _SAVE)
    table = ColumnTable(name, label, FORMAT, (), (), np.empty((0, 0)), Stated())
    e0 = value.get("e0")
    stated = Stated(
        absorber=symbol(_text(value.get("atsym"))),
        edge=edge_name(_text(value.get("edge"))),
        e0=float(e0) if isinstance(e0, int | float) and e0 > 0 else None,
    )
    stated = agreed(stated, wish, name)
    x, y = _array(value.get("energy")), _array(value.get("mu"))
    if x is None or y is None:
        k, chi = _array(value.get("k")), _array(value.get("chi"))
        if k is None or chi is None or k.shape != chi.shape:
            cause = "the group has neither energy and mu nor k and chi"
            raise failure("no_spectrum", name, cause, "leave it out")
        return chi_spectrum(table, k, chi, stated, [])
    if x.shape != y.shape:
        cause = f"the group has {len(x)} energies and {len(y)} values of mu"
        raise failure("unreadable", name, cause, _SAVE)
    original, shift = _array(value.get("energy_orig")), value.get("energy_shift")
    notes = []
    if isinstance(shift, int | float) and shift:
        x = (original if original is not None and original.shape == x.shape else x) + shift
        notes.append(f"energies are shifted by {shift:g} eV, as the session states")
    mode = mode_word(_text(value.get("xasmode"))) or "mu"
    return mu_spectrum(table, x, y, stated, "mu", mode, notes)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _array(value: Any) -> np.ndarray | None:
    """Return an array as Larch writes it: in base 64, or, in older sessions, as a list."""
    if not isinstance(value, dict):
        return None
    try:
        if value.get("__class__") == "b64ndarray":
            inner = json.loads(value["__value__"])
            if not _DTYPE.fullmatch(inner["dtype"]):
                return None
            flat = np.frombuffer(base64.b64decode(inner["value"]), np.dtype(inner["dtype"]))
        elif value.get("__class__") == "Array":
            flat = np.array([float(number) for number in value["value"]])
        else:
            return None
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError):
        return None
    return flat.astype(float).ravel()
