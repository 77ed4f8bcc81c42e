"""The command line. Heavy imports wait until a command needs them: help must come at once."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.store.pages import Order
from launcher.console import replace_unknown_characters
from launcher.errors import complain, guarded

app = typer.Typer(
    name="exafscn",
    help="Local atomic structure from X-ray absorption spectra, for whole databases of materials.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
db = typer.Typer(help="The database that exafscn runs for itself.", no_args_is_help=True)
app.add_typer(db, name="db")
cluster = typer.Typer(help="Settings of FireWorks for a cluster.", no_args_is_help=True)
app.add_typer(cluster, name="cluster")
models = typer.Typer(help="Versions of the models, and which one queries mean.")
app.add_typer(models, name="models", no_args_is_help=True)

_INTERRUPTED = 130

_MISTAKE: Any = next(one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException")
"""What is raised of a wrong command line: by click, or by the copy of it that is in Typer."""

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


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"exafscn {version('exafscn')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Local atomic structure from X-ray absorption spectra, for whole databases of materials."""


@app.command()
def run(
    file: CampaignFile,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed in earlier runs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done; change nothing.")
    ] = False,
    yes: Yes = False,
    settings: Set = None,
) -> None:
    """Run a campaign on this machine; what is done already is not computed again."""
    from launcher.run import run_campaign

    run_campaign(file, settings or (), retry_failed=retry_failed, dry_run=dry_run, yes=yes)


@app.command()
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
        files, group or (), absorber, columns, mode, settings, model, campaign, formula
    )
    show = output.print_table
    if as_json or as_csv:
        show = output.print_json if as_json else output.print_csv
    if not command.predict_files(asked, show, plot):
        raise typer.Exit(1)


@app.command("import")
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


@app.command()
def submit(
    file: CampaignFile,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed before.")
    ] = False,
    yes: Yes = False,
    settings: Set = None,
) -> None:
    """Put a campaign on FireWorks' LaunchPad, for any number of processes and machines."""
    from launcher.cluster.submit import submit_campaign

    submit_campaign(file, settings or (), retry_failed=retry_failed, yes=yes)


@app.command()
def launch(
    campaign: Annotated[
        str | None, typer.Argument(help="Only this campaign; by default all that were submitted.")
    ] = None,
    parallel: Annotated[
        int,
        typer.Option(
            "--parallel", "-n", min=1, help="Rockets at once, or with --queue jobs of the queue."
        ),
    ] = 1,
    queue: Annotated[
        bool, typer.Option("--queue", help="Send jobs to the queue that run rockets there.")
    ] = False,
    folder: ClusterFolder = None,
    category: Annotated[
        list[str] | None,
        typer.Option(help="Only rockets of this category, e.g. fetch; may be repeated."),
    ] = None,
) -> None:
    """Run submitted campaigns here, until nothing is ready and nothing will be."""
    if queue:
        from launcher.cluster.queue import launch_to_queue

        if folder is None:
            raise UsageError("--queue needs --cluster FOLDER, which `exafscn cluster init` writes")
        launch_to_queue(campaign, n_jobs=parallel, folder=folder, categories=category or [])
        return
    from launcher.cluster.launch import launch

    launch(campaign, parallel=parallel, folder=folder, categories=category or [])


@app.command()
def status(
    campaign: CampaignName = None,
    as_json: AsJson = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make rockets ready again that died or failed.")
    ] = False,
) -> None:
    """Show what is done, failed and pending, and why things failed."""
    from launcher.show import show_status

    show_status(campaign, as_json=as_json, repair=repair)


