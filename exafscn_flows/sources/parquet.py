"""Parquet files of spectra: their columns checked, and rows read one row group at a time."""

import os
import stat
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exafscn_flows.errors import ItemFailure, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

_REQUIRED = {
    "material_id": "text",
    "site_index": "whole numbers",
    "absorber": "text",
    "structure": "text",
    "e0": "numbers",
}
_PAIRS = (("energy_rel", "mu"), ("k", "chi"))
"""A spectrum has one of them at least, and none by halves."""

_OPTIONAL = {
    **{name: "lists of numbers" for pair in _PAIRS for name in pair},
    "mu0": "lists of numbers",
    "edge": "text",
    "spectrum_type": "text",
    "program": "text",
    "version": "text",
}

_KEY = ("material_id", "site_index", "absorber")

_LARGEST_GROUP = 500_000_000
"""Bytes of a row group, unpacked: a process holds one at least."""

_KEPT = 128_000_000
"""Bytes of row groups that a process keeps, beside the last one."""

_kept: OrderedDict[tuple[str, str, int, tuple[str, ...]], Any] = OrderedDict()


class Table:
    """A Parquet file with the columns of a table of spectra; made by `open_table`.

    Parameters
    ----------
    path
        The file.
    stamp
        Changes with its size and time.

    Attributes
    ----------
    columns
        Those of its columns that say something about spectra.

    Raises
    ------
    UsageError
        If it is no Parquet file, or its columns are not those of spectra.
    """

    def __init__(self, path: str, stamp: str) -> None:
        from pyarrow.parquet import ParquetFile

        self.stamp = stamp
        self._path = path
        try:
            self._file = ParquetFile(Path(path).expanduser())
        except (OSError, ValueError) as error:
            raise UsageError(f"source {path}: not a Parquet file ({_line(error)})") from error
        schema = self._file.schema_arrow
        if problem := _problem(schema):
            raise UsageError(f"source {path}: {problem}")
        self._site = (*_KEY, "structure")
        self._spectrum = (*_KEY, "e0", *(name for name in _OPTIONAL if name in schema.names))
        self.columns = frozenset({*self._site, *self._spectrum})

    def check(self) -> None:
        """Refuse a table without rows, and row groups that do not fit into memory.

        Raises
        ------
        UsageError
            One line.
        """
        metadata = self._file.metadata
        if metadata.num_rows == 0:
            raise UsageError(f"source {self._path}: no rows in it")
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            columns = [group.column(number) for number in range(group.num_columns)]
            # Repeated values are stored once, but unpack to 4 bytes each at least.
            size = sum(
                max(column.total_uncompressed_size, 4 * column.num_values)
                for column in columns
                if column.path_in_schema.split(".")[0] in self.columns
            )
            if size > _LARGEST_GROUP:
                raise UsageError(
                    f"source {self._path}: a row group of {size // 1_000_000} MB, unpacked; write "
                    "the table with row_group_size=1000"
                )

    def runs(self) -> Iterator[tuple[str, int]]:
        """Stream the material of consecutive rows, and the row group that they are in.

        Raises
        ------
        UsageError
            If a row has no material_id, or the file is damaged.
        """
        for group, names in enumerate(self._column("material_id")):
            for material_id, _ in groupby(names):
                if material_id is None:
                    raise UsageError(f"source {self._path}: a row without material_id")
                yield material_id, group

    def distinct(self, column: str) -> set[str]:
        """Collect the values of a column of text, of which no other column is read.

        Parameters
        ----------
        column
            One of `columns`.

        Raises
        ------
        UsageError
            If the file is damaged.
        """
        return {text for texts in self._column(column) for text in texts if text is not None}

    def _column(self, name: str) -> Iterator[list[str | None]]:
        """Stream a column of text by row groups."""
        for group in range(self._file.num_row_groups):
            try:
                texts: list[str | None] = self._read(group, [name])[name].to_pylist()
            except (OSError, ValueError) as error:
                raise UsageError(f"source {self._path}: damaged ({_line(error)})") from error
            yield texts

    def site_rows(self, material_id: str, groups: Sequence[int]) -> list[dict[str, Any]]:
        """Read the rows of a material without its spectra; ItemFailure as `spectrum_rows`."""
        return self._rows(groups, self._site, {"material_id": material_id})

    def spectrum_rows(
        self, material_id: str, groups: Sequence[int], absorber: str, site_index: int
    ) -> list[dict[str, Any]]:
        """Read the rows of a site without its structure.

        Parameters
        ----------
        material_id, absorber, site_index
            As in the table.
        groups
            Row groups that hold the material.

        Raises
        ------
        ItemFailure
            ``unreadable``.
        """
        key = {"material_id": material_id, "absorber": absorber, "site_index": site_index}
        return self._rows(groups, self._spectrum, key)

    def _rows(
        self, groups: Sequence[int], columns: tuple[str, ...], key: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        import pyarrow.compute as pc

        try:
            rows: list[dict[str, Any]] = []
            for group in groups:
                found = self._group(group, columns)
                for name, value in key.items():
                    found = found.filter(pc.equal(found[name], value))
                rows += found.to_pylist()
        except Exception as error:  # pyarrow raises whatever a damaged file makes it run into
            message = f"{key['material_id'][:40]}: cannot be read from the table ({_line(error)})"
            raise ItemFailure("unreadable", message, "write the table again") from error
        return rows

    def _group(self, group: int, columns: tuple[str, ...]) -> "pa.Table":
        key = (self._path, self.stamp, group, columns)
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
        table = _kept[key] = self._read(group, columns)
        while len(_kept) > 1 and sum(kept.nbytes for kept in _kept.values()) > _KEPT:
            _kept.popitem(last=False)
        return table

    def _read(self, group: int, columns: Sequence[str]) -> "pa.Table":
        # Workers have one core each.
        return self._file.read_row_group(group, columns=list(columns), use_threads=False)


def open_table(path: str) -> Table:
    """Open a table of spectra, once per process.

    Raises
    ------
    UsageError
        If there is no Parquet file, or its columns are not those of spectra.
    """
    place = Path(path).expanduser()
    try:
        info = place.stat()
    except OSError as error:
        raise UsageError(f"source {path}: {error.strerror or error}; look at the path") from error
    if not stat.S_ISREG(info.st_mode):  # opening a pipe would wait for ever
        raise UsageError(f"source {path}: not a Parquet file")
    return _opened(path, f"{info.st_size}-{info.st_mtime_ns}", os.getpid())


@lru_cache(maxsize=4)
def _opened(path: str, stamp: str, pid: int) -> Table:
    # Opened once per process: forked processes would share the position in the file.
    return Table(path, stamp)


def _problem(schema: "pa.Schema") -> str:
    """Say which columns are missing, there twice, or of another type."""
    names = schema.names
    if missing := [name for name in _REQUIRED if name not in names]:
        return f"no column {', '.join(missing)}"
    for one, other in (*_PAIRS, *(pair[::-1] for pair in _PAIRS), ("mu0", "mu")):
        if one in names and other not in names:
            return f"column {one} without {other}"
    if not any(pair[0] in names for pair in _PAIRS):
        return "no spectra in it: neither columns energy_rel and mu, nor k and chi"
    for name, wanted in {**_REQUIRED, **_OPTIONAL}.items():
        if names.count(name) > 1:
            return f"column {name} is there twice"
        if name in names and wanted not in _content(schema.field(name).type, name in _OPTIONAL):
            return f"column {name} must hold {wanted}, not {schema.field(name).type}"
    return ""


def _content(type_: "pa.DataType", optional: bool) -> set[str]:
    """Say what a column of some type can stand for; one without any value, if it is optional."""
    from pyarrow import types

    if types.is_null(type_) and optional:
        return {*_OPTIONAL.values()}
    if types.is_dictionary(type_):
        return _content(type_.value_type, optional)
    if types.is_string(type_) or types.is_large_string(type_):
        return {"text"}
    if types.is_integer(type_):
        return {"whole numbers", "numbers"}
    if types.is_floating(type_):
        return {"numbers"}
    if types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        return {"lists of numbers"} if types.is_floating(type_.value_type) else set()
    return set()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
