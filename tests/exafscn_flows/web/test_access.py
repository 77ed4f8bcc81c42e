"""Who may see the page, and what a browser may do with it."""

import hmac
import re
from types import SimpleNamespace

import pytest
from web_client import ACCESS, HOST

from exafscn_flows.web.access import Access
from exafscn_flows.web.uploads import MOST_REQUEST


def asked(client, path="/", **headers):
    return client.plain.get(path, headers={"Host": HOST} | headers)


@pytest.fixture(autouse=True)
def _no_cookies(client):
    client.plain.delete_cookie(ACCESS.cookie)


def test_tokens_are_random_and_long():
    first, second = Access(1).token, Access(1).token
    assert first != second
    assert len(first) >= 43
    assert first not in repr(Access(1, first))


@pytest.mark.parametrize(
    "path", ["/", "/_dash-layout", "/_dash-dependencies", "/assets/page.css", "/no-such-page"]
)
def test_nothing_is_shown_without_the_token(client, path):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer the-toke"}):
        answer = asked(client, path, **headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "token" in answer.text
        assert len(answer.text.splitlines()) == 1
    assert asked(client, f"{path}?token=the-tokem").status_code == 401


def test_the_token_is_compared_in_constant_time(client, monkeypatch):
    compared = []

    def compare(one, other):
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    digests = SimpleNamespace(compare_digest=compare)
    monkeypatch.setattr("exafscn_flows.web.access.hmac", digests)
    assert asked(client, "/?token=wröng").status_code == 401
    assert compared == [("wröng".encode(), b"the-token")]


def test_the_address_with_the_token_becomes_a_cookie_and_an_address_without(client):
    answer = asked(client, "/screening?token=the-token&absorber=Fe&x=1")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/screening?absorber=Fe&x=1"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert asked(client).status_code == 200


def test_the_cookie_leads_to_no_other_server(client):
    answer = client.plain.get(
        "/?token=the-token",
        headers={"Host": HOST},
        environ_overrides={"PATH_INFO": "//evil.example/"},
    )
    assert answer.headers["Location"] == "/evil.example/"


def test_another_name_of_this_machine_is_refused_even_with_the_token(client):
    """A name of somebody else that was made to point here (DNS rebinding)."""
    for host in ("evil.example:8123", "127.0.0.1", "127.0.0.1:80", "localhost.evil.example:8123"):
        answer = client.get("/", Host=host)
        assert answer.status_code == 400
    assert client.get("/", Host="localhost:8123").status_code == 200


def test_browsers_leave_out_the_port_of_http():
    assert Access(80).is_own_host("127.0.0.1")
    assert Access(80).is_own_host("localhost:80")
    assert not Access(8050).is_own_host("127.0.0.1")


def test_the_pages_of_others_cannot_change_anything(client):
    own = {"Host": HOST, "Authorization": "Bearer the-token"}
    for foreign in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = client.plain.post("/_dash-update-component", json={}, headers=own | foreign)
        assert answer.status_code == 403


def test_browsers_are_told_that_nothing_comes_from_elsewhere(client):
    for answer in (client.get("/"), asked(client), client.get("/_dash-layout")):
        policy = dict(
            rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == "'none'"
        assert "unsafe" not in policy["script-src"]
        assert set(policy["connect-src"].split()) == {"'self'"}
        assert not re.search(r"https?:|\*", " ".join(policy.values()))
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer.headers["Cache-Control"]


def test_the_page_loads_nothing_from_elsewhere(client):
    page = client.get("/").text
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith("/") and not source.startswith("//") for source in sources)
    assert '<html lang="en">' in page


def test_errors_show_no_insides(client):
    assert client.server.debug is False
    body = {"output": "x.y", "outputs": {"id": "x", "property": "y"}, "inputs": []}
    own = {"Host": HOST, "Authorization": "Bearer the-token"}
    answer = client.plain.post("/_dash-update-component", json=body, headers=own)
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    assert "File" not in answer.text
    assert client.get("/_dash-component-suites/dash/../../etc/passwd").status_code in (404, 500)


def test_a_request_that_is_too_large_is_a_sentence_and_is_not_read(client):
    own = {"Host": HOST, "Authorization": "Bearer the-token"}
    answer = client.plain.post(
        "/_dash-update-component",
        headers=own | {"Content-Type": "application/json"},
        environ_overrides={"CONTENT_LENGTH": str(MOST_REQUEST + 1)},
    )
    assert answer.status_code == 200
    said = answer.get_json()["response"]["drop-said"]["children"]
    assert "at most 20 files" in said["props"]["children"]