@app.command()
def query(
    campaign: CampaignOption = None,
    absorber: Annotated[str | None, typer.Option(help="Element symbol, e.g. Cu.")] = None,
    target: Annotated[
        str | None, typer.Option(help="What is predicted; by default the first target.")
    ] = None,
    value: Annotated[str | None, typer.Option(help="Predicted class or number.")] = None,
    min_value: Annotated[float | None, typer.Option(help="Least predicted value.")] = None,
    max_value: Annotated[float | None, typer.Option(help="Largest predicted value.")] = None,
    cn: Annotated[
        int | None, typer.Option(help="Predicted coordination number: short for that target.")
    ] = None,
    min_probability: Annotated[
        float | None, typer.Option(help="Least probability of the prediction, 0 to 1.")
    ] = None,
    max_expected_error: Annotated[
        float | None, typer.Option(help="Largest expected error, in the unit of the target.")
    ] = None,
    min_expected_value: Annotated[
        float | None, typer.Option(help="Least mean of the classes by their probabilities.")
    ] = None,
    max_expected_value: Annotated[float | None, typer.Option(help="Largest such mean.")] = None,
    max_set_size: Annotated[
        int | None, typer.Option(help="Most classes in the prediction set; 1: certain ones.")
    ] = None,
    in_distribution: Annotated[
        bool | None,
        typer.Option(
            "--in-distribution/--out-of-distribution",
            help="Only spectra such as the model has learned, or others.",
        ),
    ] = None,
    contains: Annotated[
        list[str] | None, typer.Option(help="Element that must be present; may be repeated.")
    ] = None,
    excludes: Annotated[
        list[str] | None, typer.Option(help="Element that must be absent; may be repeated.")
    ] = None,
    neighbours: Annotated[
        list[str] | None,
        typer.Option(help="Element that must be among the neighbours; may be repeated."),
    ] = None,
    oxide: Annotated[
        bool | None, typer.Option("--oxide/--no-oxide", help="Only structures with O, or without.")
    ] = None,
    formula: Annotated[str | None, typer.Option(help="Formula, e.g. ZnFe2O4 or Zn(FeO2)2.")] = None,
    seen: Annotated[
        bool | None,
        typer.Option(
            "--seen/--unseen",
            help="Only formulas that a model which comes trained has learned, or others.",
        ),
    ] = None,
    disagrees: Annotated[
        bool | None,
        typer.Option(
            "--disagrees/--agrees", help="Only sites where prediction and label differ, or agree."
        ),
    ] = None,
    measured: Annotated[
        bool | None,
        typer.Option("--measured/--computed", help="Only spectra that were measured, or others."),
    ] = None,
    feature_set: Annotated[
        str | None, typer.Option(help="Feature set; by default the first of the campaign file.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model; by default the first of the campaign file.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(help="Version of the model, of `models list`; by default the current one."),
    ] = None,
    sort: Annotated[
        Order | None,
        typer.Option(
            help="What comes first: the highest probability (default for classes), the least "
            "expected error (default for numbers), or the largest one; the least value or the "
            "largest, of numbers."
        ),
    ] = None,
    after: Annotated[
        str | None, typer.Option(help="Begin at the page of this token, which a table shows.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Most results; a table shows 50 if not told.")
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    export: Annotated[
        Path | None, typer.Option(help="Write a file: .csv, .parquet, or .jsonl (JSON lines).")
    ] = None,
) -> None:
    """Find predictions."""
    from launcher import query

    if as_json + as_csv + (export is not None) > 1:
        raise UsageError("--json, --csv and --export exclude each other: give one of them")
    conditions = {
        "absorber": absorber,
        "target": target,
        "value": value,
        "min_value": min_value,
        "max_value": max_value,
        "cn": cn,
        "min_probability": min_probability,
        "max_expected_error": max_expected_error,
        "min_expected_value": min_expected_value,
        "max_expected_value": max_expected_value,
        "max_set_size": max_set_size,
        "in_distribution": in_distribution,
        "contains": tuple(contains or ()),
        "excludes": tuple(excludes or ()),
        "neighbours": tuple(neighbours or ()),
        "oxide": oxide,
        "formula": formula,
        "seen": seen,
        "disagrees": disagrees,
        "measured": measured,
        "feature_set": feature_set,
        "model": model,
        "version": version,
    }
    selection = query.Selection(campaign, conditions, sort, after, limit)
    if export is not None:
        query.export(selection, export)
    elif as_json:
        query.print_json(selection)
    elif as_csv:
        query.print_csv(selection)
    else:
        query.show_table(selection)


@app.command()
def report(
    campaign: CampaignName = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="HTML file; by default NAME_report.html.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the same figures as JSON, too.")
    ] = None,
) -> None:
    """Write one HTML file with tables and figures, which opens without a network."""
    from launcher.show import write_report

    write_report(campaign, output, json_file)


@models.command("list")
def models_list(campaign: CampaignName = None, as_json: AsJson = False) -> None:
    """List the versions of all models, * those that queries mean, and the model of the package."""
    from launcher.versions import show_versions

    show_versions(campaign, as_json=as_json)


@models.command("promote")
def models_promote(
    version: Annotated[str, typer.Argument(help="As `models list` shows it.", show_default=False)],
    campaign: CampaignOption = None,
) -> None:
    """Let queries mean this version, after it has predicted all sites that it did not know."""
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
        typer.Option("--old", help="All that neither queries nor the campaign file mean."),
    ] = False,
) -> None:
    """Delete versions of models with their metrics and predictions."""
    from launcher.versions import drop_versions

    if bool(version) == old:
        raise UsageError("name the versions to delete, or give --old")
    drop_versions(campaign, version)


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


@cluster.command("init")
def cluster_init(
    folder: Annotated[Path, typer.Argument(help="Folder to write into.", show_default=False)],
    scheduler: Annotated[
        str | None, typer.Option(help="slurm, pbs or sge; all that is not given is asked for.")
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Queue or partition.")] = None,
    account: Annotated[str | None, typer.Option(help="Account that pays.")] = None,
    cores: Annotated[int | None, typer.Option(min=1, help="Cores of a job, on one node.")] = None,
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


def _check_folder() -> None:
    """Refuse to work in a folder that was deleted: libraries ask where they are.

    Raises
    ------
    UsageError
        If it was.
    """
    try:
        os.getcwd()
    except OSError:
        raise UsageError("the current folder was deleted: change into another one") from None


def _run_command() -> None:
    """Run what the command line asks for; by itself, Typer would draw a box around its errors.

    Raises
    ------
    UsageError
        If that is no command, or not such an argument or option.
    CampaignError
        If a question got no answer.
    """
    try:
        code = app(prog_name=app.info.name, standalone_mode=False)
    except _MISTAKE as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # help was shown already
            sys.exit(UsageError.exit_code)
        context = getattr(error, "ctx", None)
        advice = f" (see `{context.command_path} --help`)" if context else ""
        line = " ".join(error.format_message().split()).replace("Value error, ", "").rstrip(".")
        raise UsageError(f"{line}{advice}") from None
    except typer.Abort:
        raise CampaignError("ended without an answer") from None
    sys.exit(code or 0)


def main() -> None:
    """Run the command line; errors become one line on standard error."""
    replace_unknown_characters()
    try:
        guarded(_check_folder)
        guarded(_run_command)
    except SystemExit as end:
        # Typer turns KeyboardInterrupt into this code, without a word.
        if end.code == _INTERRUPTED:
            complain("interrupted; the same command goes on where it stopped")
        raise
