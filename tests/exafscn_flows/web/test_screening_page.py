"""The screening page: what an address asks for, and what leads on from there."""

import re
from collections import Counter

import numpy as np
import pytest
from web_client import found, shown, texts
from werkzeug.datastructures import MultiDict

from exafscn_flows import Campaign
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.queries import find_predictions, search_for
from exafscn_flows.store.spread import sample
from exafscn_flows.web.addresses import address, split
from exafscn_flows.web.screening_figures import principal_plane

pytestmark = pytest.mark.usefixtures("screened")


def sites(page):
    links = (one["props"] for one in found(page, "Link"))
    return [one["children"] for one in links if one["href"].startswith("/site?")]


def test_a_table_shows_what_the_address_asks_for(client, screened):
    page = shown(client, "?campaign=test&absorber=Cu&min_probability=0.6&sort=doubtful")
    query = PredictionQuery(campaign="test", absorber="Cu", min_probability=0.6)
    expected = [row for row in find_predictions(screened, query, "doubtful", limit=50)]
    assert len(sites(page)) == 50
    for name, row in zip(sites(page), expected, strict=True):
        assert row["site"] == name or name == f"{row['file']}: {row['group']}"
    chosen = {
        one["props"]["name"]: option["props"]["value"]
        for one in found(page, "Select")
        for option in found(one, "Option")
        if option["props"]["selected"]
    }
    assert (chosen["absorber"], chosen["sort"], chosen["target"]) == ("Cu", "doubtful", "")


def test_pages_are_led_to_by_addresses(client):
    search, seen = "?campaign=test&absorber=Fe", []
    while search:
        page = shown(client, search)
        seen += sites(page)
        following = [
            one["props"]["href"]
            for one in found(page, "Link")
            if one["props"].get("className") == "next"
        ]
        search = following[0].removeprefix("/screening") if following else ""
    assert len(seen) == len(set(seen)) == sum(1 for _ in _cu_fe("Fe"))


def _cu_fe(absorber):
    return find_predictions(
        Campaign("test")._store, PredictionQuery(campaign="test", absorber=absorber)
    )


def test_what_makes_no_sense_is_said_and_the_form_stays(client):
    for search, says in (
        ("?campaign=test&absorber=Zn", "has no absorber"),
        ("?campaign=test&after=abc", "not the token of a page"),
        ("?campaign=test&value=4&min_value=3", "exclude each other"),
    ):
        page = shown(client, search)
        assert says in texts(page)
        assert found(page, "Form")
    for search in ("?campaign=none", "?absorber[$ne]=1", "?campaign=test&cn=x"):
        assert "P" in {one["type"] for one in found(shown(client, search), "P")}


def test_no_page_is_a_sentence(client):
    assert "There is no page /none" in texts(shown(client, "", "/none"))


def test_fields_that_nobody_filled_leave_the_address(client):
    answer = client.get("/screening?campaign=test&absorber=&cn=4&value=")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/screening?campaign=test&cn=4"


def test_addresses_keep_what_was_asked():
    search = "campaign=a b&contains=O,Li&disagrees=false&min_probability=0.5&sort=doubtful"
    pairs = MultiDict(pair.split("=") for pair in search.split("&"))
    campaign, given = split(pairs)
    again = MultiDict(
        pair.replace("+", " ").replace("%2C", ",").split("=")
        for pair in address(campaign, given)[1:].split("&")
    )
    assert split(again) == (campaign, given) == ("a b", given)
    assert given.conditions() == {
        "contains": ("O", "Li"),
        "disagrees": False,
        "min_probability": 0.5,
    }


def drawn(client, search):
    """What is drawn and counted after the table."""
    made = {}
    for one in client.get("/_dash-dependencies").get_json():
        if one["output"].startswith(("..plots-said.children", "..count.children")):
            made |= client.call(one["output"], [("screened", "data", search)])
    return made


def test_numbers_of_the_confusion_lead_to_what_they_count(client, screened):
    made = drawn(client, "?campaign=test&absorber=Ni")
    counted = Counter(
        (row["label"], row["value"])
        for row in find_predictions(screened, PredictionQuery(campaign="test", absorber="Ni"))
    )
    links = found(made["confusion"]["children"], "Link")
    assert len(links) == len(counted)
    for link in links:
        href = link["props"]["href"]
        page = shown(client, href.removeprefix("/screening"))
        label, value = (int(re.search(rf"{name}=(\d+)", href)[1]) for name in ("label", "value"))
        count = int(link["props"]["children"].replace(",", ""))
        assert count == counted[label, value]
        assert len(sites(page)) == min(50, count)


