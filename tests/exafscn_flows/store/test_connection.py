import multiprocessing
import os
import socketserver
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_plus

import bson
import own_client
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, DuplicateKeyError, InvalidOperation, OperationFailure
from replica_set import free_port

from exafscn_flows.errors import CampaignError, ExafscnError, UsageError
from exafscn_flows.settings import Settings
from exafscn_flows.store import connection
from exafscn_flows.store.connection import connect, redact, translate_errors
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.mongod import find_mongod

PASSWORD = "pa:ss/w@rd-9"
SECRET = "9f3ac1"
"""A part of a password that nothing else in a test contains."""


def settings(uri: str | None, data_dir: Path = Path("/nonexistent")) -> Settings:
    return Settings(MONGODB_URI=None if uri is None else SecretStr(uri), DATA_DIR=data_dir)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A mongod on a loopback port that asks for a password; yields host:port."""
    folder = tmp_path_factory.mktemp("guarded")
    port = free_port()
    process = subprocess.Popen(
        [
            *(str(find_mongod()), "--dbpath", str(folder), "--auth", "--nounixsocket"),
            *("--bind_ip", "127.0.0.1", "--port", str(port)),
            *("--setParameter", "enableTestCommands=1", "--logpath", str(folder / "log")),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ],
        env={**os.environ, "LC_ALL": "C"},
        stdout=subprocess.DEVNULL,
    )
    place = f"127.0.0.1:{port}"
    with MongoClient(place) as client:
        client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
    with MongoClient(place, username="root", password=PASSWORD) as client:
        client.other.command("createUser", "guest", pwd=PASSWORD, roles=["readWrite"])
        client.exafscn.command("createUser", "reader", pwd=PASSWORD, roles=["read"])
    yield place
    process.terminate()
    process.wait()


def uri(
    place: str, user: str = "root", password: str = PASSWORD, tail: str = "/?authSource=admin"
) -> str:
    return f"mongodb://{user}:{quote_plus(password)}@{place}{tail}"


def test_the_embedded_server_starts_on_demand(embedded: EmbeddedServer) -> None:
    own = settings(None, embedded.folder.parent)
    database = connect(own)
    assert database.name == "exafscn"
    database.things.insert_one({"_id": 1})
    assert connect(own).client is database.client
    embedded.stop()
    assert connect(own).things.count_documents({}) == 1


def test_writes_are_journaled_and_reads_current_whatever_the_uri_says(guarded: str) -> None:
    tail = "/lab?authSource=admin&w=0&journal=false&readPreference=secondary&tz_aware=false"
    database = connect(settings(uri(guarded, tail=tail)))
    assert database.name == "lab"
    assert database.things.write_concern.document == {"w": "majority", "j": True}
    assert database.things.read_preference.name == "Primary"
    time = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    database.things.replace_one({"_id": 1}, {"time": time}, upsert=True)
    assert database.things.find_one() == {"_id": 1, "time": time}


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_each_process_has_its_own_client(embedded: EmbeddedServer, method: str) -> None:
    own = settings(None, embedded.folder.parent)
    database = connect(own)
    context = multiprocessing.get_context(method)
    child = context.Process(target=own_client.write, args=(own, id(database.client)))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert database.things.count_documents({}) == 1


@pytest.mark.parametrize(
    ("user", "password", "tail", "message"),
    [
        ("root", SECRET, "/?authSource=admin", "refused the user name or the password"),
        ("nobody", SECRET, "/lab", "refused the user name or the password"),
        ("guest", PASSWORD, "/lab?authSource=other", "does not allow this user to read .*'lab'"),
        ("root", PASSWORD, "/?authSource=admin&tls=true", "do not agree on TLS"),
    ],
)
def test_refusals(
    guarded: str,
    user: str,
    password: str,
    tail: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "FIRST_ANSWER_SECONDS", 1.0)
    with pytest.raises(UsageError, match=message) as caught:
        connect(settings(uri(guarded, user, password, tail)))
    text = str(caught.value)
    assert guarded in text
    assert "\n" not in text
    assert password not in text
    assert quote_plus(password) not in text


def test_a_server_that_asks_for_a_login(guarded: str) -> None:
    with pytest.raises(UsageError, match="does not allow this user to read database 'exafscn'"):
        connect(settings(f"mongodb://{guarded}"))


def test_no_password_in_the_representation_of_a_database(guarded: str) -> None:
    text = repr(connect(settings(uri(guarded))))
    assert PASSWORD not in text
    assert quote_plus(PASSWORD) not in text


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_ANSWER_SECONDS", 1.0)
    place = f"127.0.0.1:{free_port()}"
    start = time.monotonic()
    with pytest.raises(
        CampaignError, match=rf"no MongoDB at mongodb://me:\*\*\*@{place}/ \(.*Connection refused"
    ) as caught:
        connect(settings(uri(place, "me", SECRET)))
    assert time.monotonic() - start < 3
    assert "unset EXAFSCN_MONGODB_URI" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "localhost:27017",
        "http://localhost",
        "mongodb://",
        "mongodb://localhost:port/",
        "mongodb://localhost:70000/",
        "mongodb://localhost/a b",
        "mongodb://localhost/?w=majority&w",
        "mongodb://localhost/?authSorce=admin",
        f"mongodb://me:{SECRET}/x@localhost/",
        f"mongodb://me:a@{SECRET}@localhost/",
        f"mongodb://me:a:{SECRET}@localhost/",
        f"mongodb://me:{SECRET}",
        f"mongodb://me:%{SECRET}zz%@localhost:port",
        f"mongodb://me:{SECRET}@localhost/?authMechanism=NONSENSE",
        f"mongodb://me:{SECRET}@localhost/?tls=true&tlsCAFile=/nowhere/ca.pem",
        f"mongodb://me:{SECRET}@localhost/?tls=true&tlsCertificateKeyFile={__file__}",
    ],
)
def test_malformed_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="EXAFSCN_MONGODB_URI") as caught:
        connect(settings(text))
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_server_that_hangs_up_as_one_that_wants_tls_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "FIRST_ANSWER_SECONDS", 1.0)
    with socketserver.ThreadingTCPServer(
        ("127.0.0.1", 0), socketserver.BaseRequestHandler
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(UsageError, match="do not agree on TLS"):
            connect(settings(f"mongodb://127.0.0.1:{server.server_address[1]}"))
        server.shutdown()


class _OldServer(socketserver.StreamRequestHandler):
    """Answers every message as a MongoDB 5.0 does to hello and buildInfo."""

    def handle(self) -> None:
        while head := self.rfile.read(16):
            length, request, _, code = struct.unpack("<iiii", head)
            self.rfile.read(length - 16)
            answer = bson.encode(
                {
                    "ok": 1,
                    "isWritablePrimary": True,
                    "maxWireVersion": 13,
                    "minWireVersion": 0,
                    "maxBsonObjectSize": 16777216,
                    "maxMessageSizeBytes": 48000000,
                    "maxWriteBatchSize": 100000,
                    "version": "5.0.31",
                    "cursor": {"id": 0, "ns": "exafscn.campaigns", "firstBatch": []},
                }
            )
            legacy = code == 2004
            body = struct.pack("<iqii", 8, 0, 0, 1) if legacy else b"\0\0\0\0\0"
            size = 16 + len(body) + len(answer)
            reply = struct.pack("<iiii", size, 0, request, 1 if legacy else 2013)
            self.wfile.write(reply + body + answer)


def test_a_server_that_is_too_old() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _OldServer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(CampaignError, match=r"too old: it is 5\.0\.31, exafscn needs 6\.0"):
            connect(settings(f"mongodb://127.0.0.1:{server.server_address[1]}"))
        server.shutdown()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mongodb://localhost", "mongodb://localhost"),
        ("mongodb://a:1,b:2/lab?w=1", "mongodb://a:1,b:2/lab"),
        ("mongodb://me:pw@[::1]:27017/lab", "mongodb://me:***@[::1]:27017/lab"),
        ("mongodb+srv://me:pw@x.mongodb.net/?tls=true", "mongodb+srv://me:***@x.mongodb.net/"),
        ("mongodb://pw@localhost", "mongodb://***@localhost"),
        ("mongodb://me:p@w@localhost", "mongodb://***"),
        ("mongodb://me:p/w@localhost", "mongodb://me:***@localhost"),
        ("mongodb://me:p?w@localhost", "mongodb://***"),
        ("mongodb://me:pw", "mongodb://***"),
        ("mongodb://h/?tlsCertificateKeyFilePassword=pw", "mongodb://h/"),
        ("me:pw@localhost", "***"),
        ("", "***"),
    ],
)
def test_redacted_addresses(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(password=st.text(min_size=1), escaped=st.booleans(), host=st.sampled_from(["h", "h:1,i"]))
def test_no_password_survives_redaction(password: str, escaped: bool, host: str) -> None:
    marked = f"{SECRET}{password}{SECRET}"
    written = quote_plus(marked.encode("utf-8", "surrogatepass")) if escaped else marked
    assert SECRET not in redact(f"mongodb://me:{written}@{host}/lab?w=1")


def test_a_server_that_disappears_in_the_middle(embedded: EmbeddedServer) -> None:
    database = connect(settings(None, embedded.folder.parent))
    database.things.insert_one({"_id": 1})
    psutil.Process(embedded.status().pid).kill()
    with (
        pytest.raises(
            CampaignError, match="went away: what was acknowledged is safe, run the same"
        ),
        translate_errors(),
    ):
        database.things.insert_one({"_id": 2})


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        ({"errorCode": 14031}, "no disk space left"),
        ({"errorCode": 13}, "does not allow"),
        ({"errorCode": 50}, "MongoDB reported"),
        ({"closeConnection": True}, "went away"),
        (
            {"writeConcernError": {"code": 14031, "errmsg": "out of disk space"}},
            "no disk space left",
        ),
    ],
)
def test_errors_of_the_server_become_one_line(
    guarded: str, failure: dict[str, object], message: str
) -> None:
    database = connect(settings(uri(guarded)))
    fail_point = {"failCommands": ["insert"], "appName": "exafscn", **failure}
    database.client.admin.command(
        "configureFailPoint", "failCommand", mode="alwaysOn", data=fail_point
    )
    try:
        for write in (
            lambda: database.things.insert_one({"x": 1}),
            lambda: database.things.insert_many([{"x": 1}, {"x": 2}]),
        ):
            with pytest.raises(ExafscnError, match=message) as caught, translate_errors():
                write()
            assert "\n" not in str(caught.value)
    finally:
        database.client.admin.command("configureFailPoint", "failCommand", mode="off")


def test_what_may_not_be_written(guarded: str) -> None:
    reader = connect(settings(uri(guarded, "reader", tail="/exafscn")))
    refusal = r"this user to write \(insert in database 'exafscn'\): give .* readWrite in EXAFSCN"
    with pytest.raises(UsageError, match=refusal), translate_errors():
        reader.things.insert_one({})
    with (
        pytest.raises(UsageError, match=r"to read \(find in database 'other'\)"),
        translate_errors(),
    ):
        reader.client.other.things.find_one()
    root = connect(settings(uri(guarded)))
    with pytest.raises(CampaignError, match="larger than the 16 MB"), translate_errors():
        root.things.insert_one({"x": bytes(17_000_000)})
    root.things.replace_one({"_id": "big"}, {"x": bytes(16_000_000)}, upsert=True)
    with pytest.raises(CampaignError, match="larger than the 16 MB"), translate_errors():
        root.things.update_one({"_id": "big"}, {"$set": {"y": bytes(1_000_000)}})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("bad auth : authentication failed", "refused the user name or the password"),
        (
            "user is not allowed to do action [insert] on [exafscn.campaigns]",
            r"to write \(insert in database 'exafscn'\)",
        ),
    ],
)
def test_atlas_says_in_words_what_it_refuses(words: str, message: str) -> None:
    with pytest.raises(UsageError, match=message), translate_errors():
        raise OperationFailure(words, 8000, {"code": 8000, "codeName": "AtlasError"})


def test_what_fireworks_puts_in_place_of_an_error_is_told_as_that_error() -> None:
    def refresh() -> None:
        try:
            raise AutoReconnect("connection closed")
        except AutoReconnect as error:
            raise RuntimeError(f"Error refreshing workflow: {error}")  # noqa: B904

    with pytest.raises(CampaignError, match="went away: what was"), translate_errors():
        refresh()
    with pytest.raises(RuntimeError, match="its own"), translate_errors():
        raise RuntimeError("its own")


def test_what_the_calling_code_decides_on_passes(guarded: str) -> None:
    database = connect(settings(uri(guarded)))
    database.things.replace_one({"_id": "one"}, {}, upsert=True)
    with pytest.raises(DuplicateKeyError), translate_errors():
        database.things.insert_one({"_id": "one"})
    with pytest.raises(InvalidOperation), translate_errors():
        database.things.bulk_write([])
