"""`exafscn query`: predictions as a table, for other programs, or as a file."""

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from exafscn_flows.iteration import batches
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.pages import Order
from exafscn_flows.store.queries import (
    COLUMNS,
    Page,
    count_predictions,
    find_page,
    find_predictions,
)
from exafscn_flows.store.store import Store
from launcher.console import console
from launcher.export import check_format, csv_row, write_rows
from launcher.progress import BarWatcher, LogWatcher, watching

_TABLE_ROWS = 50
_LONG = 50_000
"""An export of more rows, which takes seconds, shows its progress."""


@dataclass(frozen=True)
class Selection:
    """What to show of the predictions of a campaign.

    Attributes
    ----------
    campaign
        By default the one run last.
    conditions
        Fields of PredictionQuery.
    after
        Token of the position to begin at.
    limit
        Most rows; by default all, in a table 50.
    """

    campaign: str | None
    conditions: dict[str, Any]
    order: Order
    after: str | None
    limit: int | None

    def query(self, store: Store) -> PredictionQuery:
        """Build the query."""
        campaign = self.campaign or store.latest_campaign()
        return PredictionQuery(campaign=campaign, **self.conditions)

    def rows(self, store: Store) -> Iterator[dict[str, Any]]:
        """Stream the rows."""
        query = self.query(store)
        return find_predictions(store, query, self.order, after=self.after, limit=self.limit)


def show_table(selection: Selection) -> None:
    """Print one page, and how to see the next one."""
    store = Store.open()
    query = selection.query(store)
    limit = _TABLE_ROWS if selection.limit is None else selection.limit
    page = find_page(store, query, selection.order, after=selection.after, limit=limit)
    terminal = console()
    if not page.rows:
        terminal.print(f"campaign {query.campaign}: no prediction meets these conditions")
        return
    terminal.print(_table(query.campaign, page))
    if page.after:
        terminal.print("There are more: --limit shows more, --export FILE writes all.")
        # Not wrapped: it is there to be copied.
        terminal.print(f"next page: --after {page.after}", soft_wrap=True, highlight=False)


def _table(campaign: str, page: Page) -> Table:
    table = Table(title=f"campaign {campaign}")
    for column in ("site", "formula", "absorber"):
        table.add_column(column)
    for column in ("CN", "label", "probability", "expected error"):
        table.add_column(column, justify="right")
    for row in page.rows:
        label = f"[red]{row['cn_label']}[/]" if row["disagrees"] else str(row["cn_label"])
        table.add_row(
            row["site"],
            row["formula"],
            row["absorber"],
            str(row["cn"]),
            label,
            f"{row['probability']:.2f}",
            f"{row['expected_error']:.2f}",
        )
    return table


def print_json(selection: Selection) -> None:
    """Print a list of objects."""
    print(json.dumps(list(selection.rows(Store.open())), indent=2))


def print_csv(selection: Selection) -> None:
    """Print comma-separated values."""
    writer = csv.DictWriter(sys.stdout, COLUMNS)
    rows = selection.rows(Store.open())
    first = next(rows, None)  # what is wrong is said before the head is printed
    writer.writeheader()
    if first is not None:
        writer.writerow(csv_row(first))
    writer.writerows(map(csv_row, rows))


def export(selection: Selection, path: Path) -> None:
    """Write a file, and say where it is."""
    check_format(path)
    store = Store.open()
    total = count_predictions(store, selection.query(store), selection.order, selection.after)
    total = min(total, selection.limit or total)
    rows = selection.rows(store)
    if total > _LONG:
        with watching() as watcher:
            watcher.expect("export", total)
            written = write_rows(_watched(rows, watcher), path)
    else:
        written = write_rows(rows, path)
    print(f"{written} predictions: {path.resolve()}")


def _watched(
    rows: Iterator[dict[str, Any]], watcher: BarWatcher | LogWatcher
) -> Iterator[dict[str, Any]]:
    for batch in batches(rows, 1000):
        yield from batch
        watcher.advance("export", len(batch), 0)
