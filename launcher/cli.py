"""The command line. Heavy imports wait until a command needs them: help must come at once."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from exafscn_flows.errors import ExafscnError, UsageError

app = typer.Typer(
    name="exafscn",
    help="Coordination numbers from X-ray absorption spectra, for whole databases of materials.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
db = typer.Typer(help="The database that exafscn runs for itself.", no_args_is_help=True)
app.add_typer(db, name="db")

_INTERRUPTED = 130

CampaignName = Annotated[
    str | None, typer.Argument(help="Name of the campaign; by default the one run last.")
]
CampaignFile = Annotated[Path, typer.Argument(help="Campaign file (YAML).", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


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
    """Coordination numbers from X-ray absorption spectra, for whole databases of materials."""


@app.command()
def run(
    file: CampaignFile,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed in earlier runs.")
    ] = False,
) -> None:
    """Run a campaign on this machine; what is done already is not computed again."""
    from launcher.run import run_campaign

    run_campaign(file, retry_failed=retry_failed)


@app.command()
def status(campaign: CampaignName = None, as_json: AsJson = False) -> None:
    """Show what is done, failed and pending, and why things failed."""
    from launcher.show import show_status

    show_status(campaign, as_json=as_json)


@app.command()
def query(
    campaign: Annotated[
        str | None, typer.Option("--campaign", "-c", help="By default the campaign run last.")
    ] = None,
    absorber: Annotated[str | None, typer.Option(help="Element symbol, e.g. Cu.")] = None,
    cn: Annotated[int | None, typer.Option(help="Predicted coordination number.", min=0)] = None,
    min_probability: Annotated[
        float | None, typer.Option(help="Least probability of the prediction.", min=0, max=1)
    ] = None,
    contains: Annotated[
        list[str] | None, typer.Option(help="Element that must be present; may be repeated.")
    ] = None,
    excludes: Annotated[
        list[str] | None, typer.Option(help="Element that must be absent; may be repeated.")
    ] = None,
    formula: Annotated[str | None, typer.Option(help="Reduced formula, e.g. Fe2O3.")] = None,
    disagrees: Annotated[
        bool | None,
        typer.Option(
            "--disagrees/--agrees", help="Only sites where prediction and label differ, or agree."
        ),
    ] = None,
    feature_set: Annotated[
        str | None, typer.Option(help="Feature set; by default the first of the campaign file.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model; by default the first of the campaign file.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Most results; a table shows 50 if not told.", min=1)
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """Find predictions, the most certain first."""
    from launcher.show import show_predictions

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other: give one of them")
    conditions = {
        "absorber": absorber,
        "cn": cn,
        "min_probability": min_probability,
        "contains": tuple(contains or ()),
        "excludes": tuple(excludes or ()),
        "formula": formula,
        "disagrees": disagrees,
        "feature_set": feature_set,
        "model": model,
    }
    show_predictions(campaign, conditions, limit, "json" if as_json else "csv" if as_csv else "")


@app.command()
def report(
    campaign: CampaignName = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="HTML file; by default NAME_report.html.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the same figures as JSON, too.")
    ] = None,
) -> None:
    """Write one HTML file with tables and figures, which opens without a network."""
    from launcher.show import write_report

    write_report(campaign, output, json_file)


@db.command("status")
def db_status(as_json: AsJson = False) -> None:
    """Say where the database is, and whether it runs."""
    from launcher.database import show_server

    show_server(as_json=as_json)


@db.command("start")
def db_start() -> None:
    """Start the database; other commands do so by themselves."""
    from launcher.database import start_server

    start_server()


@db.command("stop")
def db_stop() -> None:
    """Stop the database; nothing is lost."""
    from launcher.database import stop_server

    stop_server()


@db.command("export")
def db_export(
    file: Annotated[Path, typer.Argument(help="File to write.", show_default=False)],
    campaign: Annotated[
        list[str] | None, typer.Option("--campaign", "-c", help="Only these campaigns.")
    ] = None,
) -> None:
    """Write campaigns to one file, to move them to another server or version."""
    from launcher.database import export_file

    export_file(file, campaign)


@db.command("import")
def db_import(
    file: Annotated[Path, typer.Argument(help="File from `db export`.", show_default=False)],
) -> None:
    """Read campaigns from a file that `db export` wrote."""
    from launcher.database import import_file

    import_file(file)


def main() -> None:
    """Run the command line; errors become one line on standard error."""
    try:
        app()
    except ExafscnError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except SystemExit as end:
        # Typer turns KeyboardInterrupt into this exit, without a word.
        if end.code == _INTERRUPTED:
            _complain("interrupted; the same command goes on where it stopped")
        raise
    except Exception as error:
        if os.environ.get("EXAFSCN_DEBUG"):
            raise
        line = " ".join(str(error).split())[:300]
        _complain(f"unexpected {type(error).__name__}: {line} (EXAFSCN_DEBUG=1 shows where)")
        sys.exit(1)


def _complain(message: str) -> None:
    for line in message.splitlines():
        typer.echo(f"exafscn: {line}", err=True)
