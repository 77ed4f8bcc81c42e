"""The pages of a site and of a campaign, on crystals whose coordination everybody knows."""

import json
from urllib.parse import urlencode

import numpy as np
import pytest
from pymatgen.core import Structure
from web_client import clients, texts

from exafscn_flows.sources.measured import read_measured
from exafscn_flows.spectra.feff_input import feff_input
from exafscn_flows.store.documents import FailureDoc
from exafscn_flows.store.store import Store
from exafscn_flows.web.campaign_page import rate_since
from exafscn_flows.web.crystal_figure import crystal_figure
from exafscn_flows.web.site import read_site


@pytest.fixture(scope="module")
def store(finished):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXAFSCN_MONGODB_URI", finished.uri)
        yield Store.open()


@pytest.fixture(scope="module")
def client(store):
    yield from clients()


@pytest.fixture(scope="module")
def oxide(store):
    """Key of the site in rock-salt NiO."""
    (found,) = [
        doc["site"]
        for doc in store.database.labels.find({"campaign": "test", "value": 6})
        if doc["neighbours"] == {"O": 6.0}
    ]
    return found


def shown(client, path, **query):
    made = client.call(
        "..page.children...nav.children..",
        [("address", "pathname", path), ("address", "search", f"?{urlencode(query)}")],
    )
    return made["page"]["children"]


def got(client, site, **query):
    kind = "/file" if query else ""
    asked = urlencode({"site": site, **query})
    answer = client.get(f"/api/campaigns/test/site{kind}?{asked}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_crystal_shows_the_neighbours_that_count(store, oxide):
    view = read_site(store, "test", oxide)
    figure, says = crystal_figure(view.crystal(), view.site.site_index)
    near = [one for one in figure["data"] if one["name"].endswith(", neighbour")]
    assert [one["name"] for one in near] == ["O, neighbour"]
    coords = np.array([near[0][axis] for axis in "xyz"]).T
    assert coords.shape == (6, 3)
    lengths = np.linalg.norm(coords, axis=1)
    assert np.allclose(lengths, 4.18 / 2, atol=1e-3)
    assert "6 neighbours by CrystalNN: 6 O" in says
    (bonds,) = [one for one in figure["data"] if one["name"] == "bonds"]
    ends = np.array([bonds[axis][1::3] for axis in "xyz"]).T
    assert np.allclose(ends, coords, atol=1e-3)
    around = sum(len(one["x"]) for one in figure["data"] if one["name"].endswith(", around"))
    # Within 4.5 Å of Ni: 12 Ni at a/√2, 8 O at √3/2 a, 6 Ni at a.
    assert around == 12 + 8 + 6


def test_the_page_of_a_site_says_what_is_known(client, store, oxide):
    page = shown(client, "/site", campaign="test", site=oxide)
    text = texts(page)
    view = read_site(store, "test", oxide)
    for one in view.predictions:
        assert one.hash[:12] in text
        assert f"{one.probability:.2f}" in text
    assert "NiO" in text
    assert view.spectra[0].program in text
    assert "RPATH" in text


def test_files_of_a_site_are_what_they_say(client, store, oxide, tmp_path):
    view = read_site(store, "test", oxide)
    crystal = view.crystal()
    again = Structure.from_str(got(client, oxide, format="cif"), fmt="cif")
    assert again.matches(crystal)
    cards = store.config("test").spectra[0].feff_cards()
    assert got(client, oxide, format="feff") == feff_input(crystal, view.site.site_index, cards)
    path = tmp_path / "site.xdi"
    path.write_text(got(client, oxide, format="xdi"))
    (read,) = read_measured(path)
    doc = view.spectra[0]
    assert read.absorber == "Ni"
    # FEFF's mu(E) begins at the edge: before it stand zeros, from which processing takes its line.
    before = len(read.mu) - len(doc.mu)
    assert not read.mu[:before].any()
    assert np.allclose(read.mu[before:], doc.mu, rtol=1e-5)
    assert np.allclose(read.energy[before:] - doc.e0, doc.energy_rel, atol=2e-2)
    document = json.loads(got(client, oxide))
    assert document["site"]["site"] == oxide
    assert document["spectra"][0]["mu"] == [float(str(one)) for one in doc.mu]


def test_what_is_not_there_is_a_sentence(client, oxide):
    for query, says in (
        ({"site": "none"}, "has no site 'none'"),
        ({"site": ""}, "names no site"),
        ({"campaign": "gone", "site": oxide}, "no campaign 'gone'"),
    ):
        assert says in texts(shown(client, "/site", **{"campaign": "test", **query}))
    answer = client.get(
        f"/api/campaigns/test/site/file?{urlencode({'site': oxide, 'format': 'xdi'})}&spectrum=pdf"
    )
    assert (answer.status_code, "it has exafs" in answer.text) == (400, True)


def test_the_page_of_a_campaign_counts_and_names_versions(client, store):
    text = texts(shown(client, "/campaign", campaign="test"))
    assert "8 done" in text
    for doc in store.database.promotions.find({"campaign": "test"}):
        assert doc["hash"] in text
    assert "no campaign 'gone'" in texts(shown(client, "/campaign", campaign="gone"))
    assert "test" in texts(shown(client, "/campaign"))


def test_failures_are_shown_by_cause(client, store):
    failure = FailureDoc(
        campaign="test",
        hash="x",
        stage="spectra",
        item="made-up:Ni:0/exafs",
        absorber="Ni",
        kind="too_slow",
        message="<b>FEFF</b> did not end",
        hint="raise time_limit",
    )
    store.write([failure])
    try:
        text = texts(shown(client, "/campaign", campaign="test"))
    finally:
        store.drop_failures([f"test/{failure.key}"])
    assert "too_slow" in text
    assert "<b>FEFF</b> did not end" in text  # as text, which browsers do not take for markup
    assert "raise time_limit" in text


def test_the_report_is_served_with_it(client):
    answer = client.get("/api/campaigns/test/report")
    assert answer.status_code == 200
    assert "<html" in answer.text
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_the_rate_is_that_between_two_looks():
    before = {"time": 100.0, "done": 50, "left": 100}
    now = {"time": 160.0, "done": 80, "left": 70}
    assert rate_since(before, now) == (
        "30 sets of features a minute; about 2 min left for the rest"
    )
    assert rate_since(None, now) == ""
    assert rate_since(before, now | {"left": 0}) == ""
    assert "nothing has been finished" in rate_since(before, before | {"time": 200.0})
