"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from launcher.logs import LogLevel

CampaignName = Annotated[
    str | None, typer.Argument(help="Name of the campaign; by default the one run last.")
]
CampaignFile = Annotated[Path, typer.Argument(help="Campaign file (YAML).", show_default=False)]
ClusterFolder = Annotated[
    Path | None, typer.Option("--cluster", help="Folder of `exafscn cluster init`.")
]
CampaignOption = Annotated[
    str | None, typer.Option("--campaign", "-c", help="By default the campaign run last.")
]
Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Do not ask before a file takes over another's campaign."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Value of a key of the campaign file, e.g. sources.0.path=cifs; may be repeated.",
    ),
]
LogTo = Annotated[
    LogLevel | None,
    typer.Option("--log-level", help="Also write lines of a log, with times, to standard error."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
Columns = Annotated[
    str | None,
    typer.Option(metavar="ROLE=COLUMN,...", help="Columns, such as energy=1,i0=2,it=3."),
]
MeasuredMode = Annotated[
    str | None, typer.Option(help="How it was measured: transmission, fluorescence or mu.")
]
E0 = Annotated[float | None, typer.Option(help="Energy where k = 0, eV.")]
Kmin = Annotated[float | None, typer.Option(help="Start of the range of chi(k), 1/Å.")]
Kmax = Annotated[
    float | None, typer.Option(help="End of it, 1/Å; by default where noise takes over.")
]
Rbkg = Annotated[
    float | None, typer.Option(help="R below which all is background, Å; by default 1.")
]
