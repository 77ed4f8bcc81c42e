"""The form of the screening page: every condition of a query, by the names of the address."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

from dash import dcc, html
from dash.development.base_component import Component

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.store.pages import ORDERS
from exafscn_flows.targets.base import TaskName
from exafscn_flows.web.parameters import PredictionParameters
from exafscn_flows.web.parts import field

ALL = "*"
"""Stands for all campaigns in an address; no campaign has such a name."""

_TRUTH = ("oxide", "seen", "measured", "in_distribution")

_NUMBERS = {
    "cn": "1",
    "min_value": "any",
    "max_value": "any",
    "max_expected_error": "any",
    "min_expected_value": "any",
    "max_expected_value": "any",
    "max_set_size": "1",
}


@dataclass(frozen=True)
class Choices:
    """What can be chosen of a campaign, or of all of them.

    Attributes
    ----------
    campaign
        Its name; `ALL` for all.
    targets, absorbers, feature_sets, models
        Names.
    """

    campaign: str
    targets: list[str]
    absorbers: list[str]
    feature_sets: list[str]
    models: list[str]

    @classmethod
    def of(cls, campaign: str, configs: Sequence[CampaignConfig]) -> Self:
        """Return what some campaigns have, each name once."""

        def once(names: Iterable[str]) -> list[str]:
            return list(dict.fromkeys(names))

        return cls(
            campaign,
            once(one.name for config in configs for one in config.targets),
            once(symbol for config in configs for symbol in config.absorbers),
            once(one.name for config in configs for one in config.features.sets),
            once(one.name for config in configs for one in config.models),
        )


def form(
    campaigns: Sequence[str],
    choices: Choices,
    task: TaskName,
    given: PredictionParameters,
    mark: str,
) -> Component:
    """Return the form; sending it asks for an address, which keeps what was chosen.

    Parameters
    ----------
    mark
        Text that differs where anything else is to be shown in the form.
    """
    values = given.model_dump()

    def text(name: str, label: str, help: str = "") -> Component:
        value = values[name]
        shown = ",".join(value) if isinstance(value, list) else value or ""
        return field(label, dcc.Input(id=f"ask-{name}", name=name, type="text", value=shown), help)

    def number(name: str, label: str, step: str = "any", most: Any = None) -> Component:
        control = dcc.Input(
            id=f"ask-{name}", name=name, type="number", step=step, value=values[name], max=most
        )
        return field(label, control)

    def choice(
        name: str, label: str, options: Sequence[str], chosen: str | None, empty: str = "any"
    ) -> Component:
        return field(label, select(f"ask-{name}", name, options, chosen, {"": empty}))

    def truth(name: str, label: str) -> Component:
        chosen = {True: "true", False: "false", None: None}[values[name]]
        names = {"": "either", "true": "yes", "false": "no"}
        return field(label, select(f"ask-{name}", name, [*names], chosen, names))

    options = [*campaigns, *([ALL] if len(campaigns) > 1 else [])]
    named = {one: one for one in campaigns} | {ALL: "all of them"}
    of_campaign = select("ask-campaign", "campaign", options, choices.campaign, named)
    several_campaigns = field("Campaign", of_campaign)
    targets = ["", *choices.targets]
    first = [
        several_campaigns,
        choice("target", "Target", targets, given.target, "the first"),
        choice("absorber", "Absorber", ["", *choices.absorbers], given.absorber),
        text("value", "Predicted"),
        text("label", "Label"),
        number("min_probability", "Least probability", most=1),
        truth("disagrees", "Disagrees"),
        text("contains", "Contains", "such as O,Li"),
        text("formula", "Formula"),
        choice("sort", "First", ["", *ORDERS[task]], given.sort, "the most certain"),
    ]
    more = [
        text("excludes", "Excludes"),
        text("neighbours", "Neighbours"),
        *(truth(name, name.replace("_", " ").capitalize()) for name in _TRUTH),
        *(
            number(name, name.replace("_", " ").capitalize().replace("Cn", "CN"), step)
            for name, step in _NUMBERS.items()
        ),
        choice(
            "feature_set",
            "Feature set",
            ["", *choices.feature_sets],
            given.feature_set,
            "the first",
        ),
        choice("model", "Model", ["", *choices.models], given.model, "the first"),
        text("version", "Version"),
    ]
    open_names = {*_TRUTH, *_NUMBERS, "excludes", "neighbours", "feature_set", "model", "version"}
    is_open = bool(open_names & set(given.conditions()))
    return html.Form(
        [
            html.Div(first, className="fields"),
            html.Details(
                [html.Summary("More conditions"), html.Div(more, className="fields")], open=is_open
            ),
            html.Div(
                [
                    html.Button("Find", type="submit", className="primary"),
                    dcc.Link("Forget all", href=f"/screening?campaign={quote(choices.campaign)}"),
                ],
                className="buttons",
            ),
        ],
        action="/screening",
        method="GET",
        key=mark,
    )


def select(
    id: str,
    name: str,
    options: Sequence[str],
    chosen: str | None,
    names: dict[str, str] | None = None,
) -> Component:
    """Return a list to choose from, as browsers have it."""
    shown: dict[str, Any] = names or {}
    return html.Select(
        [
            html.Option(shown.get(one, one), value=one, selected=one == (chosen or ""))
            for one in options
        ],
        id=id,
        name=name,
    )
