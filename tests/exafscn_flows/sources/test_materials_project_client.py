"""The real mp-api client against a Materials Project on loopback."""

import logging
import os
import subprocess
import sys
import warnings

import pytest
from crystals import rock_salt
from mp_documents import material_document
from mp_server import KEY
from pymatgen.core import SETTINGS

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.sources.materials_project_client import material_id, open_client
from exafscn_flows.sources.materials_project_key import find_key

NIO = rock_salt("Ni", "O", 4.18)
ANY = {"max_energy_above_hull": None, "max_sites": None, "theoretical": None}


def listed(n: int) -> list[dict]:
    """Materials of which only the listing is of interest."""
    fields = {"elements": ["Ni", "O"], "nsites": 2, "deprecated": False}
    return [{"material_id": f"mp-{number}", **fields} for number in range(1, n + 1)]


@pytest.fixture
def client(server):
    with open_client() as client:
        yield client


def message_of(error: type[Exception], action) -> str:
    with pytest.raises(error) as raised:
        action()
    assert "\n" not in str(raised.value)
    assert KEY not in str(raised.value)
    return str(raised.value)


def connect() -> None:
    with open_client():
        pass


class TestKey:
    def test_none(self, server, monkeypatch):
        monkeypatch.delenv("MP_API_KEY")
        message = message_of(UsageError, connect)
        assert "https://next-gen.materialsproject.org/api" in message
        assert "export MP_API_KEY=" in message
        assert server.requests == []

    def test_of_pymatgen(self, server, monkeypatch):
        monkeypatch.delenv("MP_API_KEY")
        monkeypatch.setitem(SETTINGS, "PMG_MAPI_KEY", KEY)
        assert find_key() == KEY
        monkeypatch.setitem(SETTINGS, "PMG_MAPI_KEY", KEY[:-1])
        assert "pymatgen's PMG_MAPI_KEY holds 31 characters" in message_of(UsageError, find_key)

    @pytest.mark.parametrize("key", [KEY[:16], f"{KEY}\n", f" {KEY}", KEY * 2])
    def test_of_wrong_length(self, monkeypatch, key):
        monkeypatch.setenv("MP_API_KEY", key)
        message = message_of(UsageError, find_key)
        assert f"MP_API_KEY holds {len(key)} characters" in message
        assert KEY[:16] not in message

    @pytest.mark.parametrize("key", [f"{KEY[:-1]}\n", f"{KEY[:-1]} ", f"{KEY[:-1]}é"])
    def test_that_no_header_could_hold(self, monkeypatch, key):
        monkeypatch.setenv("MP_API_KEY", key)
        message = message_of(UsageError, find_key)
        assert "blanks or odd characters" in message
        assert KEY[:16] not in message

    @pytest.mark.parametrize("refusal", [401, 403])
    def test_refused(self, server, monkeypatch, client, refusal):
        server.key, server.refusal = KEY[::-1], refusal
        message = message_of(UsageError, lambda: client.find_materials(["mp-1"]))
        assert "refuses the API key" in message
        assert "https://next-gen.materialsproject.org/api" in message
        # Nothing else is tried.
        assert server.paths() == ["/heartbeat", "/materials/summary/"]


def test_the_version_is_that_of_the_heartbeat(server, client):
    assert client.version == server.version
    assert server.paths() == ["/heartbeat"]


def test_a_heartbeat_without_a_version_is_an_error(server):
    server.version = None
    assert "version of its database" in message_of(CampaignError, connect)


def test_without_a_network_nobody_waits_for_minutes(server, monkeypatch, clock):
    monkeypatch.setenv("MP_API_ENDPOINT", "http://127.0.0.1:1/")
    assert "cannot be reached" in message_of(CampaignError, connect)
    assert sum(clock.naps) < 30


def test_an_endpoint_that_is_no_address(server, monkeypatch, clock):
    monkeypatch.setenv("MP_API_ENDPOINT", "materials")
    assert message_of(CampaignError, connect).endswith("cannot be asked: MissingSchema")
    assert clock.naps == []


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("mp-149", "mp-149"),
        ("mp-ft", "mp-149"),
        ("mp-aaaaaaft", "mp-149"),
        ("aaaaaaft", "mp-149"),
        ("mp-626735", "mp-626735"),
        ("mvc-16060", "mvc-16060"),
        # The last one with a number, and the first without.
        ("mp-aaahilzd", "mp-3347529"),
        ("mp-aaahilze", "mp-aaahilze"),
        ("mp-hilze", "mp-aaahilze"),
        ("mp-3347530", "mp-aaahilze"),
        ("", None),
        ("mp-149-x", None),
        ("MP-149", None),
        (149, None),
        (None, None),
        (["mp-149"], None),
    ],
)
def test_one_material_has_one_id(written, known):
    assert material_id(written) == known
    # Not mp_api's own text, whose hash differs from that of equal texts.
    assert known is None or type(material_id(written)) is str


def test_pages_are_asked_for_one_by_one_and_cover_all(server, client):
    server.add(listed(2300))
    pages = [client.list_materials(number, elements=["Ni"], **ANY) for number in range(3)]
    assert [len(page.documents) for page in pages] == [1000, 1000, 300]
    assert [page.more for page in pages] == [True, True, False]
    assert {page.total for page in pages} == {2300}
    assert len({id_ for page in pages for id_, _ in page.documents}) == 2300
    questions = server.requests[1:]
    assert [question.parameters["_page"] for question in questions] == ["1", "2", "3"]
    for question in questions:
        assert question.parameters["_sort_fields"] == "material_id"
        assert question.parameters["_fields"] == "material_id,elements,nsites,last_updated"
        assert int(question.parameters["_limit"]) == 1000


