"""The page of one site."""

from typing import Any
from urllib.parse import quote, urlencode

from dash import dcc, html
from dash.development.base_component import Component
from werkzeug.datastructures import MultiDict

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.store.results import ModelDoc
from exafscn_flows.store.store import Store
from exafscn_flows.web.crystal_figure import crystal_figure
from exafscn_flows.web.database import Database
from exafscn_flows.web.parts import graph, remark, table
from exafscn_flows.web.screening_page import value_text
from exafscn_flows.web.site import SiteView, read_site
from exafscn_flows.web.site_figures import feature_figure, label_figure, spectrum_figures

_MOST_FEATURES = 4
"""Feature sets that are drawn."""


def site_layout(database: Database, query: "MultiDict[str, str]") -> Component:
    """Return the page of the site that an address names.

    Raises
    ------
    UsageError
        If it names none, or there is none of this name.
    """
    key = query.get("site", "")
    with database.reading() as store:
        campaign = query.get("campaign") or store.latest_campaign()
        if not key:
            raise UsageError("the address names no site: choose one on the page of screening")
        view, config = read_site(store, campaign, key), store.config(campaign)
        axes = _axes(store, view)
    return html.Div(
        [
            html.H1([f"{key} ", html.Span(view.site.formula or "", className="remark")]),
            _facts(view),
            html.Div([_crystal(view), *_labels(view, config)], className="grid"),
            html.H2("Predictions"),
            _predictions(view),
            html.H2("Spectra"),
            html.Div(
                [
                    graph(f"spectrum-{number}-{part}", title, figure)
                    for number, doc in enumerate(view.spectra)
                    for part, (title, figure) in enumerate(spectrum_figures(doc))
                ]
                or remark("There is none."),
                className="grid",
            ),
            html.H2("Features"),
            html.Div(
                [
                    graph(
                        f"feature-{number}",
                        doc.feature_set,
                        feature_figure(doc, *axes.get(doc.feature_set, (None, ""))),
                    )
                    for number, doc in enumerate(view.features[:_MOST_FEATURES])
                ]
                or remark("There are none."),
                className="grid",
            ),
            *_failures(view),
            html.H2("Where it is from"),
            _provenance(view),
            html.H2("Take it along"),
            _downloads(view, config),
        ]
    )


def _facts(view: SiteView) -> Component:
    site, structure = view.site, view.structure
    facts: list[tuple[str, Any]] = [
        ("campaign", dcc.Link(site.campaign, href=f"/campaign?campaign={quote(site.campaign)}")),
        ("absorber", site.absorber),
        ("sites like it in the cell", str(site.multiplicity)),
        ("space group", structure.spacegroup if structure else None),
        ("atoms in the cell", str(site.n_atoms) if site.n_atoms else None),
        ("file", site.file),
        ("spectrum in it", site.group),
    ]
    parts = [html.Div([html.Dt(name), html.Dd(text)]) for name, text in facts if text]
    return html.Div(html.Dl(parts), className="verdict")


def _crystal(view: SiteView) -> Component:
    if view.structure is None or view.structure.structure is None:
        return remark("The structure is not known.")
    figure, says = crystal_figure(view.crystal(), view.site.site_index)
    return html.Div(
        [graph("crystal", "The crystal around the site", figure, "graph tall"), remark(says)]
    )


def _labels(view: SiteView, config: CampaignConfig) -> list[Component]:
    made: list[Component] = []
    labels = {one.target: one for one in view.labels}
    rows: list[list[Any]] = []
    for target in config.targets:
        label = labels.get(target.name)
        own = [
            one
            for one in view.predictions
            if one.target == target.name and one.hash in view.current
        ]
        title = target.name.replace("_", " ")
        drawn = label_figure(label, own)
        if drawn is not None:
            made.append(graph(f"label-{target.name}", f"{title}: label and models", drawn))
        if label is not None:
            details = ", ".join(
                f"{name} {value_text(value)}" for name, value in label.details.items()
            )
            near = ", ".join(f"{n:g} {element}" for element, n in (label.neighbours or {}).items())
            unit = target.unit if target.task == "numbers" else ""
            shown = f"{value_text(label.value)} {unit}".strip()
            rows.append([title, shown, near, details])
    if rows:
        made.append(
            html.Div(
                [
                    html.H2("Labels"),
                    table(
                        ["target", "label", "neighbours", "also"],
                        rows,
                        "labels, computed from the crystal",
                    ),
                ]
            )
        )
    return made


