"""Keys of the campaign file on the command line: what commands do with them."""

import sys
from pathlib import Path
from typing import Any

import pytest

from launcher import cli


@pytest.mark.parametrize(
    ("command", "place"),
    [
        (["run", "c.yaml"], "launcher.run.run_campaign"),
        (["run", "c.yaml", "--dry-run"], "launcher.run.run_campaign"),
        (["submit", "c.yaml"], "launcher.cluster.submit.submit_campaign"),
    ],
)
def test_every_command_that_reads_a_file_takes_them(command, place, monkeypatch):
    seen: list[Any] = []
    monkeypatch.setattr(place, lambda *args, **options: seen.append((args, options)))
    settings = ["sources.0.path=a b", "absorbers=[Ti, V]"]
    words = [word for setting in settings for word in ("--set", setting)]
    monkeypatch.setattr(sys, "argv", ["exafscn", *command, *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    ((args, options),) = seen
    assert args == (Path("c.yaml"), settings)
    assert options.get("dry_run", False) == ("--dry-run" in command)


@pytest.mark.parametrize("command", [["run"], ["run", "--dry-run"], ["submit"]])
def test_a_wrong_one_is_one_line_and_nothing_is_begun(command, tmp_path, monkeypatch, capsys):
    file = tmp_path / "c.yaml"
    file.write_text("campaign: x\nabsorbers: [Cu]\nsources: [{kind: amcsd}]\n")
    # Whoever looked for a database would end otherwise.
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://nobody.invalid/")
    monkeypatch.setattr(
        sys, "argv", ["exafscn", *command, str(file), "--set", "evaluation.n_fold=3"]
    )
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "exafscn: --set evaluation.n_fold: unknown key; did you mean `n_folds`?\n"
    )
