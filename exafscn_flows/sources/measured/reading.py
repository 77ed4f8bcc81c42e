"""Reading a measured file, whatever its format: its content tells that, not its suffix."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from exafscn_flows.elements import check_element
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.sources.measured import athena, feff, larix
from exafscn_flows.sources.measured.column_text import column_table, scans
from exafscn_flows.sources.measured.columns import check_columns
from exafscn_flows.sources.measured.content import read_bytes, text_of, unpack
from exafscn_flows.sources.measured.nexus import is_hdf5, read_nexus
from exafscn_flows.sources.measured.signals import require
from exafscn_flows.sources.measured.spectrum import (
    MeasuredSpectrum,
    Mode,
    Unreadable,
    failure,
)
from exafscn_flows.sources.measured.tables import Wish, table_spectrum
from exafscn_flows.sources.measured.xdi import is_xdi, xdi_table

_SUFFIX = re.compile(r"(?<=.)\.[A-Za-z][A-Za-z0-9]{0,9}(\.gz)?$", re.IGNORECASE)


def read_measured(
    path: str | Path,
    *,
    columns: Mapping[str, int | str] | None = None,
    mode: Mode | None = None,
    absorber: str | None = None,
) -> list[MeasuredSpectrum | Unreadable]:
    """Read all spectra of a file: XDI, columns of text, Athena, NXxas, Larix or FEFF.

    Parameters
    ----------
    path
        The file, which may be packed by gzip.
    columns
        Which column is ``energy``, ``i0``, ``it``, ``if``, ``mu``, ``chi``, ``k``: its number,
        from 1, or its name; several of a fluorescence detector as text, such as "4+5+6". None to
        go by their names. For files without columns, this and `mode` do not apply, which is noted.
    mode
        How it was measured; None to go by the header and the data.
    absorber
        Symbol; None to go by what the file states.

    Returns
    -------
    list of MeasuredSpectrum or Unreadable
        In the order of the file, which has one at least.

    Raises
    ------
    ItemFailure
        One line that says why nothing of the file can be used. What is wrong with one group of
        several does not raise; it is in an Unreadable.
    UsageError
        If columns, mode or absorber make no sense.
    """
    place = Path(path).expanduser()
    _check(columns or {}, mode, absorber)
    content = read_bytes(place)
    return read_content(content, place.name, columns=columns, mode=mode, absorber=absorber)


def read_content(
    content: bytes,
    name: str,
    *,
    columns: Mapping[str, int | str] | None = None,
    mode: Mode | None = None,
    absorber: str | None = None,
) -> list[MeasuredSpectrum | Unreadable]:
    """Read all spectra of a file whose content is at hand.

    Parameters
    ----------
    content
        Of the file.
    name
        Its name, for errors and for the spectrum.
    columns, mode, absorber
        As in `read_measured`, which also says what is returned and raised.
    """
    wish = Wish(dict(columns or {}), mode, absorber)
    _check(wish.columns, mode, absorber)
    group = _SUFFIX.sub("", name) or name
    content, is_cut = unpack(content, name)
    if is_hdf5(content):
        if is_cut:
            raise _cut(name)
        return read_nexus(content, name, group, wish)
    text = text_of(content, name)
    if athena.is_project(text):
        return _noted(athena.read_project(text, name, wish, is_cut=is_cut), wish)
    if larix.is_session(text):
        return _noted(larix.read_session(text, name, wish, is_cut=is_cut), wish)
    if is_cut:
        raise _cut(name)
    if is_xdi(text):
        return [table_spectrum(xdi_table(text, name, group), wish)]
    if feff.is_xmu(text) or feff.is_chi(text):
        return _noted([feff.read_feff(text, name, group, wish)], wish)
    return _column_text(text, name, group, wish)


def _column_text(
    text: str, name: str, group: str, wish: Wish
) -> list[MeasuredSpectrum | Unreadable]:
    found: list[MeasuredSpectrum | Unreadable] = []
    for number, lines in scans(text):
        label = f"{group} {number}" if number else group
        where = f"{name}, scan {number}" if number else name
        try:
            found.append(table_spectrum(column_table(lines, where, label), wish))
        except ItemFailure as error:
            found.append(Unreadable(label, error))
    if len(found) == 1 and isinstance(found[0], Unreadable):
        raise found[0].failure
    return found


def _noted(
    found: list[MeasuredSpectrum | Unreadable], wish: Wish
) -> list[MeasuredSpectrum | Unreadable]:
    """Note that columns and mode do not apply, where the user has named some."""
    if not wish.columns and wish.mode is None:
        return found
    what = "columns" if wish.columns else "mode"
    return [
        replace(item, notes=(*item.notes, f"the {what} given do not apply to a {item.format}"))
        if isinstance(item, MeasuredSpectrum)
        else item
        for item in found
    ]


def _check(columns: Mapping[str, int | str], mode: Mode | None, absorber: str | None) -> None:
    if columns:
        check_columns(columns)
    require(columns, mode)
    if absorber is not None:
        try:
            check_element(absorber)
        except ValueError as error:
            raise UsageError(f"absorber {error}") from error


def _cut(name: str) -> ItemFailure:
    return failure("unreadable", name, "the end of the packed file is missing", "copy it again")
