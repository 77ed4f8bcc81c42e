"""The command that shows one site."""

from pathlib import Path
from typing import Annotated

import typer

from launcher.commands.options import AsJson, CampaignOption

sites = typer.Typer()


@sites.command()
def site(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY", help="Key of the site, e.g. amcsd-18067:Cu:2.", show_default=False
        ),
    ],
    campaign: CampaignOption = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw its spectra and predictions: .pdf, .png or .svg.")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(help="Write mu(E) and chi(k): .prj for Athena and Larix, or .xdi."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one site: structure, neighbours, labels, spectra, features and all predictions."""
    from launcher.site import show_site

    show_site(campaign, key, as_json=as_json, plot=plot, export=export)
