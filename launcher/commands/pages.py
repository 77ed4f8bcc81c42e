"""Commands that serve pages."""

from typing import Annotated

import typer

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
