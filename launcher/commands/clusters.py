"""Commands on the settings of FireWorks for a cluster."""

from pathlib import Path
from typing import Annotated

import typer

from exafscn_flows.errors import UsageError
from launcher.commands.options import AsJson, ClusterFolder

cluster = typer.Typer(help="Settings of FireWorks for a cluster.", no_args_is_help=True)


@cluster.command("init")
def cluster_init(
    folder: Annotated[Path, typer.Argument(help="Folder to write into.", show_default=False)],
    scheduler: Annotated[
        str | None, typer.Option(help="slurm, pbs or sge; all that is not given is asked for.")
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Queue or partition.")] = None,
    account: Annotated[str | None, typer.Option(help="Account that pays.")] = None,
    cores: Annotated[int | None, typer.Option(min=1, help="Cores of a job, on one node.")] = None,
    memory: Annotated[
        int | None, typer.Option(min=1, help="Memory of a job, GB; by default 2 for each process.")
    ] = None,
    walltime: Annotated[str | None, typer.Option(help="Longest time of a job, HH:MM:SS.")] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(help="Rockets that jobs take: fetch, cpu, train, gpu; may be repeated."),
    ] = None,
) -> None:
    """Write FireWorks' settings for a cluster; asks for what is not given."""
    from launcher.cluster.files import init_folder

    given = {
        "scheduler": scheduler,
        "queue": queue,
        "account": account,
        "cores": None if cores is None else str(cores),
        "memory": None if memory is None else str(memory),
        "walltime": walltime,
    }
    init_folder(folder, given, category or [])


@cluster.command("check")
def cluster_check(
    folder: ClusterFolder = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Check in a job of the queue, too.")
    ] = False,
    time_limit: Annotated[
        int, typer.Option(min=1, help="Longest wait for the job of the queue, s.")
    ] = 600,
    as_json: AsJson = False,
) -> None:
    """Check database, FEFF, scratch folder and versions, here and in the queue."""
    from launcher.cluster.check import check_cluster

    if queue and folder is None:
        raise UsageError("--queue needs --cluster FOLDER, which `exafscn cluster init` writes")
    check_cluster(folder, queue=queue, time_limit=time_limit, as_json=as_json)
