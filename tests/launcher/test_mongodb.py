"""Campaigns on a MongoDB of others: a replica set with TLS, passwords and roles.

Roles are those of docs/mongodb.md, and campaigns find the set by an address as Atlas gives them.
"""

import itertools
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from campaigns import Workspace, make_workspace
from crystals import polymorphs
from gridfs import GridFSBucket
from mp_documents import material_document
from mp_server import MPServer
from pages import ROOT, blocks
from predictions import config, made_predictions
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from replica_set import DOMAIN, NAME, Authority, NameServer, ReplicaSet
from waiting import wait_until
from web_client import clients, texts

from exafscn_flows.errors import UsageError
from exafscn_flows.settings import Settings
from exafscn_flows.store import connection
from exafscn_flows.store.connection import connect
from exafscn_flows.store.store import Store
from exafscn_flows.store.transfer import export_campaigns, import_campaigns
from exafscn_flows.web.openapi import OPERATIONS

SECRETS = ("9f3ac1", "7be41c")
"""Parts of the passwords and of the API key, which nothing else holds."""
ADMIN = f"r%o/{SECRETS[0]}"
ALICE, BOB = f"a:l/i?c#e[@]{SECRETS[0]}", f"%b&o=b {SECRETS[0]}"
BASE = "exafscn"

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def servers() -> Iterator[ReplicaSet]:
    """The set, with the roles and users of the page: Alice may write, Bob may read."""
    with tempfile.TemporaryDirectory(prefix="exafscn-test-") as folder:
        servers = ReplicaSet(Path(folder), ADMIN)
        try:
            servers.start()
            (code,) = blocks(ROOT / "docs" / "mongodb.md", "python")
            made = subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "ADMIN_URI": servers.uri("root", ADMIN)},
                input=f"{ALICE}\n{BOB}\n",
                capture_output=True,
                text=True,
                start_new_session=True,  # without a terminal, getpass reads standard input
            )
            assert made.returncode == 0, made.stderr
            yield servers
        finally:
            servers.stop()


@dataclass
class Person:
    """Somebody with an address of the database; remembers what was to be seen on this machine."""

    folder: Path
    uri: str
    seen: list[str] = field(default_factory=list)

    def __call__(self, *commands: str) -> list[tuple[int, str, str]]:
        """Run commands side by side; gives exit code, output and errors of each."""
        workspace = Workspace(self.folder, self.uri, cores=2)
        running = [workspace.start_program(*command.split()) for command in commands]
        return [self._end(process) for process in running]

    def refused(self, *commands: str) -> list[str]:
        """Run commands that end with exit code 2; gives the one line of each."""
        lines = []
        for rc, _, err in self(*commands):
            assert rc == 2, err
            assert len(err.splitlines()) == 1, err
            lines.append(err)
        return lines

    def allowed(self, *commands: str) -> list[str]:
        """Run commands that end well; gives the output of each."""
        outputs = []
        for rc, out, err in self(*commands):
            assert rc == 0, err
            outputs.append(out)
        return outputs

    def _end(self, process: subprocess.Popen[str]) -> tuple[int, str, str]:
        deadline = time.monotonic() + 300
        while True:
            try:
                out, err = process.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline
                self.seen += _command_lines(process.pid)
        assert "Traceback" not in err
        self.seen += [out, err]
        return process.returncode, out, err


def _command_lines(pid: int) -> list[str]:
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return [" ".join(process.cmdline()) for process in family]
    except psutil.Error:  # one has ended meanwhile
        return []


@dataclass
class Laboratory:
    """Where Alice runs a campaign, and Bob looks at it."""

    folder: Path
    alice: Person
    bob: Person

    @property
    def people(self) -> tuple[Person, Person]:
        return self.alice, self.bob


