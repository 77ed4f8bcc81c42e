"""What the screening page gives to copy: it runs as it stands, and finds what the page shows."""

import ast
import json
import re
import shlex
import sys
from urllib.parse import urlencode

import pytest
from predictions import version
from web_client import found, shown, texts

from exafscn_flows.settings import Settings
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.pages import ORDERS
from exafscn_flows.store.queries import search_for
from exafscn_flows.web.copies import query_pymongo
from exafscn_flows.web.parameters import NOT_CONDITIONS, PredictionParameters
from launcher.cli import main

pytestmark = pytest.mark.usefixtures("two_campaigns")

EACH = [
    {},
    {"target": "bond_length", "min_value": 1.9012345, "max_value": 2.6},
    {"target": "bond_length", "max_expected_error": 0.1234567, "disagrees": True},
    {"target": "environment", "value": "octahedron", "label": "cube"},
    {"cn": 4, "absorber": "Cu"},
    {"value": 4, "label": 6},
    {"min_probability": 0.4567891, "in_distribution": False},
    {"in_distribution": True, "max_set_size": 1},
    {"min_expected_value": 4.5, "max_expected_value": 7},
    {"contains": "O,Li", "excludes": "S"},
    {"neighbours": "S", "oxide": False},
    {"neighbours": "O", "oxide": True},
    {"formula": "Li(FeO2)2"},
    {"seen": True},
    {"seen": False, "measured": False, "disagrees": False},
    {"measured": True},
    {"feature_set": "r_space", "model": "random_forest", "version": version("Ni")},
]
PAGES = [
    *({"sort": order.value, "target": "environment"} for order in ORDERS["classes"]),
    *({"sort": order.value, "target": "bond_length"} for order in ORDERS["numbers"]),
]


def test_all_conditions_are_tried():
    conditions = set(PredictionParameters.model_fields) - set(NOT_CONDITIONS)
    assert set().union(*EACH) == conditions


def ran(code, capsys):
    """What a text leaves behind that somebody runs who has copied it; and what it prints."""
    names = {}
    exec(compile(code, "copied", "exec"), names)
    return names, capsys.readouterr().out


def row_of(page_row):
    return page_row["campaign"], page_row["site"]


@pytest.mark.parametrize("campaign", ["test", "*"])
@pytest.mark.parametrize("asked", [*EACH, *PAGES], ids=str)
def test_what_is_copied_finds_what_the_page_shows(client, campaign, asked, monkeypatch, capsys):
    given = {name: str(one).lower() if one in (True, False) else one for name, one in asked.items()}
    search = {"campaign": campaign, "limit": 7, **given}
    for n_page in range(2):
        page = shown(client, "?" + urlencode(search))
        links = [one["props"]["href"] for one in found(page, "Link")]
        rows = [
            dict(part.split("=") for part in one.partition("?")[2].split("&"))
            for one in links
            if one.startswith("/site?")
        ]
        expected = [(one["campaign"], one["site"].replace("%3A", ":")) for one in rows]
        copied = {
            one["props"]["id"]: texts(one) for one in found(page, "Pre") if "id" in one["props"]
        }
        own = {} if campaign == "*" else {"campaign": campaign}

        words = [*shlex.split(copied["as-command"]), "--json"]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
        printed = json.loads(capsys.readouterr().out)
        assert [row_of(own | one) for one in printed] == expected

        names, _ = ran(copied["as-python"], capsys)
        frame = names["frame"]
        assert [row_of(own | one) for one in frame.to_dict("records")] == expected

        names, printed = ran(copied["as-pymongo"], capsys)
        if expected:
            lines = re.findall(r"'campaign': '([^']*)'.*?'site': '([^']*)'", printed)
            assert lines == expected
            names["client"].close()

        following = [one for one in links if "after=" in one]
        if not following:
            assert n_page or len(expected) < 7 or not expected
            return
        search["after"] = re.search("after=([^&]*)", following[0])[1]


def test_a_copied_question_names_our_own_server_but_no_address_of_others(
    screened, monkeypatch, tmp_path
):
    from exafscn_flows.store.conditions import PredictionQuery

    found = [search_for(screened, PredictionQuery(campaign="test"))]
    assert "MongoClient(os.environ[" in query_pymongo(found, 5)
    monkeypatch.delenv("EXAFSCN_MONGODB_URI")
    monkeypatch.setenv("EXAFSCN_DATA_DIR", str(tmp_path))
    text = query_pymongo(found, 5)
    ast.parse(text)
    assert f"MongoClient({EmbeddedServer(Settings().DATA_DIR).uri!r})" in text
    assert "environ" not in text
