"""Commands on the database that exafscn runs for itself."""

from pathlib import Path
from typing import Annotated

import typer

from launcher.commands.options import AsJson

db = typer.Typer(help="The database that exafscn runs for itself.", no_args_is_help=True)


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
    spectra: Annotated[
        bool,
        typer.Option(
            "--spectra", help="Only the spectra that were computed, for campaigns of others."
        ),
    ] = False,
) -> None:
    """Write campaigns to one file, to move them to another server."""
    from launcher.database import export_file

    export_file(file, campaign, spectra=spectra)


@db.command("import")
def db_import(
    file: Annotated[Path, typer.Argument(help="File from `db export`.", show_default=False)],
) -> None:
    """Read what `db export` wrote into a file (tables of spectra: `exafscn import`)."""
    from launcher.database import import_file

    import_file(file)