@pytest.fixture(scope="module")
def laboratory(servers: ReplicaSet) -> Iterator[Laboratory]:
    """Alice has run the campaign, on crystals of the Materials Project."""
    crystals = {f"mp-{n}": each for n, each in enumerate(polymorphs("Ni").values(), start=1)}
    documents = [material_document(*item) for item in crystals.items()]
    workspace = make_workspace(
        "mongodb://nobody",
        {},
        sources=[{"kind": "materials_project"}],
        spectra={"kind": "feff", "cards": {"RPATH": 4, "NLEG": 2}},
        models=[{"kind": "random_forest", "n_estimators": 5}],
        evaluation={"n_folds": 2},
    )
    folder = workspace.folder
    programs = folder / "bin"
    programs.mkdir()
    sbatch = programs / "sbatch"
    # Jobs run at once, and find the database in the files of the cluster alone.
    sbatch.write_text(
        "#!/bin/sh\nenv -u EXAFSCN_MONGODB_URI bash $1 > job-7.out 2>&1\n"
        "echo Submitted batch job 7\n"
    )
    sbatch.chmod(0o755)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        project = MPServer(documents, key=f"{SECRETS[1]}abcdefghijklmnopqrstuvwxyz")
        stack.enter_context(project)
        stack.enter_context(NameServer(servers.members, programs))
        paths = {"PATH": programs, "PYTHONPATH": programs}
        given = {name: f"{path}:{os.environ.get(name, '')}" for name, path in paths.items()}
        (folder / "tmp").mkdir()
        given |= {"EXAFSCN_DATA_DIR": str(folder / "data"), "TMPDIR": str(folder / "tmp")}
        for name, value in {**given, **project.environment, "EXAFSCN_DEBUG": "1"}.items():
            patch.setenv(name, value)
        people = [
            Person(folder, servers.srv_uri(user, password, BASE))
            for user, password in (("alice", ALICE), ("bob", BOB))
        ]
        laboratory = Laboratory(folder, *people)
        (out,) = laboratory.alice.allowed("run campaign.yaml")
        assert "Campaign test is complete" in out
        yield laboratory
    shutil.rmtree(folder)


def test_who_may_write_runs_campaigns_and_who_may_read_looks_at_them(
    laboratory: Laboratory,
) -> None:
    alice, bob = laboratory.people
    mine = alice.allowed(
        "status test --json",
        "query --json",
        "db export test.zip",
        "cluster init cluster --scheduler slurm --cores 2",
    )
    his = bob.allowed("status test --json", "query --json", "report test", "db status")
    assert his[:2] == mine[:2]
    assert len(json.loads(his[1])) == 8
    assert f"mongodb+srv://bob:***@cluster0.{DOMAIN}/" in his[3]
    for line in bob.refused("run campaign.yaml", "submit campaign.yaml", "db import test.zip"):
        assert "MongoDB does not allow this user to write (" in line
        assert f" in database '{BASE}'): give a user with the role readWrite in EXAFSCN" in line

    alice.allowed("submit campaign.yaml")
    (line,) = bob.refused("launch")
    assert "does not allow this user to write (update in database" in line
    (out,) = alice.allowed("launch --cluster cluster --queue")
    assert out == "job 7 is in the queue\n"
    (status,) = bob.allowed("status --json")
    assert json.loads(status)["rockets"]["state"] == "COMPLETED"
    alice.allowed("status --repair")


@pytest.mark.parametrize(
    ("old", "new", "rc", "message"),
    [
        ("9f3ac1@", "9f3ac1x@", 2, "refused the user name or the password"),
        ("cluster0", "nowhere", 1, "The DNS query name does not exist: _mongodb._tcp.nowhere"),
    ],
)
def test_no_address_without_a_clear_line(
    laboratory: Laboratory, old: str, new: str, rc: int, message: str
) -> None:
    alice = laboratory.alice
    assert old in alice.uri
    stranger = Person(alice.folder, alice.uri.replace(old, new), alice.seen)
    ((found, _, err),) = stranger("run campaign.yaml")
    assert (found, len(err.splitlines())) == (rc, 1), err
    assert message in err


