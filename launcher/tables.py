"""Tables whose keys are whole, to be copied, however narrow the terminal."""

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_ENDLESS = 10_000
"""Columns of a terminal on which any table fits."""


def print_whole(terminal: Console, table: Table) -> None:
    """Print a table, or, where its words do not fit beside each other, its rows one by one.

    Parameters
    ----------
    table
        Its first column holds keys, and is not wrapped; others may be folded between words.
    """
    if fits(terminal, table):
        terminal.print(table)
        return
    if table.title:
        terminal.print(table.title, style="italic", highlight=False)
    heads = [str(column.header).replace("\n", " ") for column in table.columns[1:]]
    for key, *cells in zip(*(column.cells for column in table.columns), strict=True):
        terminal.print(_text(key), highlight=False, soft_wrap=True)
        shown = [
            Text(f"{head} ").append_text(text)
            for head, text in zip(heads, map(_text, cells), strict=True)
            if text.plain.strip()
        ]
        terminal.print(Padding(Text(", ").join(shown), (0, 0, 0, 4)), highlight=False)


def fits(terminal: Console, table: Table) -> bool:
    """Say whether the words of a table fit beside each other; draws it closer together if need be.

    Parameters
    ----------
    table
        Loses the blanks beside its lines where it is too wide with them.
    """
    options = terminal.options.update(max_width=_ENDLESS)
    if Measurement.get(terminal, options, table).minimum <= terminal.width:
        return True
    before, table.padding = table.padding, 0
    if Measurement.get(terminal, options, table).minimum <= terminal.width:
        return True
    table.padding = before
    return False


def _text(cell: RenderableType) -> Text:
    if isinstance(cell, Text):
        return cell.copy()
    return Text.from_markup(str(cell), emoji=False)
