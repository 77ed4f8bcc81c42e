"""Projects of Athena: Perl's or JSON's text, packed by gzip or not.

Athena adds ``bkg_eshift`` to the energies of a record wherever it uses them (Demeter 0.9,
Athena 0.8), and its E0 (``bkg_e0``) is on that scale. So it is added here.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured.header import edge_name, number, symbol
from exafscn_flows.sources.measured.perl_text import Item, PerlError, items, numbers, statements
from exafscn_flows.sources.measured.spectrum import (
    ColumnTable,
    Kind,
    MeasuredSpectrum,
    Mode,
    Stated,
    Unreadable,
    failure,
)
from exafscn_flows.sources.measured.tables import Wish, agreed, chi_spectrum, mu_spectrum

FORMAT = "Athena project"

_MARK = "Athena project file -- "
_JSON_MARK = "____header"

_NO_ABSORBER = ("H", "He")
"""What Athena writes where it knows none."""

_NO_SPECTRUM = {
    "is_bkg": "a background function",
    "is_diff": "a difference of spectra",
    "is_pixel": "a scan over pixels, without energies",
    "is_rsp": "a Fourier transform",
    "is_qsp": "a filtered chi(k)",
}
"""Records that are none, by what Athena writes about them."""

_EXPORT = "save the project again in Athena"


@dataclass
class _Record:
    """A record of a project, as far as it has been read."""

    name: str = ""
    args: dict[str, Item] = field(default_factory=dict)
    x: np.ndarray | None = None
    y: np.ndarray | None = None
    fault: str = ""

    @property
    def label(self) -> str:
        text = self.text("label").strip()
        return text or self.name or "?"

    def text(self, key: str) -> str:
        value = self.args.get(key)
        return value if isinstance(value, str) else ""

    def is_set(self, key: str) -> bool:
        return self.text(key) not in ("", "0")


def is_project(text: str) -> bool:
    """Whether a text is a project of Athena."""
    head = text[:2000]
    return _MARK in head[:500] or (text.lstrip()[:1] == "{" and _JSON_MARK in head)


def read_project(
    text: str, name: str, wish: Wish, *, is_cut: bool
) -> list[MeasuredSpectrum | Unreadable]:
    """Return all records of a project, in their order.

    Parameters
    ----------
    text
        Of the project.
    name
        What to call it in errors.
    wish
        What the user says; columns and mode do not apply.
    is_cut
        Whether the end of the packed file is missing.

    Raises
    ------
    ItemFailure
        ``unreadable`` if there is no record in it.
    """
    is_json = text.lstrip()[:1] == "{"
    records, is_whole = _json_records(text, name) if is_json else _perl_records(text)
    found: list[MeasuredSpectrum | Unreadable] = []
    n_same: Counter[str] = Counter()
    for record in records:
        n_same[record.label] += 1
        number_of_label = n_same[record.label]
        label = f"{record.label} ({number_of_label})" if number_of_label > 1 else record.label
        try:
            found.append(_spectrum(record, label, f"{name}, {label}", wish))
        except ItemFailure as error:
            found.append(Unreadable(label, error))
    if is_cut or not is_whole:
        cause = "the end of the project is missing"
        missing = failure("unreadable", name, cause, "copy it again, or save it again in Athena")
        if not any(isinstance(item, MeasuredSpectrum) for item in found):
            raise missing
        found.append(Unreadable("end of the project", missing))
    if not found:
        raise failure("unreadable", name, "a project of Athena without a record", _EXPORT)
    return found


def _spectrum(record: _Record, label: str, name: str, wish: Wish) -> MeasuredSpectrum:
    if record.fault:
        raise failure("unreadable", name, record.fault, _EXPORT)
    x, y = record.x, record.y
    if x is None or y is None or not len(x):
        raise failure("unreadable", name, "the record has no data", _EXPORT)
    if len(x) != len(y):
        cause = f"the record has {len(x)} energies and {len(y)} values"
        raise failure("unreadable", name, cause, _EXPORT)
    for key, what in _NO_SPECTRUM.items():
        if record.is_set(key):
            raise failure("no_spectrum", name, f"the record is {what}", "leave it out")
    notes = [f"not the first record of the label {record.label}"] if label != record.label else []
    table = ColumnTable(name, label, FORMAT, (), (), np.empty((0, 0)), Stated())
    stated = agreed(_stated(record), wish, name)
    if record.is_set("is_chi"):
        return chi_spectrum(table, x, y, stated, notes)
    shift = number(record.text("bkg_eshift")) or 0.0
    if shift:
        notes.append(f"energies are shifted by {shift:g} eV, as the project states")
    if record.is_set("is_kev") and np.nanmax(x) < 200:
        x = x * 1000
        notes.append("energies are in keV, as the project states")
    if np.nanmin(x) < 0:
        cause = "its energies are relative to an edge"
        raise failure("bad_energy", name, cause, "give energies in eV, not above E0")
    kind: Kind = "normalized" if record.is_set("is_nor") else "mu"
    return mu_spectrum(table, x + shift, y, stated, kind, _mode(record), notes)


def _stated(record: _Record) -> Stated:
    absorber = symbol(record.text("atsym")) or symbol(record.text("bkg_z"))
    edge = edge_name(record.text("edge")) or edge_name(record.text("fft_edge"))
    e0 = number(record.text("bkg_e0"))
    is_known = absorber is not None and absorber not in _NO_ABSORBER
    return Stated(
        absorber=absorber if is_known else None,
        edge=edge if is_known else None,
        e0=e0 if e0 and e0 > 0 else None,
    )


def _mode(record: _Record) -> Mode:
    """How the project says that Athena has made mu of columns."""
    if record.is_set("generated") or not record.text("numerator"):
        return "mu"
    if record.is_set("ln"):
        return "transmission"
    return "fluorescence" if record.text("denominator") not in ("", "1") else "mu"


def _perl_records(text: str) -> tuple[list[_Record], bool]:
    """Return the records, and whether the project has an end."""
    records: list[_Record] = []
    record: _Record | None = None
    for name, value in statements(text):
        if name == "1;":
            return records, record is None
        if name == "[record]":
            record = None
            continue
        try:
            if name == "old_group":
                record = _Record(name=str(items(value)[0]))
                records.append(record)
            elif record is None:
                continue
            elif name == "args":
                record.args = _arguments(items(value))
            elif name == "x":
                record.x = numbers(value)
            elif name == "y":
                record.y = numbers(value)
        except (PerlError, IndexError) as error:
            if record is None:
                record = _Record()
                records.append(record)
            record.fault = f"the record is damaged: {error}"
    return records, False


def _arguments(found: list[Item]) -> dict[str, Item]:
    keys, values = found[::2], found[1::2]
    return {key: value for key, value in zip(keys, values, strict=False) if isinstance(key, str)}


def _json_records(text: str, name: str) -> tuple[list[_Record], bool]:
    try:
        project = json.loads(text)
        return list(_of_json(project)), True
    except (ValueError, RecursionError, TypeError, AttributeError) as error:
        cause = f"a damaged project of Athena ({error})"
        raise failure("unreadable", name, cause, _EXPORT) from error


def _of_json(project: Mapping[str, Any]) -> Iterator[_Record]:
    order = project.get("_____order") or [key for key in project if not key.startswith("____")]
    for key in order:
        group = project.get(key)
        if not isinstance(group, dict):
            yield _Record(name=str(key), fault="the record is missing")
            continue
        args = group.get("args") or {}
        known = {
            name: value for name, value in args.items() if isinstance(value, str | int | float)
        }
        record = _Record(str(key), {name: str(value) for name, value in known.items()})
        record.x, record.y = (_floats(group.get(axis)) for axis in ("x", "y"))
        yield record


def _floats(values: Any) -> np.ndarray | None:
    if not isinstance(values, list):
        return None
    return np.array([float(value) for value in values])
