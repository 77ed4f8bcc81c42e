"""`exafscn query`: predictions as a table, for other programs, or as a file."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from exafscn_flows.csv_cells import csv_row
from exafscn_flows.errors import UsageError
from exafscn_flows.iteration import batches
from exafscn_flows.store.asked import asked
from exafscn_flows.store.columns import FURTHER, check_columns, with_columns
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.everywhere import ALL_COLUMNS, Everywhere, search_everywhere
from exafscn_flows.store.export import check_format, write_rows
from exafscn_flows.store.names import source_names
from exafscn_flows.store.pages import Order
from exafscn_flows.store.queries import (
    COLUMNS,
    Page,
    check_limit,
    count_predictions,
    find_page,
    find_predictions,
)
from exafscn_flows.store.store import Store
from launcher.console import console, spectrum_name
from launcher.progress import BarWatcher, LogWatcher, watching
from launcher.tables import print_whole

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
    order
        By default that of the target.
    after
        Token of the position to begin at.
    limit
        Most rows; by default all, in a table 50.
    columns
        What is shown of each row, besides what always is.
    everywhere
        Whether to look in all campaigns.
    """

    campaign: str | None
    conditions: dict[str, Any]
    order: Order | None
    after: str | None
    limit: int | None
    columns: Sequence[str] = ()
    everywhere: bool = False

    @property
    def head(self) -> tuple[str, ...]:
        """Columns of each row.

        Raises
        ------
        UsageError
            As `further`.
        """
        further = self.further()
        return ALL_COLUMNS if self.everywhere else (*COLUMNS, *further)

    def query(self, store: Store) -> PredictionQuery:
        """Build the query."""
        campaign = self.campaign or store.latest_campaign()
        return PredictionQuery(campaign=campaign, **self.conditions)

    def everywhere_in(self, store: Store) -> Everywhere:
        """Find out how all campaigns are searched."""
        return search_everywhere(store, self.conditions, self.order, self.after)

    def further(self) -> tuple[str, ...]:
        """Return the columns that are not in every row.

        Raises
        ------
        UsageError
            If there is no such column, or columns of one campaign are asked of all.
        """
        if self.everywhere and self.columns:
            raise UsageError("columns: they are those of one campaign: leave --all-campaigns out")
        return tuple(name for name in check_columns(self.columns) if name in FURTHER)

    def rows(self, store: Store) -> Iterator[dict[str, Any]]:
        """Stream the rows, with further columns."""
        further = self.further()
        if self.everywhere:
            return self.everywhere_in(store).rows(store, self.limit)
        query = self.query(store)
        rows = find_predictions(store, query, self.order, after=self.after, limit=self.limit)
        return with_columns(store, query.campaign, rows, further)


def show_table(selection: Selection) -> None:
    """Print one page, and how to see the next one."""
    columns = check_columns(selection.columns)
    store = Store.open()
    if selection.everywhere:
        _show_everywhere(store, selection)
        return
    query = selection.query(store)
    limit = _TABLE_ROWS if selection.limit is None else selection.limit
    page = find_page(store, query, selection.order, after=selection.after, limit=limit)
    terminal = console()
    if not page.rows:
        terminal.print(f"campaign {query.campaign}: no prediction meets these conditions")
        return
    rows = with_columns(store, query.campaign, page.rows, columns)
    names = source_names(store, query.campaign, {row["material_id"] for row in page.rows})
    shown = replace(page, rows=[*rows])
    print_whole(terminal, _table(f"campaign {query.campaign}", shown, names, columns))
    _explain_seen(terminal, page)
    _lead_on(terminal, page)


def _lead_on(terminal: Console, page: Page) -> None:
    if page.after:
        terminal.print("There are more: --limit shows more, --export FILE writes all.")
        # Not wrapped: it is there to be copied.
        terminal.print(f"next page: --after {page.after}", soft_wrap=True, highlight=False)


def _explain_seen(terminal: Console, page: Page) -> None:
    if any(row["seen"] for row in page.rows):
        terminal.print(
            "seen: the model was trained on this formula, among others, before the campaign: what "
            "it predicts may be recalled. --unseen leaves them out."
        )


