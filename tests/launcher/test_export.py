"""Files of predictions: whole or not there, in little memory."""

import csv
import json
import math
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from predictions import CN, made_predictions, of_target
from pyarrow import parquet

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.store import export
from exafscn_flows.store.export import write_rows
from exafscn_flows.store.queries import COLUMNS, row_of

SUFFIXES = [".csv", ".parquet", ".jsonl"]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file of few rows be written in several batches."""
    monkeypatch.setattr(export, "_BATCH", 1_000)


VALUES = {CN: int, "environment": str, "bond_length": float}


def rows(count: int, target: str = CN) -> Iterator[dict[str, Any]]:
    docs = made_predictions(count)
    if target != CN:
        docs = of_target(target, docs)
    yield from (row_of(doc.to_mongo()) for doc in docs)


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if path.suffix == ".parquet":
        table = pd.read_parquet(path).to_dict("records")
        return [
            row
            | {name: list(row[name]) for name in ("elements", "neighbours")}
            | {"probabilities": row["probabilities"] and dict(row["probabilities"])}
            | {"prediction_set": _listed(row["prediction_set"])}
            for row in table
        ]
    lists = ("elements", "neighbours", "probabilities", "prediction_set")
    with path.open(newline="") as file:
        return [
            row | {name: json.loads(row[name] or "null") for name in lists}
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("target", VALUES)
def test_file_holds_every_row_in_order(tmp_path, target, suffix):
    path = tmp_path / f"found{suffix}"
    expected = list(rows(2_500 if (target, suffix) == (CN, ".parquet") else 300, target))
    assert write_rows(iter(expected), path, VALUES[target]) == len(expected)
    found = read(path)
    if suffix == ".csv":
        expected = [{name: _in_csv(name, value) for name, value in row.items()} for row in expected]
    if suffix == ".parquet":
        plain = ("probability", "expected_value", "error", "file", "group")
        found = [row | {name: _plain(row[name]) for name in plain} for row in found]
    assert found == expected
    assert list(found[0]) == list(COLUMNS)


def _listed(value: Any) -> list[Any] | None:
    return None if value is None else value.tolist()


def _in_csv(name: str, value: Any) -> Any:
    if isinstance(value, list | dict) or name in ("probabilities", "prediction_set"):
        return value
    return "" if value is None else str(value)


def _plain(value: float | str | None) -> float | str | None:
    return None if isinstance(value, float) and math.isnan(value) else value


@pytest.mark.parametrize(
    ("target", "kind"), [(CN, "int32"), ("environment", "string"), ("bond_length", "double")]
)
@pytest.mark.parametrize("count", [0, 3])
def test_parquet_has_a_column_of_the_kind_of_the_values(tmp_path, target, kind, count):
    path = tmp_path / "found.parquet"
    write_rows(rows(count, target), path, VALUES[target])
    schema = parquet.read_schema(path)
    assert [str(schema.field(name).type) for name in ("value", "label")] == [kind, kind]
    pairs = schema.field("probabilities").type
    assert [str(pairs.key_type), str(pairs.item_type)] == ["string", "double"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_rows_are_a_file_too(tmp_path, suffix):
    path = tmp_path / f"found{suffix}"
    assert write_rows(iter([]), path, int) == 0
    assert read(path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_file_of_before_stays_until_the_new_one_is_complete(tmp_path, suffix):
    path = tmp_path / f"found{suffix}"
    path.write_text("before")

    def broken() -> Iterator[dict[str, Any]]:
        yield from rows(2_000)
        assert [file.name for file in tmp_path.iterdir() if file.name != path.name]
        raise CampaignError("MongoDB went away")

    with pytest.raises(CampaignError, match="went away"):
        write_rows(broken(), path, int)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path, suffix):
    (row,) = rows(1)

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            write_rows((dict(row) for _ in range(count)), tmp_path / f"found{suffix}", int)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # imports
    assert peak(6_000) < 1.3 * peak(2_000)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("found", "has to end in one of .csv, .parquet, .jsonl"),
        ("found.xlsx", "has to end in one of"),
        ("missing/found.csv", "cannot be made: No such file"),
        ("folder.csv", "cannot be made: Is a directory"),
        ("file/found.csv", "cannot be made: Not a directory"),
    ],
)
def test_files_that_cannot_be_are_refused_in_one_line(tmp_path, name, words):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=words) as refusal:
        write_rows(islice(rows(3), 2), tmp_path / name, int)
    assert len(str(refusal.value).splitlines()) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder.csv"]
