"""Rows of predictions as a file, written a few thousand at a time."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from exafscn_flows.csv_cells import csv_row
from exafscn_flows.errors import UsageError
from exafscn_flows.iteration import batches
from exafscn_flows.store.queries import COLUMNS
from exafscn_flows.whole_file import whole_file

_BATCH = 10_000
"""Rows that are in memory at once; a row group of a Parquet file."""

Row = dict[str, Any]


def check_format(path: Path) -> None:
    """Check that a file's name says how it is to be written.

    Raises
    ------
    UsageError
        If its suffix is none of those that can be written.
    """
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"{path}: its name has to end in one of {', '.join(_FORMATS)}")


def write_rows(
    rows: Iterable[Row], path: Path, values: type, columns: Sequence[str] = COLUMNS
) -> int:
    """Write rows to a file, which appears when all are in it.

    Parameters
    ----------
    path
        CSV, Parquet or JSON lines, by its suffix.
    values
        Kind of what is predicted: int, float or str.
    columns
        Columns of the rows.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    UsageError
        If the suffix is another one, or there can be no such file.
    CampaignError
        If the disk is full.
    """
    check_format(path)
    with whole_file(path) as file:
        write = _FORMATS[path.suffix.lower()]
        return sum(write(batches(rows, _BATCH), file, values, columns))


def _write_csv(
    parts: Iterable[list[Row]], file: BinaryIO, values: type, columns: Sequence[str]
) -> Iterator[int]:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for part in parts:
        writer.writerows(map(csv_row, part))
        yield len(part)
    text.detach()


def _write_json_lines(
    parts: Iterable[list[Row]], file: BinaryIO, values: type, columns: Sequence[str]
) -> Iterator[int]:
    for part in parts:
        file.writelines(json.dumps(row).encode() + b"\n" for row in part)
        yield len(part)


def _write_parquet(
    parts: Iterable[list[Row]], file: BinaryIO, values: type, columns: Sequence[str]
) -> Iterator[int]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    number, text, names = pa.float64(), pa.string(), pa.list_(pa.string())
    value = {int: pa.int32(), float: number, str: text}[values]
    types = {
        "value": value,
        "label": value,
        "probability": number,
        "probabilities": pa.map_(text, number),
        "expected_value": number,
        "prediction_set": pa.list_(value),
        "ood_score": number,
        "in_distribution": pa.bool_(),
        "disagrees": pa.bool_(),
        "expected_error": number,
        "error": number,
        "curve": pa.list_(pa.float32()),
        "elements": names,
        "neighbours": names,
        "oxide": pa.bool_(),
        "seen": pa.bool_(),
        "measured": pa.bool_(),
        "bond_length": number,
        "neighbour_counts": pa.map_(text, number),
        "label_weight": number,
    }
    schema = pa.schema([(name, types.get(name, text)) for name in columns])
    with ParquetWriter(file, schema) as writer:
        for part in parts:
            writer.write_batch(pa.RecordBatch.from_pylist([*map(_pairs, part)], schema=schema))
            yield len(part)


def _pairs(row: Row) -> Row:
    return {
        name: [*value.items()] if isinstance(value, dict) else value for name, value in row.items()
    }


_FORMATS = {".csv": _write_csv, ".parquet": _write_parquet, ".jsonl": _write_json_lines}