def test_nobody_sees_a_password_or_a_key(laboratory: Laboratory, servers: ReplicaSet) -> None:
    """Neither what commands say, nor command lines, files or documents."""
    assert any("exafscn" in text and "launch" in text for text in laboratory.alice.seen)
    for person in laboratory.people:
        assert [text for text in person.seen if _has_secret(text.encode())] == []
    files = [path for path in laboratory.folder.rglob("*") if path.is_file()]
    files += [path for member in servers.members for path in member.folder.glob("*.log")]
    holders = [path for path in files if any(map(_has_secret, _contents(path)))]
    assert [path.name for path in holders] == ["my_launchpad.yaml"]
    assert stat.S_IMODE(holders[0].stat().st_mode) == 0o600
    assert any(path.match("jobs/*/*.out") for path in files)
    options: Any = CodecOptions(document_class=RawBSONDocument)
    with MongoClient(servers.uri("root", ADMIN)) as client:
        collections = client[BASE].list_collection_names()
        assert {"launches", "fireworks", "fetched", "model_files.chunks"} <= set(collections)
        for name in collections:
            for document in client[BASE].get_collection(name, codec_options=options).find():
                assert not _has_secret(document.raw), name


def _has_secret(data: bytes) -> bool:
    return any(secret.encode() in data for secret in SECRETS)


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from map(archive.read, archive.namelist())


def settings(uri: str) -> Settings:
    return Settings(MONGODB_URI=SecretStr(uri))


def _addresses(servers: ReplicaSet) -> tuple[str, str]:
    return servers.uri("alice", ALICE, BASE), servers.uri("bob", BOB, BASE)


WRITES: dict[str, Callable[[Any], Any]] = {
    "insert": lambda base: base.labels.insert_one({}),
    "update": lambda base: base.labels.update_many({}, {"$set": {"cn": 1}}),
    "upsert": lambda base: base.labels.replace_one({"_id": 0}, {}, upsert=True),
    "delete": lambda base: base.labels.delete_many({}),
    "index": lambda base: base.labels.create_index("cn"),
    "collection": lambda base: base.create_collection("x"),
}
ADMINISTRATION: dict[str, Callable[[Any], Any]] = {
    "drop": lambda base: base.labels.drop(),
    "rename": lambda base: base.labels.rename("x"),
    "drop database": lambda base: base.client.drop_database(BASE),
    "user": lambda base: base.command("createUser", "eve", pwd="x", roles=["readWrite"]),
    "own role": lambda base: base.command("grantRolesToUser", "bob", roles=["dbOwner"]),
    "users": lambda base: base.command("usersInfo", 1),
    "other database": lambda base: base.client.other.labels.find_one(),
    "local": lambda base: base.client.local["oplog.rs"].find_one(),
    "out": lambda base: base.labels.aggregate([{"$out": {"db": "other", "coll": "x"}}]),
    "shutdown": lambda base: base.client.admin.command("shutdown"),
}


def test_roles_allow_what_they_say_and_nothing_else(servers: ReplicaSet) -> None:
    alice, bob = (connect(settings(uri)) for uri in _addresses(servers))
    forbidden = [(bob, each) for each in WRITES.items()]
    forbidden += [(base, each) for base in (alice, bob) for each in ADMINISTRATION.items()]
    for base, (what, act) in forbidden:
        with pytest.raises(OperationFailure) as refusal:
            act(base)
        assert refusal.value.code == 13, what
    alice.x.insert_one({})
    assert bob.x.count_documents({}) == 1
    alice.x.delete_many({})


def test_who_may_read_exports_and_who_may_write_imports(
    servers: ReplicaSet, tmp_path: Path
) -> None:
    alice, bob = (connect(settings(uri)) for uri in _addresses(servers))
    Store(alice).save_config(config("moved"))
    GridFSBucket(alice, "model_files").upload_from_stream_with_id(
        "moved/Cu/r_space/forest", "forest", bytes(10), metadata={"campaign": "moved"}
    )
    counts = export_campaigns(bob, tmp_path / "moved.zip", ["moved"])
    assert counts["campaigns"] == counts["model_files.chunks"] == 1
    assert import_campaigns(alice, tmp_path / "moved.zip") == counts


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (r"&tls=true.*", "", "do not agree on TLS"),
        (r"&tlsCertificateKeyFile=.*", "", "do not agree on TLS"),
        (r"tlsCAFile=.*ca.pem", "tlsCAFile={other}", "TLS .*certificate verify failed"),
        (r"tlsCAFile=.*ca.pem", "tlsCAFile={empty}", "a file for TLS that cannot be used: "),
        (r"tlsCertificateKeyFile=.*", "tlsCertificateKeyFile={other}", "cannot be used: Private"),
        (NAME, "rs9", "no primary in the replica set at"),
        (r"@.*/exafscn\?", "@{secondary}/exafscn?directConnection=true&", "no primary in the"),
    ],
)
def test_what_an_address_can_be_wrong_in(
    servers: ReplicaSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    old: str,
    new: str,
    message: str,
) -> None:
    monkeypatch.setattr(connection, "FIRST_ANSWER_SECONDS", 2.0)
    (tmp_path / "empty").touch()
    wait_until(servers.primary)
    secondary = next(each for each in servers.members if each is not servers.primary())
    values = {
        "other": Authority(tmp_path / "other").file,
        "empty": tmp_path / "empty",
        "secondary": secondary.place,
    }
    uri, count = re.subn(old, new.format(**values), servers.uri("alice", ALICE, BASE))
    assert count == 1
    with pytest.raises(UsageError, match=message) as refusal:
        connect(settings(uri))
    assert "\n" not in str(refusal.value)
    assert not _has_secret(str(refusal.value).encode())