def _show_everywhere(store: Store, selection: Selection) -> None:
    """Print the first predictions of all campaigns, and which campaigns were passed over."""
    limit = _TABLE_ROWS if selection.limit is None else check_limit(selection.limit)
    found = selection.everywhere_in(store)
    page = found.page(store, limit)
    terminal = console()
    if page.rows:
        names: dict[str, str] = {}
        for campaign in {row["campaign"] for row in page.rows}:
            own = {row["material_id"] for row in page.rows if row["campaign"] == campaign}
            names |= source_names(store, campaign, own)
        print_whole(terminal, _table(f"{len(found.searches)} campaigns", page, names))
        _explain_seen(terminal, page)
    else:
        terminal.print("no prediction of any campaign meets these conditions")
    _lead_on(terminal, page)
    if found.passed_over:
        named = ", ".join(found.passed_over)
        line = f"passed over, where this cannot be asked: {named}"
        terminal.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(title: str, page: Page, names: Mapping[str, str], columns: Sequence[str] = ()) -> Table:
    target = page.target
    are_numbers, are_curves = target.task == "numbers", target.task == "curves"
    measured = [bool(row["measured"]) for row in page.rows]
    # Of measured spectra alone, files say more than sites, and formulas and labels may be missing.
    shows_sites = not all(measured)
    shows = {name: any(row[name] is not None for row in page.rows) for name in ("formula", "label")}
    table = Table(title=title)
    table.add_column("site" if shows_sites else "measured spectrum", no_wrap=True)
    everywhere = "campaign" in page.rows[0]
    if everywhere:
        table.add_column("campaign", no_wrap=True)
    # A key says little to people: minerals and files have names.
    shows_names = shows_sites and bool(names)
    if shows_names:
        table.add_column("name", overflow="fold")
    for column in (*(["formula"] if shows["formula"] else []), "absorber"):
        table.add_column(column, overflow="fold")
    if shows_sites and any(measured):
        table.add_column("measured")
    unit = f", {target.unit}" if are_numbers and target.unit else ""
    heads = (
        *([] if are_curves else [f"{target.short}{unit}"]),
        *(["label"] if shows["label"] else []),
        *(["probability"] if target.task == "classes" else []),
        *(["error"] if are_curves else []),
    )
    for column in (*heads, "expected error"):
        table.add_column(column, justify="right", overflow="fold")
    for name in columns:
        table.add_column(_HEADS.get(name, name.replace("_", " ")), overflow="fold")
    for row, is_measured in zip(page.rows, measured, strict=True):
        value, label = (_value(row[name], are_numbers) for name in ("value", "label"))
        # Names of files and groups are data: square brackets in them are not markup.
        name = row["site"] if shows_sites else spectrum_name(row["file"], row["group"])
        cells = [escape(name), *([row["campaign"]] if everywhere else [])]
        if shows_names:
            cells.append(escape(names.get(row["material_id"], "")))
        if shows["formula"]:
            cells.append(_formula(row))
        cells.append(row["absorber"])
        if shows_sites and any(measured):
            cells.append("yes" if is_measured else "")
        if not are_curves:
            cells.append(value)
        if shows["label"]:
            cells.append(f"[red]{label}[/]" if row["disagrees"] else label)
        if target.task == "classes":
            cells.append(f"{row['probability']:.2f}")
        if are_curves:
            error = _value(row["error"], are_numbers=True)
            cells.append(f"[red]{error}[/]" if row["disagrees"] else error)
        cells.append(f"{row['expected_error']:{'.2f' if target.task == 'classes' else '.3f'}}")
        cells += [escape(_shown(row[name])) for name in columns]
        table.add_row(*cells)
    return table


_HEADS = {"bond_length": "bond length, Å", "neighbour_counts": "neighbours"}
"""What columns are called in the head of a table, other than by their names."""


def _shown(value: Any) -> str:
    """Return a value of any column as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dict):
        return ", ".join(f"{_number(number)} {key}" for key, number in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return str(value)


def _number(value: float) -> str:
    return f"{value:.3g}"


def _formula(row: Mapping[str, Any]) -> str:
    return " ".join([row["formula"] or "", *(["(seen)"] if row["seen"] else [])]).strip()


def _value(value: float | str | None, are_numbers: bool) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if are_numbers else str(value)


def print_json(selection: Selection) -> None:
    """Print a list of objects."""
    print(json.dumps(list(selection.rows(Store.open())), indent=2))


def print_csv(selection: Selection) -> None:
    """Print comma-separated values."""
    writer = csv.DictWriter(sys.stdout, selection.head)
    rows = selection.rows(Store.open())
    first = next(rows, None)  # what is wrong is said before the head is printed
    writer.writeheader()
    if first is not None:
        writer.writerow(csv_row(first))
    writer.writerows(map(csv_row, rows))


def export(selection: Selection, path: Path) -> None:
    """Write a file, and say where it is."""
    check_format(path)
    head = selection.head
    store = Store.open()
    if selection.everywhere:
        found = selection.everywhere_in(store)
        rows = found.rows(store, selection.limit)
        written = write_rows(rows, path, found.target.values, head)
        print(f"{written} predictions: {path.resolve()}")
        return
    query = selection.query(store)
    total = count_predictions(store, query, selection.order, selection.after)
    total = min(total, selection.limit or total)
    rows = selection.rows(store)
    values = asked(store, query).target.values
    if total > _LONG:
        with watching() as watcher:
            watcher.expect("export", total)
            written = write_rows(_watched(rows, watcher), path, values, head)
    else:
        written = write_rows(rows, path, values, head)
    print(f"{written} predictions: {path.resolve()}")


def _watched(
    rows: Iterator[dict[str, Any]], watcher: BarWatcher | LogWatcher
) -> Iterator[dict[str, Any]]:
    for batch in batches(rows, 1000):
        yield from batch
        watcher.advance("export", len(batch), 0)
