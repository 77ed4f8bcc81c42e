"""The REST interface: the rows of queries, in the pages of queries, and nothing else."""

import csv
import io
import json
from urllib.parse import urlencode

import pytest
from pyarrow import parquet
from werkzeug.datastructures import MultiDict

from exafscn_flows.errors import UsageError
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.documented import DOCUMENTED_QUERIES
from exafscn_flows.store.queries import COLUMNS, find_predictions
from exafscn_flows.web.openapi import OPERATIONS, document
from exafscn_flows.web.parameters import PredictionParameters

pytestmark = pytest.mark.usefixtures("screened")


def got(client, path, status=200, **query):
    answer = client.get(f"/api{path}{'?' if query else ''}{urlencode(query, doseq=True)}")
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/json"
    return json.loads(answer.text)


def test_campaigns_and_what_they_consist_of(client):
    assert got(client, "/campaigns") == {"campaigns": ["test"]}
    found = got(client, "/campaigns/test")
    assert found["absorbers"] == ["Cu", "Fe", "Ni"]
    assert [one["name"] for one in found["targets"]][1:] == ["environment", "bond_length"]
    assert got(client, "/campaigns/none", 404)["error"].startswith("no campaign 'none'")


@pytest.mark.parametrize(
    "conditions",
    [one for one in DOCUMENTED_QUERIES if one.get("target") != "oxidation_state"],
    ids=str,
)
def test_rows_are_those_of_the_same_query(client, screened, conditions):
    query = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in conditions.items()
    }
    expected = list(find_predictions(screened, PredictionQuery(campaign="test", **conditions)))
    found = got(client, "/campaigns/test/predictions", limit=1000, **query)
    assert found["rows"] == expected
    assert found["after"] is None
    assert got(client, "/campaigns/test/count", **query)["count"] == len(expected)


def test_pages_follow_on_each_other(client):
    rows, after = [], None
    while True:
        query = {"limit": 100, "sort": "doubtful", **({"after": after} if after else {})}
        page = got(client, "/campaigns/test/predictions", **query)
        rows += page["rows"]
        after = page["after"]
        if after is None:
            break
    assert len(rows) == 600
    assert len({row["site"] for row in rows}) == 600
    errors = [row["expected_error"] for row in rows]
    assert errors == sorted(errors, reverse=True)


def test_lists_are_repeated_or_have_commas(client):
    once = got(client, "/campaigns/test/predictions", contains="O,Li")
    assert got(client, "/campaigns/test/predictions", contains=["O", "Li"]) == once
    assert once["rows"]
    assert all({"O", "Li"} <= set(row["elements"]) for row in once["rows"])


WRONG = [
    {"absorber[$ne]": "Cu"},
    {"$where": "true"},
    {"value[$gt]": ""},
    {"campaign": "other"},
    {"absorber": '{"$ne": null}'},
    {"absorber": "$ne"},
    {"formula": '{"$regex": "."}'},
    {"version": "$gt"},
    {"contains": "$in"},
    {"cn": '{"$gt": 0}'},
    {"cn": "4.5"},
    {"min_probability": "nan"},
    {"min_value": "1e400"},
    {"oxide": "maybe"},
    {"sort": "$natural"},
    {"after": "abc"},
    {"limit": "0"},
    {"limit": "1000001"},
    {"cn": ["4", "5"]},
    {"target": "none"},
    {"label": "a name"},
]


@pytest.mark.parametrize("query", WRONG, ids=str)
def test_operators_and_nonsense_are_refused_in_one_line(client, query):
    for what in ("predictions", "count", "export"):
        error = got(client, f"/campaigns/test/{what}", 400, **query)["error"]
        assert len(error.splitlines()) == 1
        assert len(error) < 300


