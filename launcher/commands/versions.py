"""Commands on the versions of models."""

from pathlib import Path
from typing import Annotated

import typer

from exafscn_flows.errors import UsageError
from launcher.commands.options import AsJson, CampaignName, CampaignOption

models = typer.Typer(help="Versions of the models, and which one queries use.")


@models.command("list")
def models_list(campaign: CampaignName = None, as_json: AsJson = False) -> None:
    """List the versions of all models, * those that queries use, and the model of the package."""
    from launcher.versions import show_versions

    show_versions(campaign, as_json=as_json)


@models.command("promote")
def models_promote(
    version: Annotated[str, typer.Argument(help="As `models list` shows it.", show_default=False)],
    campaign: CampaignOption = None,
) -> None:
    """Let queries use this version, after it has predicted all sites that it did not know."""
    from launcher.versions import promote_version

    promote_version(campaign, version)


@models.command("drop")
def models_drop(
    version: Annotated[
        list[str] | None, typer.Argument(help="As `models list` shows it.", show_default=False)
    ] = None,
    campaign: CampaignOption = None,
    old: Annotated[
        bool,
        typer.Option("--old", help="All that neither queries nor the campaign file use."),
    ] = False,
) -> None:
    """Delete versions of models with their metrics and predictions."""
    from launcher.versions import drop_versions

    if bool(version) == old:
        raise UsageError("name the versions to delete, or give --old")
    drop_versions(campaign, version)


@models.command("export")
def models_export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="CAMPAIGN/TARGET/ABSORBER/FEATURES/MODEL",
            help="A model of spectra, as `models list` names it.",
            show_default=False,
        ),
    ],
    file: Annotated[Path, typer.Argument(help="File to write (.zip).", show_default=False)],
) -> None:
    """Write a model of spectra to a file, for `simulate` and for spectra of kind surrogate."""
    from launcher.versions import export_model

    export_model(model, file)
