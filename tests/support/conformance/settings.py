"""Checks of what can be written in a campaign file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pages import ROOT

from conformance.examples import EXAMPLES, GROUPS, Kind, example
from conformance.values import others
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import UsageError
from exafscn_flows.registry import kind_of

NO_PARAMETERS = {"kind", "name", "spectrum", "time_limit"}
"""Keys that decide no number: names, and whether a computation is waited for."""
FILES = {("surrogate", "model")}
"""Keys that name a file of which the content counts: tests of their own look at them."""


def is_described(one: Kind) -> None:
    """It says what it is, and what every key is, and its kind is its own."""
    assert (one.__doc__ or "").strip()
    assert one.__doc__ not in [base.__doc__ for base in one.__mro__[1:]]
    fields = {name: field for name, field in one.model_fields.items() if name != "kind"}
    lacking = [n for n, field in fields.items() if n != "name" and not field.description]
    assert not lacking, f"{one.__name__}: no description of {lacking}"
    assert example(one).kind == kind_of(one)
    for group in (group for group in GROUPS.values() if one in group):
        assert [kind_of(other) for other in group].count(kind_of(one)) == 1


def is_documented(one: Kind) -> None:
    """Its kind stands in the reference."""
    assert f"`{kind_of(one)}`" in (ROOT / "docs" / "campaign.md").read_text()


def survives_json(one: Kind) -> None:
    """What is stored of it makes the same again."""
    settings = example(one)
    text = json.dumps(settings.model_dump(mode="json"))
    assert one.model_validate(json.loads(text)) == settings


def refuses_unknown_keys(one: Kind, folder: Path) -> None:
    """A key that it does not have is refused in one line."""
    (group,) = (name for name, group in GROUPS.items() if one in group)
    written = {"kind": kind_of(one), **EXAMPLES.get(kind_of(one), {}), "zzz": 1}
    campaign: dict[str, Any] = {
        "campaign": "x",
        "absorbers": ["Ni"],
        "sources": [{"kind": "amcsd"}],
        group: {"sets": [written]} if group == "features" else [written],
    }
    file = folder / "c.yaml"
    file.write_text(json.dumps(campaign))
    key = "features.sets" if group == "features" else group
    with pytest.raises(UsageError) as error:
        load_campaign_file(file)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{file}:1: {key}[0].zzz: unknown key; ")


def parameters_follow_settings(one: Kind, parameters: Callable[[Any], dict[str, Any]]) -> None:
    """Numbers of other settings are told apart, and a name makes no difference.

    Parameters
    ----------
    parameters
        Returns the parameters of some settings.
    """
    settings = example(one)
    found = parameters(settings)
    assert json.loads(json.dumps(found)) == parameters(example(one))
    for name in one.model_fields:
        if name in NO_PARAMETERS - {"kind"}:
            assert all(parameters(other) == found for other in others(settings, name)), name
        elif name != "kind" and (kind_of(one), name) not in FILES:
            assert any(parameters(other) != found for other in others(settings, name)), name
