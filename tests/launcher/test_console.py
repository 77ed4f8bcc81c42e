import errno
import io
import json
import os
import subprocess
import sys

import pytest
from forks import Command

from exafscn_flows.errors import CampaignError
from launcher import local_cluster
from launcher.cli import main
from launcher.console import replace_unknown_characters


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_characters_that_a_terminal_does_not_know_are_replaced(monkeypatch, encoding):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding=encoding))
    monkeypatch.setattr("sys.stderr", io.StringIO())  # as tests have it
    replace_unknown_characters()
    print("|χ(R)| ± 3", flush=True)
    assert raw.getvalue().decode(encoding) in ("|?(R)| ? 3\n", "|?(R)| ± 3\n")


def test_a_current_folder_that_was_deleted_is_one_line(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    monkeypatch.setattr(sys, "argv", ["exafscn", "status"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "exafscn: the current folder was deleted: change into another one\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "Missing argument 'file' (see `exafscn run --help`)"),
        (["rnu"], "No such command 'rnu'. Did you mean 'run'? (see `exafscn --help`)"),
        (["run", "a", "b"], "unexpected extra argument"),
        (["run", "--retry"], "No such option: --retry"),
        (["query", "--cn", "four"], "Invalid value for '--cn'"),
        (["query", "--sort", "best"], "'--sort': 'best' is not one of 'probability'"),
        (["query", "--json", "--csv"], "exclude each other"),
        (["launch", "--queue"], "needs --cluster FOLDER"),
        (["models", "drop"], "name the versions"),
    ],
    ids=str,
)
def test_a_wrong_command_line_is_one_line(monkeypatch, capsys, arguments, words):
    monkeypatch.setattr(sys, "argv", ["exafscn", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    shown = capsys.readouterr()
    (line,) = shown.err.splitlines()
    assert words in line
    assert (end.value.code, shown.out) == (2, "")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["query", "--help"]])
def test_what_is_asked_for_is_no_error(monkeypatch, capsys, arguments):
    monkeypatch.setattr(sys, "argv", ["exafscn", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert "exafscn" in capsys.readouterr().out


def test_a_machine_without_semaphores_is_one_line(monkeypatch):
    def refuse():
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(local_cluster, "Lock", refuse)
    with pytest.raises(CampaignError, match=r"/dev/shm, .* cannot be used .Read-only file system"):
        local_cluster.LocalClusterExecutor(1).submit(print)


def test_what_goes_wrong_as_a_process_ends_is_no_traceback():
    code = (
        "import atexit; from launcher.errors import guarded; "
        "atexit.register(lambda: 1 / 0); guarded(print, 'done')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_short_option_for_help_of_every_command(workspace):
    top = workspace.exafscn("-h")
    assert top == workspace.exafscn("--help")
    for command in (["query"], ["campaigns", "list"], ["db", "export"]):
        assert workspace.exafscn(*command, "-h") == workspace.exafscn(*command, "--help")


def test_a_shell_completes_commands_and_options(workspace):
    def completed(*words: str) -> list[str]:
        environment = {"_EXAFSCN_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": " ".join(words)}
        command = Command([], known=True, env={**workspace.environment, **environment})
        with command as process:
            out, _ = process.communicate(timeout=60)
        return out

    assert '"query"' in completed("exafscn", "qu")
    assert '"--min-probability"' in completed("exafscn", "query", "--min-p")
    script = {"_EXAFSCN_COMPLETE": "source_bash"}
    with Command([], known=True, env={**workspace.environment, **script}) as process:
        out, _ = process.communicate(timeout=60)
    assert "complete -o" in out


def test_schema_is_printed_as_json(workspace):
    schema = json.loads(workspace.exafscn("schema"))
    assert schema["required"] == ["campaign", "absorbers", "sources"]