def test_the_server_filters(server, client):
    cases = {
        "mp-1": {},
        "mp-2": {"energy_above_hull": 0.2},
        "mp-3": {"theoretical": True},
        "mp-4": {"deprecated": True},
        "mp-5": {"nsites": 40},
        "mp-6": {"elements": ["Ni", "S"]},
        "mp-7": {"elements": ["O", "Zn"]},
        "mp-8": {"energy_above_hull": 0.05},
    }
    server.add(material_document(id_, NIO) | changes for id_, changes in cases.items())

    def ids(elements, **filters):
        page = client.list_materials(0, elements=elements, **{**ANY, **filters})
        assert page.total == len(page.documents)
        return {int(id_[3:]) for id_, _ in page.documents}

    assert ids(["Ni"]) == {1, 2, 3, 5, 6, 8}
    assert ids(["Ni", "O"]) == {1, 2, 3, 5, 8}
    assert ids(["Ni"], max_energy_above_hull=0.05) == {1, 3, 5, 6, 8}
    assert ids(["Ni"], max_energy_above_hull=0.0) == {1, 3, 5, 6}
    assert ids(["Ni"], theoretical=True) == {3}
    assert ids(["Ni"], theoretical=False, max_sites=8) == {1, 2, 6, 8}


@pytest.mark.parametrize("criteria", [{}, {"elements": None}, {"_page": 1}])
@pytest.mark.parametrize("route", ["_summary", "_xas"])
def test_a_search_without_criteria_reaches_neither_the_server_nor_s3(
    server, client, monkeypatch, route, criteria
):
    """mp_api would download the whole database from S3."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
    with pytest.raises(CampaignError):
        client._search(getattr(client, route), **criteria)
    assert server.paths() == ["/heartbeat"]


def test_documents_are_raw_and_malformed_ones_come_through(server, client, caplog):
    server.add(
        [
            material_document("mp-aaaaaaft", NIO) | {"structure": "none", "last_updated": 5},
            {**material_document("mp-2", NIO), "energy_above_hull": "high", "symmetry": []},
        ]
    )
    found = dict(client.fetch_materials(["mp-149", "mp-2", "mp-3"]).documents)
    assert set(found) == {"mp-149", "mp-2"}
    assert found["mp-149"]["structure"] == "none"
    assert found["mp-2"]["energy_above_hull"] == "high"

    server.add([{"elements": ["Ni"], "deprecated": False, "material_id": odd} for odd in ("?", 3)])
    with caplog.at_level(logging.WARNING):
        page = client.list_materials(0, elements=["Ni"], **ANY)
    assert len(page.documents) == 2
    assert "2 documents without a readable id" in caplog.text


def test_a_page_that_is_too_short_is_not_taken_for_the_end(server, client, monkeypatch):
    server.add(listed(3))
    answer = server.answer
    monkeypatch.setattr(
        server, "answer", lambda request: {**answer(request), "data": answer(request)["data"][:2]}
    )
    message = message_of(CampaignError, lambda: client.list_materials(0, elements=["Ni"], **ANY))
    assert "counts 3 documents, but its last page ends at 2" in message


def test_an_answer_of_another_form_is_one_line(server, client, monkeypatch):
    for odd in ({}, {"data": {}}, {"data": None, "meta": []}):
        monkeypatch.setattr(server, "answer", lambda request, odd=odd: odd)
        message_of(CampaignError, lambda: client.find_materials(["mp-1"]))


def test_faults_in_the_middle_of_a_listing_cost_one_request_each(server, client, clock):
    server.add(listed(1500))
    server.fail(after=1, status=429, retry_after="3")
    server.fail(after=1, cut=True)
    pages = [client.list_materials(number, elements=["Ni"], **ANY) for number in range(2)]
    assert sum(len(page.documents) for page in pages) == 1500
    assert len(server.requests) == 1 + 2 + 2
    assert clock.waits == [3, 2]


def test_the_client_is_silent(server, capfd):
    """No progress bars, no advice, and not one warning of the libraries below."""
    server.add([material_document("mp-1", NIO)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_client() as client:
            client.fetch_materials(["mp-1", "mp-2"])
    assert capfd.readouterr() == ("", "")


def test_importing_and_asking_prints_nothing_and_changes_no_logger(server):
    code = """
import logging
before = logging.getLogger().level, logging.getLogger().handlers[:]
from exafscn_flows.sources.materials_project import MaterialsProjectSource
import sys
assert "mp_api" not in sys.modules and "requests" not in sys.modules
with MaterialsProjectSource(kind="materials_project").connect() as session:
    page = session.list_page("Ni", 0)
assert [entry.material_id for entry in page.entries] == ["mp-1"]
assert (logging.getLogger().level, logging.getLogger().handlers) == before
"""
    server.add([material_document("mp-1", NIO)])
    ended = subprocess.run(
        [sys.executable, "-W", "always", "-c", code],
        env={**os.environ, **server.environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
