"""NXxas, the NeXus definitions of X-ray absorption, in HDF5; the only module that imports h5py.

There are three kinds: that of 2010 (``instrument/incoming_beam`` and ``absorbed_beam``), that which
Larch writes (``data`` with ``i0``, ``itrans``, ``mutrans`` ...), and that of 2024 (``energy`` and
``intensity``, with ``NXxas_trans`` and others that extend it), whose intensity is mu.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured.axes import in_order
from exafscn_flows.sources.measured.edges import find_step
from exafscn_flows.sources.measured.header import edge_name, mode_word, number, symbol
from exafscn_flows.sources.measured.spectrum import (
    ColumnTable,
    MeasuredSpectrum,
    Mode,
    Stated,
    Unreadable,
    failure,
)
from exafscn_flows.sources.measured.tables import Wish, table_spectrum

if TYPE_CHECKING:
    import h5py

FORMAT = "NeXus NXxas"

_MARK = b"\x89HDF\r\n\x1a\n"
_DEFINITION = "NXxas"

_LARGEST = 2_000_000
"""Values of a dataset that are read; packed ones can be far larger than the file."""

_DEEPEST = 4
"""Entries may lie in groups, so far below the root."""

_PLACES: dict[str, tuple[str, ...]] = {
    "energy": ("{data}/energy", "energy", "{instrument}/monochromator/energy", "scan/energy"),
    "i0": ("{data}/i0", "{instrument}/i0/data", "{instrument}/incoming_beam/data"),
    "itrans": ("{data}/itrans", "{instrument}/itrans/data"),
    "ifluor": ("{data}/ifluor", "{instrument}/ifluor/data"),
    "absorbed_beam": ("{instrument}/absorbed_beam/data", "{data}/absorbed_beam"),
    "mu": ("{data}/mu", "mu", "intensity", "{data}/intensity"),
    "mutrans": ("{data}/mutrans",),
    "mufluor": ("{data}/mufluor",),
}
"""Where columns are, by the names that they get."""

_PROCESSED = ("{data}/data",)
"""Where mu is in NXxasproc."""

_ELEMENT = ("scan/xrayedge/element", "{data}/element", "element/symbol", "element/name", "element")
_EDGE = ("scan/xrayedge/edge", "{data}/edge", "edge/name", "edge")
_MODE = ("{data}/mode", "mode", "scan/scan_mode")
_D_SPACING = ("{instrument}/monochromator/crystal/d_spacing",)

_HINT = "look into it, for example with h5ls -r"


def is_hdf5(content: bytes) -> bool:
    """Whether a file is HDF5."""
    return content.startswith(_MARK) or any(
        content[at : at + len(_MARK)] == _MARK for at in (512, 1024, 2048)
    )


def read_nexus(
    content: bytes, name: str, group: str, wish: Wish
) -> list[MeasuredSpectrum | Unreadable]:
    """Return the spectra of a NeXus file, entry by entry.

    Parameters
    ----------
    content
        Of the file.
    name, group
        What to call it in errors, and in the spectrum if it has one entry.
    wish
        What the user says.

    Raises
    ------
    ItemFailure
        ``unreadable`` if the file is damaged or has no entry of NXxas; if it has one, whatever is
        wrong with this.
    """
    import h5py

    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return _read(file, name, group, wish)
    except ItemFailure:
        raise
    # h5py raises errors of many types when a file is damaged.
    except Exception as error:
        cause = f"the HDF5 file is damaged ({error})"
        raise failure("unreadable", name, cause, "copy it again") from error


def _read(
    file: "h5py.File", name: str, group: str, wish: Wish
) -> list[MeasuredSpectrum | Unreadable]:
    entries = list(_entries(file, "", _DEEPEST, set()))
    if not entries:
        cause = "an HDF5 file without an entry of the definition NXxas"
        raise failure("unreadable", name, cause, "export the spectrum as NXxas, XDI or text")
    found: list[MeasuredSpectrum | Unreadable] = []
    for path in entries:
        label = group if len(entries) == 1 else path
        where = name if len(entries) == 1 else f"{name}, {path}"
        try:
            for table in _tables(file[path], where, label):
                found.append(_attempt(table, wish))
        except ItemFailure as error:
            found.append(Unreadable(label, error))
    if len(found) == 1 and isinstance(found[0], Unreadable):
        raise found[0].failure
    return found


def _attempt(table: ColumnTable, wish: Wish) -> MeasuredSpectrum | Unreadable:
    try:
        return table_spectrum(table, wish)
    except ItemFailure as error:
        return Unreadable(table.group, error)


def _entries(parent: "h5py.Group", path: str, depth: int, seen: set[int]) -> Iterator[str]:
    """Yield the paths of entries of NXxas; of a group that has several, one."""
    import h5py

    for key in parent:
        child = _get(parent, key)
        if not isinstance(child, h5py.Group):
            continue
        address = h5py.h5o.get_info(child.id).addr
        if address in seen:
            continue
        seen.add(address)
        where = f"{path}/{key}" if path else key
        if _text(child, ("definition",)).startswith(_DEFINITION):
            yield where
        elif depth > 1:
            yield from _entries(child, where, depth - 1, seen)


def _tables(entry: "h5py.Group", name: str, group: str) -> Iterator[ColumnTable]:
    """Yield the spectra of an entry: one, or the rows of a stack."""
    columns = {label: _array(entry, places, name) for label, places in _PLACES.items()}
    if _text(entry, ("definition",)) == "NXxasproc":
        columns["mu"] = _array(entry, _PROCESSED, name)
    energy = columns.pop("energy")
    if energy is None or energy[0].ndim != 1:
        raise failure("no_energy", name, "the entry has no list of energies", _HINT)
    values, unit = energy
    stated = Stated(
        absorber=symbol(_text(entry, _ELEMENT)),
        edge=edge_name(_text(entry, _EDGE)),
        d_spacing=number(_text(entry, _D_SPACING)),
        mode=mode_word(_text(entry, (*_MODE, "definition"))),
    )
    found: dict[str, np.ndarray] = {}
    for label, column in columns.items():
        if column is None:
            continue
        if label == "mu" and column[0].ndim == 2 and column[0].shape[1] == len(values):
            for at, row in enumerate(column[0], start=1):
                stacked = {"energy": values, "mu": row}
                yield _table(stacked, unit, stated, f"{name}, {at}", f"{group} {at}", ())
            return
        if column[0].shape != values.shape:
            cause = f"{label} has {column[0].size} values, and there are {values.size} energies"
            raise failure("unreadable", name, cause, _HINT)
        found[label] = column[0]
    notes: tuple[str, ...] = ()
    if "absorbed_beam" in found:
        beam = found.pop("absorbed_beam")
        if "i0" in found and not found.keys() & {"itrans", "ifluor"}:
            in_ev = values * 1000 if unit == "kev" else values
            mode, note = _mode_of_beam(in_ev, found["i0"], beam, stated.mode)
            found["itrans" if mode == "transmission" else "ifluor"] = beam
            notes = (note,) if note else ()
    yield _table({"energy": values, **found}, unit, stated, name, group, notes)


def _table(
    columns: dict[str, np.ndarray],
    unit: str,
    stated: Stated,
    name: str,
    group: str,
    notes: tuple[str, ...],
) -> ColumnTable:
    return ColumnTable(
        name=name,
        group=group,
        format=FORMAT,
        labels=tuple(columns),
        units=tuple(unit if label == "energy" else "" for label in columns),
        rows=np.column_stack(list(columns.values())),
        stated=stated,
        notes=notes,
    )


def _mode_of_beam(
    energy: np.ndarray, i0: np.ndarray, beam: np.ndarray, stated: Mode | None
) -> tuple[Mode, str]:
    """Tell whether absorbed_beam, which may be either, is in transmission or fluorescence."""
    if stated is not None:
        return stated, ""
    with np.errstate(all="ignore"):
        ratio = beam / i0
        ratio[~np.isfinite(ratio)] = np.nan
    x, y, _ = in_order(energy, ratio, (), "absorbed_beam")
    step = find_step(x, y, None)
    mode: Mode = "fluorescence" if step is not None and step.rises else "transmission"
    does = "rises" if mode == "fluorescence" else "does not rise"
    return mode, f"absorbed_beam/i0 {does} across the edge, so it is taken for {mode}"


def _array(
    entry: "h5py.Group", places: tuple[str, ...], name: str
) -> tuple[np.ndarray, str] | None:
    """Return the first dataset of several places, and its unit in lower case."""
    for place in _filled(entry, places):
        dataset = _get(entry, place)
        if dataset is None or not hasattr(dataset, "dtype"):
            continue
        if dataset.dtype.kind not in "iuf" or dataset.ndim not in (1, 2):
            continue
        if dataset.external or dataset.is_virtual:
            cause = f"the data of {place} are in another file"
            raise failure("unreadable", name, cause, "put them into this file")
        if dataset.size > _LARGEST:
            raise failure("too_large", name, f"{place} has {dataset.size} values", _HINT)
        return np.asarray(dataset[()], dtype=float), _unit(dataset)
    return None


def _unit(dataset: "h5py.Dataset") -> str:
    return _as_text(dataset.attrs.get("units", "")).strip().lower()


def _text(entry: "h5py.Group", places: tuple[str, ...]) -> str:
    """Return the first text, or number as text, of several places; "" if there is none."""
    for place in _filled(entry, places):
        dataset = _get(entry, place)
        if dataset is not None and hasattr(dataset, "dtype") and dataset.size == 1:
            value = dataset[()]
            found = _as_text(value.ravel()[0] if isinstance(value, np.ndarray) else value).strip()
            if found:
                return found
    return ""


def _as_text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _filled(entry: "h5py.Group", places: tuple[str, ...]) -> Iterator[str]:
    """Yield places, with the names of the groups of data and of the instrument."""
    names = {"data": ["data"], "instrument": ["instrument"]}
    for key in entry:
        child = _get(entry, key)
        if child is None or not hasattr(child, "keys"):
            continue
        nx_class = _as_text(child.attrs.get("NX_class", ""))
        role = {"NXdata": "data", "NXinstrument": "instrument"}.get(nx_class)
        if role and key not in names[role]:
            names[role].append(key)
    for place in places:
        for data in names["data"] if "{data}" in place else [""]:
            for instrument in names["instrument"] if "{instrument}" in place else [""]:
                yield place.format(data=data, instrument=instrument)


def _get(parent: "h5py.Group", path: str) -> Any:
    """Return what is at a path, None if there is nothing; links to other files are not followed."""
    import h5py

    item: Any = parent
    for key in path.split("/"):
        if not isinstance(item, h5py.Group) or key not in item:
            return None
        if isinstance(item.get(key, getlink=True), h5py.ExternalLink):
            return None
        item = item.get(key)
    return item
