"""Commands that go on until they are ended."""

from pathlib import Path
from typing import Annotated

import typer

from launcher.commands.options import E0, AsJson, Columns, Kmax, Kmin, MeasuredMode, Rbkg

pages = typer.Typer()


@pages.command()
def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for one that is free.")
    ] = 8050,
) -> None:
    """Show spectra, screening and sites in a browser on this machine."""
    from launcher.serve import serve_page

    serve_page(port)


@pages.command()
def watch(
    folder: Annotated[Path, typer.Argument(help="Where spectra come.", show_default=False)],
    absorber: Annotated[
        str | None, typer.Option(help="Element symbol; by default what the files state.")
    ] = None,
    columns: Columns = None,
    mode: MeasuredMode = None,
    e0: E0 = None,
    kmin: Kmin = None,
    kmax: Kmax = None,
    rbkg: Rbkg = None,
    campaign: Annotated[
        str | None,
        typer.Option("--campaign", "-c", help="Campaign whose models, by absorber, answer."),
    ] = None,
    elements: Annotated[str | None, typer.Option(help="Elements of the sample, e.g. Fe,O.")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer for spectra as they come into a folder."""
    from launcher.predict import Asked
    from launcher.watch import watch_folder

    given = {"e0": e0, "kmin": kmin, "kmax": kmax, "rbkg": rbkg}
    settings = {name: value for name, value in given.items() if value is not None}
    asked = Asked((), (), absorber, columns, mode, settings, None, campaign, None, elements)
    watch_folder(folder, asked, as_json=as_json)