def _predictions(view: SiteView) -> Component:
    if not view.predictions:
        return remark("There is none.")
    rows = [
        [
            one.target.replace("_", " "),
            f"{one.model} on {one.feature_set}",
            html.Code(one.hash[:12])
            if one.hash not in view.current
            else [html.Code(one.hash[:12]), " *"],
            html.Span(value_text(one.value), className="bad")
            if one.disagrees
            else value_text(one.value),
            "" if one.probability is None else f"{one.probability:.2f}",
            ", ".join(map(str, one.prediction_set or ())),
            f"{one.expected_error:.3f}",
            {None: "", True: "in it", False: "out of it"}[one.in_distribution],
            "after training" if one.fold is None else f"fold {one.fold}",
        ]
        for one in view.predictions
    ]
    heads = [
        "target",
        "model",
        "version",
        "predicted",
        "probability",
        "set",
        "expected error",
        "distribution",
        "held out",
    ]
    return html.Div(
        [
            table(heads, rows, "predictions of every version"),
            remark("* what queries mean; in red what differs from the label"),
        ]
    )


def _failures(view: SiteView) -> list[Component]:
    if not view.failures:
        return []
    rows = [[one.stage, one.item, one.message, one.hint] for one in view.failures]
    heads = ["stage", "item", "why", "what to do"]
    return [html.H2("What failed"), table(heads, rows, "failures")]


def _provenance(view: SiteView) -> Component:
    rows: list[list[Any]] = []
    if view.structure is not None:
        rows += [
            [name, str(value)] for name, value in view.structure.source.items() if value is not None
        ]
        rows.append(["hash of the cell", html.Code(view.structure.structure_hash)])
    for one in view.spectra:
        made = f"{one.program} {one.version}".strip()
        cards = ", ".join(f"{name} {value}".strip() for name, value in one.cards.items())
        time = f"; {one.seconds:.1f} s" if one.seconds else ""
        text = made + (f" ({cards})" if cards else "") + time
        rows.append([f"spectrum {one.spectrum}", text])
        rows += [["noticed", warning] for warning in one.warnings]
    return table(["of", "what"], rows, "provenance")


def _downloads(view: SiteView, config: CampaignConfig) -> Component:
    base = f"/api/campaigns/{quote(view.site.campaign)}/site"

    def link(text: str, path: str = "", **query: str) -> Component:
        return html.A(text, href=f"{base}{path}?{urlencode({'site': view.site.site, **query})}")

    links = [link("JSON")]
    if view.structure is not None and view.structure.structure is not None:
        links.append(link("CIF", "/file", format="cif"))
        links += [
            link(f"feff.inp of {one.name}", "/file", format="feff", spectrum=one.name)
            for one in config.spectra
            if one.feff_cards()
        ]
    links += [
        link(f"XDI of {one.spectrum}", "/file", format="xdi", spectrum=one.spectrum)
        for one in view.spectra
        if len(one.mu) or len(one.k)
    ]
    return html.Div(links, className="buttons")


def _axes(store: Store, view: SiteView) -> dict[str, Any]:
    """Return the axis of each feature set with its label, as models know it."""
    query = {"campaign": view.site.campaign, "absorber": view.site.absorber}
    found: dict[str, Any] = {}
    names = {one.feature_set for one in view.features}
    for name in names:
        for doc in store.find(ModelDoc, {**query, "feature_set": name}, limit=1):
            found[name] = (doc.axis, doc.axis_label)
    return found
