"""The command line. Heavy imports wait until a command needs them: help must come at once."""

import os
import re
import sys
from itertools import pairwise
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from exafscn_flows.errors import CampaignError, UsageError
from launcher.commands.campaigns import campaigns
from launcher.commands.clusters import cluster
from launcher.commands.databases import db
from launcher.commands.measured import measured
from launcher.commands.pages import pages
from launcher.commands.predictions import predictions
from launcher.commands.simulations import simulations
from launcher.commands.sites import sites
from launcher.commands.stored import stored
from launcher.commands.versions import models
from launcher.console import replace_unknown_characters
from launcher.errors import complain, guarded


class _Group(TyperGroup):
    """Lists commands with the whole sentence of each, however narrow the terminal."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [
            (name, command.get_short_help_str(limit=1000))
            for name, command in commands.items()
            if command is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


app = typer.Typer(
    name="exafscn",
    cls=_Group,
    help="Local atomic structure from X-ray absorption spectra, for whole databases of materials.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # In the tables that it would make, names of options are cut.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# Without names, their commands are those of exafscn itself.
for own in (campaigns, measured, pages, predictions, simulations, sites):
    app.add_typer(own)
app.add_typer(stored, name="campaigns", cls=_Group)
app.add_typer(db, name="db", cls=_Group)
app.add_typer(cluster, name="cluster", cls=_Group)
app.add_typer(models, name="models", cls=_Group, no_args_is_help=True)

_INTERRUPTED = 130

_MISTAKE: Any = next(one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException")
"""What is raised of a wrong command line: by click, or by the copy of it that is in Typer."""


_PARSING = re.compile(r", unable to parse string as an? \w+$")
"""What pydantic says of a text that is no number, besides that."""


def _not_given(error: Any) -> str:
    """Return the value of an option that is refused, where the message does not hold it."""
    options = getattr(getattr(error, "param", None), "opts", ())
    for before, value in pairwise(sys.argv):
        if before in options and f"{value!r}" not in error.format_message():
            return f", not {value[:80]!r}"
    return ""


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"exafscn {version('exafscn')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Local atomic structure from X-ray absorption spectra, for whole databases of materials."""


def _check_folder() -> None:
    """Refuse to work in a folder that was deleted: libraries ask where they are.

    Raises
    ------
    UsageError
        If it was.
    """
    try:
        os.getcwd()
    except OSError:
        raise UsageError("the current folder was deleted: change into another one") from None


def _run_command() -> None:
    """Run what the command line asks for; by itself, Typer would draw a box around its errors.

    Raises
    ------
    UsageError
        If that is no command, or not such an argument or option.
    CampaignError
        If a question got no answer.
    """
    try:
        code = app(prog_name=app.info.name, standalone_mode=False)
    except _MISTAKE as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # help was shown already
            sys.exit(UsageError.exit_code)
        context = getattr(error, "ctx", None)
        advice = f" (see `{context.command_path if context else app.info.name} --help`)"
        line = " ".join(error.format_message().split()).replace("Value error, ", "").rstrip(".")
        line = _PARSING.sub("", line) + _not_given(error)
        raise UsageError(f"{line}{advice}") from None
    except typer.Abort:
        raise CampaignError("ended without an answer") from None
    sys.exit(code or 0)


def main() -> None:
    """Run the command line; errors become one line on standard error."""
    replace_unknown_characters()
    try:
        guarded(_check_folder)
        guarded(_run_command)
    except SystemExit as end:
        # Typer turns KeyboardInterrupt into this code, without a word.
        if end.code == _INTERRUPTED:
            complain("interrupted; the same command goes on where it stopped")
        raise
