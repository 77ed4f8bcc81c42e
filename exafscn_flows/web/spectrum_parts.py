"""What the page of measured spectra says: answers in words, tables and files."""

import csv
import io
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html
from dash.development.base_component import Component

from exafscn_flows.csv_cells import csv_row
from exafscn_flows.errors import UsageError
from exafscn_flows.prediction import Answer, Failed
from exafscn_flows.web import figures
from exafscn_flows.web.known_sites import Near
from exafscn_flows.web.library import Found
from exafscn_flows.web.parts import table

_OUT = "Out of distribution"
"""How the warning of a model of a campaign begins."""


def verdict(one: figures.Answered) -> list[Component]:
    """Return the answer in words."""
    expected = expected_of(one)
    if isinstance(one, Answer):
        value, what = str(one.cn), "neighbours"
        distribution = "not said by this model"
    else:
        value = f"{one.value:.3f} {one.unit}" if isinstance(one.value, float) else str(one.value)
        what = one.target.replace("_", " ")
        outside = any(warning.startswith(_OUT) for warning in one.warnings)
        distribution = "out of it" if outside else "in it"
    facts = [
        ("probability", None if one.probability is None else f"{one.probability:.2f}"),
        ("prediction set", None if one.set is None else ", ".join(map(str, one.set))),
        ("expected", None if expected is None else f"{expected:.2f}"),
        ("E0", None if one.e0 is None else f"{one.e0:.1f} eV"),
        ("k", None if one.kmin is None else f"{one.kmin:g} to {one.kmax:.4g} 1/Å"),
        ("distribution", distribution),
        ("model", one.model),
    ]
    if isinstance(one, Answer) and one.near_edge.cn is not None:
        near = f"{one.near_edge.cn} ({one.near_edge.probability:.2f})"
        facts.insert(3, ("near edge", near))
    head = html.H2([f"{one.absorber} {one.edge}: ", html.Strong(value), f" {what}"])
    parts = [html.Div([html.Dt(name), html.Dd(text)]) for name, text in facts if text is not None]
    return [head, html.Dl(parts)]


def expected_of(one: figures.Answered) -> float | None:
    """Return the mean of the classes by their probabilities; None where there is none."""
    return one.expected_cn if isinstance(one, Answer) else one.expected_value


def known_table(campaign: str, near: list[Near]) -> Component:
    """Return the nearest known sites."""
    rows = [
        [
            dcc.Link(one.site, href=f"/site?{urlencode({'campaign': campaign, 'site': one.site})}"),
            one.formula or "",
            one.label,
            f"{one.distance:.3f}",
        ]
        for one in near
    ]
    heads = ["site", "formula", "label", "difference of |χ(R)|"]
    return table(heads, rows, f"of campaign {campaign}, both with a root mean square of 1")


def warnings_of(one: figures.Answered) -> list[Component]:
    """Return what was noticed."""
    if not one.warnings:
        return []
    return [html.H2("What was noticed"), html.Ul([html.Li(each) for each in one.warnings])]


def answer_table(found: list[tuple[str, Found]]) -> Component:
    """Return the answers for all spectra; a name chooses one."""
    rows: list[list[Any]] = []
    for key, one in found:
        if isinstance(one, Failed):
            rows.append([one.group or one.file or "", "", "", "", "", "", str(one)])
            continue
        name = html.Button(
            one.group,
            id={"do": "choose", "key": key, "group": one.group},
            className="link",
            title=f"show {one.group} of {one.file}",
        )
        expected, value = expected_of(one), one.cn if isinstance(one, Answer) else one.value
        rows.append(
            [
                name,
                one.absorber,
                f"{value:.3f}" if isinstance(value, float) else str(value),
                "" if one.probability is None else f"{one.probability:.2f}",
                ", ".join(map(str, one.set or ())),
                "" if expected is None else f"{expected:.2f}",
                _counted(len(one.warnings)),
            ]
        )
    heads = ["spectrum", "absorber", "CN", "probability", "set", "expected", "noticed"]
    return table(heads, rows, "answers")


def _counted(n: int) -> str:
    return "" if not n else "1 warning" if n == 1 else f"{n} warnings"


def csv_of(found: list[Found]) -> str:
    """Return answers as comma-separated values."""
    rows = [one.to_dict() for one in found]
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(csv_row(row) for row in rows)
    return text.getvalue()


def pdf_of(found: list[Found]) -> bytes:
    """Return figures of answers, a page each.

    Raises
    ------
    UsageError
        If the model of the package has answered none.
    """
    from exafscn_flows.report.prediction_figures import write_figures

    drawn = [one for one in found if isinstance(one, Answer)]
    if not drawn:
        raise UsageError(
            "figures are drawn of what the model of the package answers: there is nothing to draw"
        )
    with tempfile.TemporaryDirectory(prefix="exafscn-") as folder:
        (path,) = write_figures(drawn, Path(folder) / "spectra.pdf")
        return path.read_bytes()
