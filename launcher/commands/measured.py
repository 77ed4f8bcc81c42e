"""Commands on measured spectra."""

from pathlib import Path
from typing import Annotated

import typer

from exafscn_flows.errors import UsageError
from launcher.commands.options import E0, AsJson, Columns, Kmax, Kmin, MeasuredMode, Rbkg

measured = typer.Typer()


@measured.command()
def predict(
    files: Annotated[
        list[str], typer.Argument(help="Measured spectra, in any format.", show_default=False)
    ],
    absorber: Annotated[
        str | None, typer.Option(help="Element symbol; by default what the file states.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Only this spectrum of a file; may be repeated.")
    ] = None,
    columns: Columns = None,
    mode: MeasuredMode = None,
    e0: E0 = None,
    kmin: Kmin = None,
    kmax: Kmax = None,
    rbkg: Rbkg = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="CAMPAIGN/TARGET/ABSORBER/FEATURES/MODEL",
            help="Model of a campaign that is to answer, as `exafscn models list` names it.",
        ),
    ] = None,
    campaign: Annotated[
        str | None,
        typer.Option("--campaign", "-c", help="Campaign whose models, by absorber, answer."),
    ] = None,
    formula: Annotated[
        str | None, typer.Option(help="Formula of the sample, for models that take it.")
    ] = None,
    elements: Annotated[
        str | None,
        typer.Option(help="Elements of the sample, e.g. Fe,O: an absorber must be one of them."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw what was looked at: .pdf, .png or .svg.")
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """Say how many neighbours the absorbers of measured spectra have, and how sure that is."""
    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other: give one of them")
    from launcher import predict as command
    from launcher import predict_output as output

    given = {"e0": e0, "kmin": kmin, "kmax": kmax, "rbkg": rbkg}
    settings = {name: value for name, value in given.items() if value is not None}
    asked = command.Asked(
        files, group or (), absorber, columns, mode, settings, model, campaign, formula, elements
    )
    show = output.print_table
    if as_json or as_csv:
        show = output.print_json if as_json else output.print_csv
    if not command.predict_files(asked, show, plot):
        raise typer.Exit(1)


@measured.command("import")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Measured spectra, in any format, and folders of them; or one Parquet table with "
            "one row for each site.",
            show_default=False,
        ),
    ],
    campaign: Annotated[
        str | None, typer.Option("--campaign", "-c", help="By default named after the file.")
    ] = None,
    absorber: Annotated[
        list[str] | None,
        typer.Option(
            help="Element of measured spectra that do not state it; or element of a table to "
            "bring, which may be repeated. By default all there are."
        ),
    ] = None,
    structure: Annotated[
        list[Path] | None,
        typer.Option(
            help="CIF of the crystal: one for all spectra, or repeated, one for each file in their "
            "order. By default the .cif of the same name beside a file, if there is one."
        ),
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Only this spectrum of a file; may be repeated.")
    ] = None,
    columns: Columns = None,
    mode: MeasuredMode = None,
    e0: E0 = None,
    kmin: Kmin = None,
    kmax: Kmax = None,
    rbkg: Rbkg = None,
) -> None:
    """Bring spectra into the database as a campaign (exports: `exafscn db import`)."""
    from launcher.import_table import import_table, is_table

    given = {"e0": e0, "kmin": kmin, "kmax": kmax, "rbkg": rbkg}
    settings = {name: value for name, value in given.items() if value is not None}
    if any(map(is_table, files)):
        if len(files) > 1:
            raise UsageError("import one table at a time, and no other files with it")
        if structure or group or columns or mode or settings:
            raise UsageError(f"{files[0]} is a table, and such options are for measured spectra")
        import_table(files[0], campaign, absorber or ())
        return
    from launcher.import_measured import Given, import_measured

    options = Given(absorber or (), structure or (), group or (), columns, mode, settings)
    if not import_measured(files, campaign, options):
        raise typer.Exit(1)