UNLIKE = {
    "integer": ["", " 4", "4.0", "1_0", "+4", "٤", "four"],
    "number": ["", " 0.5", "1_0", "+1", "nan", "inf", "true"],
    "boolean": ["", "1", "yes", "True", " true"],
    "array": ["", " ", "O,", "O, Li", "4"],
    "string": [""],
}
"""Texts that are not of a type of JSON, and that pydantic takes for one, or a page for nothing."""


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.path)
def test_nothing_is_accepted_that_the_description_does_not_allow(client, operation):
    path = operation.path.format(campaign="test")
    described = document()["paths"][operation.path]["get"]["parameters"]
    asked = [one for one in described if one["in"] == "query"]
    for one in asked:
        required = {each["name"]: "x" for each in asked if each["required"]}
        for text in UNLIKE[one["schema"]["type"]]:
            got(client, path, 400, **required | {one["name"]: text})
        if one["schema"]["type"] != "array":
            twice = [str(one["schema"].get("default", "1"))] * 2
            got(client, path, 400, **required | {one["name"]: twice})
    got(client, path, 400, unknown="1")


def test_parameters_are_the_conditions_of_a_query():
    names = set(PredictionQuery.__dataclass_fields__) - {"campaign"}
    given = set(PredictionParameters.model_fields)
    assert given == names | {"sort", "after", "limit"}
    with pytest.raises(UsageError, match="there is no such parameter"):
        PredictionParameters.of(MultiDict({"x" * 1000: "1"}))


def test_exports_hold_what_the_query_finds(client, screened):
    expected = list(find_predictions(screened, PredictionQuery(campaign="test", absorber="Cu")))
    path = "/api/campaigns/test/export?absorber=Cu&format="
    rows = list(csv.DictReader(io.StringIO(client.get(f"{path}csv").text)))
    assert [row["site"] for row in rows] == [row["site"] for row in expected]
    assert tuple(rows[0]) == COLUMNS
    lines = client.get(f"{path}jsonl").text.splitlines()
    assert [json.loads(line) for line in lines] == expected
    answer = client.get(f"{path}parquet")
    table = parquet.read_table(io.BytesIO(answer.data))
    assert table.num_rows == len(expected)
    assert "attachment" in answer.headers["Content-Disposition"]


def test_metrics_failures_and_status(client):
    metrics = got(client, "/campaigns/test/metrics")["metrics"]
    assert {one["absorber"] for one in metrics} == {"Cu", "Fe", "Ni"}
    assert got(client, "/campaigns/test/failures") == {"failures": [], "after": None}
    assert got(client, "/campaigns/test/status")["campaign"] == "test"
    for path in ("metrics", "failures", "status", "report"):
        assert client.get(f"/api/campaigns/none/{path}").status_code == 404


def test_sites_that_are_not_there_are_said(client):
    error = got(client, "/campaigns/test/site", 404, site="m-1:Cu:0")["error"]
    assert "has no site 'm-1:Cu:0'" in error
    assert "site" in got(client, "/campaigns/test/site", 400)["error"]


def test_nothing_can_be_changed(client):
    for method in ("post", "put", "delete", "patch"):
        headers = {"Host": "127.0.0.1:8123", "Authorization": "Bearer the-token"}
        answer = getattr(client.plain, method)("/api/campaigns", headers=headers)
        assert answer.status_code == 405


def test_the_description_names_every_path_and_parameter(client):
    described = got(client, "/openapi.json")
    assert described == document()
    rules = {
        rule.rule.removeprefix("/api").replace("<campaign>", "{campaign}")
        for rule in client.server.url_map.iter_rules()
        if rule.rule.startswith("/api/") and rule.rule not in ("/api/", "/api/openapi.json")
    }
    assert set(described["paths"]) == rules == {one.path for one in OPERATIONS}
    names = {
        one["name"]
        for one in described["paths"]["/campaigns/{campaign}/predictions"]["get"]["parameters"]
    }
    assert names == {"campaign", *PredictionParameters.model_fields}
    page = client.get("/api/").text
    assert all(f"GET /api{one.path}" in page for one in OPERATIONS)
    assert "<script" not in page


def test_all_campaigns_are_asked_at_once(client):
    own = got(client, "/campaigns/test/predictions", absorber="Cu", limit=7)
    found = got(client, "/predictions", absorber="Cu", limit=7)
    assert found["rows"] == [{"campaign": "test", **row} for row in own["rows"]]
    following = got(client, "/predictions", absorber="Cu", limit=7, after=found["after"])
    assert following["rows"][0]["site"] not in {row["site"] for row in found["rows"]}
    assert "no absorber" in got(client, "/predictions", 400, absorber="Zn")["error"]
