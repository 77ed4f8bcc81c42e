"""The command that finds predictions."""

from pathlib import Path
from typing import Annotated

import typer

from exafscn_flows.errors import UsageError
from exafscn_flows.store.pages import Order
from launcher.commands.options import AsJson, CampaignOption

predictions = typer.Typer()


@predictions.command()
def query(
    campaign: CampaignOption = None,
    all_campaigns: Annotated[
        bool, typer.Option("--all-campaigns", help="Find those of all campaigns at once.")
    ] = False,
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
    label: Annotated[str | None, typer.Option(help="Label of the site.")] = None,
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
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,...",
            help="Further columns, e.g. name (mineral or file), bond_length, neighbour_counts, "
            "label_weight, or any that --json shows.",
        ),
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
    if all_campaigns and campaign:
        raise UsageError("--all-campaigns and --campaign exclude each other: give one of them")
    conditions = {
        "absorber": absorber,
        "target": target,
        "value": value,
        "min_value": min_value,
        "max_value": max_value,
        "cn": cn,
        "label": label,
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
    wanted = [] if columns is None else [one.strip() for one in columns.split(",")]
    selection = query.Selection(campaign, conditions, sort, after, limit, wanted, all_campaigns)
    if export is not None:
        query.export(selection, export)
    elif as_json:
        query.print_json(selection)
    elif as_csv:
        query.print_csv(selection)
    else:
        query.show_table(selection)


@predictions.command("export")
def export_(
    campaign: CampaignOption = None,
    optimade: Annotated[
        Path | None, typer.Option(metavar="FILE", help="OPTIMADE JSON Lines of structures.")
    ] = None,
) -> None:
    """Write structures with what is predicted for their sites."""
    from launcher.export_structures import export_structures

    export_structures(campaign, optimade)
