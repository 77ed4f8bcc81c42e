"""The command that predicts spectra of structures."""

from pathlib import Path
from typing import Annotated

import typer

from exafscn_flows.errors import UsageError
from launcher.commands.options import AsJson

simulations = typer.Typer()


@simulations.command()
def simulate(
    structures: Annotated[
        list[str],
        typer.Argument(
            help="Structure files, folders or zips of them; or materials of a campaign.",
            show_default=False,
        ),
    ],
    absorber: Annotated[
        str | None, typer.Option(help="Element symbol; by default all that the model knows.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|CAMPAIGN/TARGET/ABSORBER/FEATURES/MODEL",
            help="Model of spectra: a file of `exafscn models export`, or one of a campaign; by "
            "default the one of K-edge XANES that comes with exafscn.",
        ),
    ] = None,
    campaign: Annotated[
        str | None,
        typer.Option(
            "--campaign", "-c", help="Whose materials are meant; by default the one run last."
        ),
    ] = None,
    feff: Annotated[
        bool, typer.Option("--feff", help="Compute the spectra, too, and compare them.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw them: .pdf, .png or .svg.")] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """Predict the spectra of the sites of structures, in milliseconds, and how sure that is."""
    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other: give one of them")
    from launcher import simulate as command
    from launcher import simulate_output as output

    show = output.print_table
    if as_json or as_csv:
        show = output.print_json if as_json else output.print_csv
    asked = command.Asked(structures, absorber, model, campaign, feff)
    if not command.simulate(asked, show, plot):
        raise typer.Exit(1)
