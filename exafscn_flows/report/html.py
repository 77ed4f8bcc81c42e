"""The report of a campaign as one HTML page that needs nothing else."""

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from exafscn_flows.report import explanation_figures, figures, quality_figures
from exafscn_flows.report.data import (
    ModelReport,
    ReportData,
    Skipped,
    StageCount,
    TargetReport,
    best_models,
)
from exafscn_flows.report.study_page import study_page
from exafscn_flows.report.style import data_uri
from exafscn_flows.report.summary import to_json
from exafscn_flows.report.view import SPLITS, Panel, value_text
from exafscn_flows.store.documents import STAGES


def render(data: ReportData) -> str:
    """Return the report as HTML: style and figures are in the page, scripts are not."""
    environment = Environment(
        loader=PackageLoader("exafscn_flows", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    numbers = to_json(data)
    environment.filters.update(percent=_percent, grouped_digits=_grouped_digits)
    return environment.get_template("report.html.j2").render(
        numbers=numbers,
        created_at=f"{data.created_at:%Y-%m-%d %H:%M} {data.created_at.tzname() or ''}".strip(),
        pages=[_page(data, target, numbers["targets"][target.name]) for target in data.targets],
        stages=_stage_table(data.stages),
        skipped=_skipped(data.skipped),
        split_names=SPLITS,
        value_text=value_text,
    )


def _skipped(skipped: Sequence[Skipped]) -> dict[tuple[str, str, str], list[str]]:
    """Gather the models that failed for one reason, by target, absorber and reason."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in skipped:
        reason = one.target, one.absorber, one.reason
        found.setdefault(reason, []).append(f"{one.model} on {one.feature_set}")
    return found


def _page(data: ReportData, target: TargetReport, numbers: dict[str, Any]) -> dict[str, Any]:
    """Return what the templates need of one target.

    Returns
    -------
    dict
        ``at``: what its addresses begin with. ``level``: of its headings. ``joint``: absorbers
        on which models are fitted together. ``absorbers``: by absorber, each model
        with its panels, none of those that are not drawn. ``explanations``: those of
        `exafscn_flows.report.explanation.explanations`, each with its panels.
    """
    view, several = target.view, len(data.targets) > 1
    reports = [report for report in data.models if report.target == target.name]
    study = data.study if data.study and data.study.target == target.name else None
    shown = [one for one in reports if not study or one.feature_set == study.feature_set] or reports
    drawn = [*shown, *best_models(reports)]
    means: dict[tuple[str, str], Panel] = {}
    absorbers: dict[str, list[tuple[dict[str, Any], list[Panel]]]] = {}
    for report, model in zip(reports, numbers["models"], strict=True):
        # A study has many models: only those that it looks into, and the best, get figures.
        chosen = any(report is one for one in drawn)
        panels = _panels(report, model, target, means) if chosen else []
        absorbers.setdefault(report.absorber, []).append((model, panels))
    how = view, target.unit
    best = numbers["headline"]
    return {
        "target": target,
        "view": view,
        "numbers": numbers,
        "headline": best and view.headline(best, target.unit),
        "at": f"{target.name}." if several else "",
        "level": 3 if several else 2,
        "overview": data_uri(figures.overview(shown, *how)) if shown else None,
        "calibration": data_uri(quality_figures.calibration(shown, *how)) if shown else None,
        "absorbers": list(absorbers.items()),
        "joint": next((m["fitted_on"] for m in numbers["models"] if len(m["fitted_on"]) > 1), []),
        "study": study_page(numbers, target),
        "explanations": [(one, _explained(one)) for one in numbers["explanations"]],
    }


def _explained(numbers: dict[str, Any]) -> list[Panel]:
    """Draw the attention of a model, and its neurons if it has several absorbers."""
    attention, neurons = numbers["attention"], numbers["neurons"]
    drawn = [
        ("Attention against distance", explanation_figures.distance(attention)),
        ("Attention by element", explanation_figures.elements(attention)),
        ("What explains attention", explanation_figures.variance(attention)),
    ]
    if "heads" in attention:
        heads = explanation_figures.heads(attention["heads"])
        drawn.insert(1, ("Attention of each head, first network", heads))
    if neurons is not None:
        drawn += [
            ("Responses of neurons by absorber", explanation_figures.responses(neurons)),
            ("Neighbours in the periodic table", explanation_figures.similarity(neurons)),
        ]
    series = numbers["series"]
    return [Panel(name, data_uri(svg), f"{name}, {series}.") for name, svg in drawn]


def _panels(
    report: ModelReport,
    model: dict[str, Any],
    target: TargetReport,
    means: dict[tuple[str, str], Panel],
) -> list[Panel]:
    """Draw one model; ``means`` keeps the mean spectra, which models on one set share."""
    fitted, view = report.model_doc, target.view
    what = f"{report.absorber}, {model['series']}"
    spectra = report.absorber, report.feature_set
    if view.shows_means and spectra not in means:
        means[spectra] = Panel(
            f"Mean {report.value_label.split(' (')[0]} by {target.title}",
            data_uri(figures.mean_vectors(report, f"{target.short} (sites)")),
            f"Mean feature vector against {fitted.axis_label} by {target.title}, {what}.",
        )
    panels = [*view.panels(report, target), *([means[spectra]] if view.shows_means else [])]
    if fitted.importances is None:
        return [*panels, Panel("No importance: this model is not made of decision trees.")]
    share = model["share_below_3"]
    below = "" if share is None else f": {_percent(share)} % below 3 Å"
    svg = figures.importance(fitted.axis, fitted.importances, fitted.axis_label, view.importance)
    alt = f"{view.importance} against {fitted.axis_label}, {what}{below}."
    return [*panels, Panel(f"Importance{below}", data_uri(svg), alt)]


def _stage_table(counts: list[StageCount]) -> dict[str, Any]:
    """Arrange counts with one row per absorber and one column per stage."""
    cells = {(count.absorber, count.stage): count for count in counts}
    stages = [stage for stage in STAGES if any(count.stage == stage for count in counts)]
    absorbers = list(dict.fromkeys(count.absorber for count in counts))
    return {
        "names": stages,
        "rows": [
            (absorber or "all", [cells.get((absorber, stage)) for stage in stages])
            for absorber in absorbers
        ],
    }


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def _grouped_digits(number: float) -> str:
    # Narrow no-break spaces: commas and points mean different things in different countries.
    whole = isinstance(number, int) or abs(number) >= 100
    text = f"{number:,.0f}" if whole else f"{number:,.3g}"
    return text.replace(",", "\u202f")
