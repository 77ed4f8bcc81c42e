"""The report of a campaign as one HTML page that needs nothing else."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from exafscn_flows.report import figures
from exafscn_flows.report.data import ModelReport, ReportData, StageCount
from exafscn_flows.report.study_page import study_page
from exafscn_flows.report.style import data_uri
from exafscn_flows.report.summary import to_json
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
    looked_into = data.study.feature_set if data.study else None
    shown = [one for one in data.models if looked_into in (None, one.feature_set)]
    means: dict[tuple[str, str], str] = {}
    absorbers: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for report, model in zip(data.models, numbers["models"], strict=True):
        # A study has many models: only those that it looks into, and the best, get figures.
        drawn = looked_into in (None, report.feature_set) or model["best"]
        images = _figures(report, means) if drawn else {}
        absorbers.setdefault(report.absorber, []).append((model, images))
    environment.filters.update(percent=_percent, grouped_digits=_grouped_digits)
    return environment.get_template("report.html.j2").render(
        numbers=numbers,
        created_at=f"{data.created_at:%Y-%m-%d %H:%M} {data.created_at.tzname() or ''}".strip(),
        overview=data_uri(figures.accuracy_overview(shown)) if shown else None,
        absorbers=list(absorbers.items()),
        few_sites=figures.FEW_SITES,
        stages=_stage_table(data.stages),
        study=study_page(numbers),
    )


def _figures(report: ModelReport, means: dict[tuple[str, str], str]) -> dict[str, Any]:
    """Draw one model; ``means`` keeps the mean spectra, which models on one set share."""
    fitted = report.model_doc
    spectra = report.absorber, report.feature_set
    if spectra not in means:
        means[spectra] = data_uri(figures.mean_vectors(report))
    images = {"confusion": _confusion(report), "mean": means[spectra]}
    if fitted.importances is not None:
        svg = figures.importance(fitted.axis, fitted.importances, fitted.axis_label)
        images["importance"] = data_uri(svg)
    return images


def _confusion(report: ModelReport) -> list[tuple[int, list[tuple[int, float]]]]:
    """Give label, and number of sites and share of the row for every prediction."""
    rows = report.metrics.splits["grouped"]["confusion"]
    return [
        (cn, [(count, count / max(sum(row), 1)) for count in row])
        for cn, row in zip(report.metrics.classes, rows, strict=True)
    ]


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
