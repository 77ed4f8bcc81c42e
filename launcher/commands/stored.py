"""Commands on the campaigns that a database holds."""

from typing import Annotated

import typer

from launcher.commands.options import AsJson

stored = typer.Typer(help="Campaigns in the database.", no_args_is_help=True)


@stored.command("list")
def campaigns_list(as_json: AsJson = False) -> None:
    """List the campaigns, that which was run last first."""
    from launcher.stored import show_campaigns

    show_campaigns(as_json=as_json)


@stored.command("drop")
def campaigns_drop(
    campaign: Annotated[
        list[str], typer.Argument(help="Names, as `campaigns list` shows them.", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete campaigns with all that was computed for them."""
    from launcher.stored import drop_campaigns

    drop_campaigns(campaign, yes=yes)
