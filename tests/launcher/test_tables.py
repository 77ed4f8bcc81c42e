"""Tables with keys: whole on any terminal."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from exafscn_flows.jobs.status import Status
from exafscn_flows.report.data import StageCount
from launcher.cli import main
from launcher.show import stage_table
from launcher.tables import print_whole

KEYS = ["amcsd-18067:Cu:2", "some/folder/with/a/long/name/LiNi0.8Co0.1Mn0.1O2-relaxed:Ni:12"]


def printed(width, keys=KEYS):
    table = Table(title="campaign test")
    table.add_column("site", no_wrap=True)
    for column in ("name", "formula", "absorber"):
        table.add_column(column, overflow="fold")
    table.add_column("expected error", justify="right", overflow="fold")
    for key in keys:
        table.add_row(key, "tenorite of [Cornwall]".replace("[", "\\["), "CuO", "Cu", "0.25")
    terminal = Console(file=io.StringIO(), width=width)
    print_whole(terminal, table)
    return terminal.file.getvalue()


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_keys_are_whole_however_narrow_the_terminal(width):
    out = printed(width)
    words = {word for line in out.splitlines() for word in line.split()}
    assert words >= set(KEYS)
    assert "…" not in out
    flat = " ".join(out.split())
    assert "[Cornwall]" in flat
    assert flat.count("0.25") == 2


@pytest.mark.parametrize(("width", "is_table"), [(61, True), (60, True), (40, False)])
def test_stages_are_whole_words_and_a_table_as_long_as_that_can_be(width, is_table):
    count = StageCount("structures", "Cu", done=100, failed=2, pending=3, blocked=4, left_out=5)
    status = Status("test", True, False, [count], [], {})
    terminal = Console(file=io.StringIO(), width=width)
    print_whole(terminal, stage_table(status))
    out = terminal.file.getvalue()
    assert "…" not in out
    assert {"structures", "Cu", "100"} <= set(out.replace("│", " ").replace(",", " ").split())
    assert ("┃" in out) == is_table


def test_names_of_options_are_whole_in_help(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.argv", ["exafscn", "query", "-h"])
    with pytest.raises(SystemExit):
        main()
    out, _ = capsys.readouterr()
    assert "…" not in out
    assert {"--min-probability", "--max-expected-value"} <= set(out.split())


@pytest.mark.parametrize("words", [["-h"], ["db", "-h"]])
def test_what_commands_do_is_said_in_whole_sentences(words, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.argv", ["exafscn", *words])
    with pytest.raises(SystemExit):
        main()
    out, _ = capsys.readouterr()
    assert "Commands:" in out
    assert "..." not in out.partition("Commands:")[2]


def test_a_table_is_one_where_it_fits():
    assert "┃" in printed(100, KEYS[:1])
    narrow = printed(60)
    assert "┃" not in narrow
    # What stands in the columns is beside its head then.
    assert "formula CuO" in " ".join(narrow.split())
