"""Rows of CSV files."""

import json
from typing import Any


def csv_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as it stands in a CSV file: lists and probabilities are JSON."""
    return {
        name: json.dumps(value) if isinstance(value, list | dict) else value
        for name, value in row.items()
    }