def test_a_certificate_may_take_the_place_of_a_password(servers: ReplicaSet) -> None:
    with MongoClient(servers.uri("root", ADMIN)) as client:
        role = {"role": "reader", "db": BASE}
        client["$external"].command("createUser", "O=client,CN=client", roles=[role])
    uri = re.sub("//.*@", "//", servers.uri("", "", BASE)).replace(
        f"authSource={BASE}", "authSource=$external&authMechanism=MONGODB-X509"
    )
    base = connect(settings(uri))
    with pytest.raises(OperationFailure, match="not authorized"):
        base.labels.insert_one({})
    base.labels.count_documents({})


def test_what_is_acknowledged_survives_the_loss_of_the_primary(servers: ReplicaSet) -> None:
    store = Store(connect(settings(servers.uri("alice", ALICE, BASE))))
    store.prepare()
    acknowledged: list[str] = []
    stop = threading.Event()

    def write() -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            name = {"campaign": f"loss-{number}"}
            docs = [doc.model_copy(update=name) for doc in made_predictions(20, seed=number)]
            store.write(docs)
            acknowledged.extend(doc.to_mongo()["_id"] for doc in docs)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: len(acknowledged) > 200)
        lost = servers.primary()
        assert lost is not None
        servers.kill(lost)
        before = len(acknowledged)
        # It goes on with the next primary, without an error.
        wait_until(lambda: len(acknowledged) > before + 200 or not writer.is_alive())
        assert writer.is_alive()
    finally:
        stop.set()
        writer.join()
    servers.start_member(lost)
    keys = {raw["_id"] for raw in store.database.predictions.find({}, {"_id": 1})}
    assert set(acknowledged) <= keys


def test_a_set_without_a_primary(servers: ReplicaSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_ANSWER_SECONDS", 2.0)
    wait_until(servers.primary)
    primary = servers.primary()
    assert primary is not None
    others = [member for member in servers.members if member is not primary]
    for member in (primary, others[0]):
        servers.kill(member)
    try:
        with pytest.raises(UsageError, match="no primary in the replica set at"):
            connect(settings(servers.uri("bob", BOB, BASE, appname="late")))
    finally:
        for member in (primary, others[0]):
            servers.start_member(member)
        wait_until(servers.primary)


def test_who_may_read_sees_every_page(
    laboratory: Laboratory, servers: ReplicaSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the members themselves: this process does not ask the name server.
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", servers.uri("bob", BOB, BASE))
    for client in clients():
        paths = [one.path.replace("{campaign}", "test") for one in OPERATIONS]
        found = client.get("/api/campaigns/test/predictions")
        assert found.status_code == 200, found.text
        rows = found.get_json()["rows"]
        site = f"?site={rows[0]['site']}"
        for path in paths:
            given = site if "/site" in path else ""
            kind = "&format=cif" if path.endswith("/file") else ""
            answer = client.get(f"/api{path}{given}{kind}")
            assert answer.status_code == 200, answer.text
        for path in ("/screening", "/campaign", "/site"):
            search = (
                f"?campaign=test&site={rows[0]['site']}" if path == "/site" else "?campaign=test"
            )
            made = client.call(
                "..page.children...nav.children..",
                [("address", "pathname", path), ("address", "search", search)],
            )
            assert "does not allow" not in texts(made["page"]["children"])
