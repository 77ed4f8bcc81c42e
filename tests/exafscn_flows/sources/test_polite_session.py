"""Patience and discretion with a service, tried on a real server and a clock that does not run."""

import logging
import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from mp_server import KEY

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.sources import polite_session
from exafscn_flows.sources.polite_session import PATIENCE, PAUSE, PoliteSession

QUERY = {"material_ids": "mp-1"}


@pytest.fixture
def session(server):
    session = PoliteSession("the service", KEY, "ask for another")
    yield session
    session.close()


@pytest.fixture
def get(server, session):
    """Ask for a page of materials."""

    def get(**settings):
        return session.get(f"{server.endpoint}materials/summary/", params=QUERY, **settings)

    return get


def failure(get, error: type[Exception]) -> str:
    with pytest.raises(error) as raised:
        get()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_between_two_requests_there_is_a_pause(get, clock):
    for _ in range(3):
        assert get().json()["data"] == []
    assert clock.naps == [pytest.approx(PAUSE)] * 2


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429},
        {"status": 500},
        {"status": 502},
        {"status": 503},
        {"status": 504},
        {"status": 524},
        {"cut": True},
        {"garbled": True},
    ],
    ids=str,
)
def test_what_may_pass_is_asked_again_after_growing_waits(get, server, clock, fault):
    server.fail(4, **fault)
    assert get().status_code == 200
    assert clock.waits == [1, 2, 4, 8]
    assert len(server.requests) == 5


@pytest.mark.parametrize("status", [429, 503])
def test_the_server_may_ask_for_a_longer_wait(get, server, clock, status):
    server.fail(status=status, retry_after="17")
    in_a_minute = datetime.now(UTC) + timedelta(seconds=40)
    server.fail(status=status, retry_after=format_datetime(in_a_minute, usegmt=True))
    server.fail(status=status, retry_after="0")
    server.fail(status=status, retry_after="tomorrow")
    get()
    assert clock.waits == [17, pytest.approx(40, abs=2), 4, 8]


def test_patience_ends_after_minutes_not_hours(get, server, clock):
    server.fail(1000, status=502)
    start = clock.now
    message = failure(get, CampaignError)
    assert "the service answers with status 502" in message
    assert "what was fetched is kept" in message
    assert PATIENCE / 2 < clock.now - start <= PATIENCE
    assert max(clock.waits) == 60
    # 1 + 2 + 4 + ... + 32 s, then every minute.
    assert len(server.requests) == 10


def test_too_many_requests_for_good_is_told_with_the_time_to_come_back(get, server, clock):
    server.fail(status=429, retry_after="3600")
    message = failure(get, CampaignError)
    assert "too many requests" in message
    assert "3600 s" in message
    assert len(server.requests) == 1
    assert clock.waits == []


def test_a_slow_server_is_asked_again(get, server, monkeypatch, clock):
    monkeypatch.setattr(polite_session, "TIME_LIMIT", 0.2)
    server.fail(delay=0.6)
    get()
    assert len(server.requests) == 2
    server.fail(2, delay=0.6)
    message = failure(lambda: get(patience=1.5), CampaignError)
    assert message.startswith("the service did not answer within 0 s, for 1 s;")


def test_a_server_that_is_not_there(session, clock):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        message = failure(lambda: session.get(url, patience=10), CampaignError)
    assert message.startswith("the service cannot be reached, for ")
    assert clock.waits == [1, 2, 4]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_told_at_once(get, server, clock, status):
    server.fail(status=status)
    assert failure(get, UsageError) == (
        f"the service refuses the API key (status {status}); ask for another"
    )
    assert len(server.requests) == 1
    assert clock.waits == []


def test_what_never_passes_is_told_at_once_with_the_reason(get, server, session):
    server.fail(status=400, detail="no  such\nparameter")
    assert failure(get, CampaignError) == ("the service answers with status 400: no such parameter")
    url = f"{server.endpoint}materials/summary/"
    unknown = failure(lambda: session.get(url, params={"colour": "red"}), CampaignError)
    assert "cannot be used: colour" in unknown
    assert "status 404: Not Found" in failure(
        lambda: session.get(f"{server.endpoint}elsewhere"), CampaignError
    )


@contextmanager
def listening(status: int = 200, location: str = "") -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that answers everybody the same: its address, and the headers that it was sent."""
    heard: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/", heard
        finally:
            http.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_follows_no_redirection(session, status):
    """The other place would answer, and never hears of the key."""
    with listening() as (elsewhere, told), listening(status, elsewhere) as (url, asked):
        assert f"status {status}" in failure(lambda: session.get(url), CampaignError)
    assert [headers["x-api-key"] for headers in asked] == [KEY]
    assert told == []


def test_the_key_is_nowhere_to_be_read(get, server, session, caplog):
    """Neither in messages, nor in chained errors, nor in any log, of ours or of a library."""
    caplog.set_level(logging.DEBUG, logger="")
    told = []
    faults = [
        {"status": 400, "detail": f"odd key {KEY} in {{'x-api-key': '{KEY}'}}"},
        {"status": 401, "detail": KEY},
        {"times": 1000, "status": 429, "detail": KEY},
        {"times": 1000, "cut": True},
        {"times": 1000, "garbled": True},
    ]
    for fault in faults:
        server._faults.clear()
        server.fail(**fault)
        with pytest.raises((UsageError, CampaignError)) as raised:
            get()
        error: BaseException | None = raised.value
        told += traceback.format_exception(error)
        while error is not None:
            told += [str(error), repr(error), str(error.__dict__)]
            # Where a chain is hidden, it must still be safe to show.
            assert error.__suppress_context__ or error.__context__ is None
            error = error.__cause__
    told += [record.getMessage() for record in caplog.records]
    told += [repr(session), str(server.requests)]
    assert len(caplog.records) > 20
    assert not [text for text in told if KEY in text]
    assert "<key>" in "".join(told)