def test_figures_show_what_was_found(client, screened):
    made = drawn(client, "?campaign=test&absorber=Ni&target=environment")
    graphs = found(made["plot-scatter-box"]["children"], "Graph")
    traces = graphs[0]["props"]["figure"]["data"]
    shown_sites = [site for trace in traces for _, site in trace["customdata"]]
    query = PredictionQuery(campaign="test", absorber="Ni", target="environment")
    rows = {row["site"]: row for row in find_predictions(screened, query)}
    assert sorted(shown_sites) == sorted(rows)
    for trace in traces:
        own = [rows[site] for _, site in trace["customdata"]]
        assert {row["value"] for row in own} == {trace["name"]}
        assert trace["y"] == [row["probability"] for row in own]
    assert "predictions" in texts(made["count"]["children"])


@pytest.mark.parametrize("target", [None, "environment", "bond_length"])
def test_a_sample_is_spread_evenly(screened, target):
    query = PredictionQuery(campaign="test", target=target)
    search = search_for(screened, query)
    found = sample(screened, [search], 100)
    rows = found.rows
    assert not found.is_whole
    assert len({row["site"] for row in rows}) == len(rows) <= 100
    name = "value" if target == "bond_length" else "probability"
    every = [row[name] for row in find_predictions(screened, query)]
    ends = (min(every), max(every)) if target == "bond_length" else (0, 1)
    tenths = np.linspace(*ends, 11)[1:-1]

    def filled(values):
        return set(np.digitize(values, tenths, right=target != "bond_length").tolist())

    assert filled([row[name] for row in rows]) == filled(every)
    found = sample(screened, [search], 1000)
    assert found.is_whole
    assert len(found.rows) == len(every)


def test_a_sample_keeps_to_what_is_asked_for(screened):
    query = PredictionQuery(campaign="test", absorber="Cu", min_probability=0.45)
    every = {row["site"]: row["probability"] for row in find_predictions(screened, query)}
    found = sample(screened, [search_for(screened, query)], 20)
    rows = {row["site"]: row["probability"] for row in found.rows}
    assert not found.is_whole
    assert len(found.rows) == len(rows)
    assert rows.items() <= every.items()
    lowest = [one for one in every.values() if one <= 0.5]
    assert sum(one <= 0.5 for one in rows.values()) == min(2, len(lowest)) > 0


def test_more_than_is_counted_is_said(client, monkeypatch):
    monkeypatch.setattr("exafscn_flows.web.screening_plots.COUNTED", 100)
    made = drawn(client, "?campaign=test&absorber=Ni")
    assert texts(made["count"]["children"]).startswith("more than 100 predictions")
    assert "at most 100" in texts(made["confusion"]["children"])
    (link,) = found(made["count"]["children"], "A")
    assert client.get(link["props"]["href"]).get_json()["count"] > 100
    assert not found(made["confusion"]["children"], "Link")


def test_principal_components_of_a_line_are_the_line():
    t = np.linspace(-1, 2, 20)
    line = t[:, None] * np.array([3.0, 4.0, 0.0]) + 7
    plane, shares = principal_plane(line)
    assert np.allclose(shares, [1, 0])
    assert np.allclose(np.abs(plane[:, 0]), 5 * np.abs(t - t.mean()))
    assert plane[np.abs(plane[:, 0]).argmax(), 0] > 0


def test_all_campaigns_are_one_table(client):
    page = shown(client, "?campaign=*&absorber=Cu&limit=9")
    assert len(sites(page)) == 9
    (heads,) = (texts(one) for one in found(page, "Thead"))
    assert heads.split()[0] == "campaign"
    links = [one["props"]["href"] for one in found(page, "Link")]
    assert all("campaign=test" in one for one in links if one.startswith("/site?"))
    (following,) = [one for one in links if "after=" in one]
    assert not set(sites(shown(client, following.removeprefix("/screening")))) & set(sites(page))


def test_figures_and_counts_are_of_all_campaigns(client, screened, two_campaigns):
    search = "?campaign=*&absorber=Ni&cn=4"
    rows = {
        (campaign, row["site"]): row
        for campaign in ("test", "other")
        for row in find_predictions(
            screened, PredictionQuery(campaign=campaign, absorber="Ni", cn=4)
        )
    }
    page = shown(client, search)
    assert "lengths (" in texts(page)
    made = drawn(client, search)
    (figure,) = (
        one["props"]["figure"] for one in found(made["plot-scatter-box"]["children"], "Graph")
    )
    points = [tuple(one) for trace in figure["data"] for one in trace["customdata"]]
    assert sorted(points) == sorted(rows)
    assert {campaign for campaign, _ in points} == {"test", "other"}
    (said,) = made["plot-map"]["figure"]["layout"]["annotations"]
    assert "cannot be compared" in said["text"]
    assert texts(made["count"]["children"]) == f"{len(rows)} predictions"
    counted = Counter((row["label"], row["value"]) for row in rows.values())
    for link in found(made["confusion"]["children"], "Link"):
        href = link["props"]["href"]
        label, value = (int(re.search(rf"{name}=(\d+)", href)[1]) for name in ("label", "value"))
        assert int(link["props"]["children"]) == counted.pop((label, value))
        cell = shown(client, href.removeprefix("/screening"))
        assert len(sites(cell)) == min(50, int(link["props"]["children"]))
    assert not counted
