"""A MongoDB as others run it: three members, TLS with certificates of its own, and passwords."""

import os
import socket
import socketserver
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import dns.message
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from waiting import wait_until

from exafscn_flows.store.mongod import environment, find_mongod

NAME = "rs0"
DOMAIN = "exafscn.test"
"""Domain of the addresses that begin with mongodb+srv."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Authority:
    """Somebody who signs certificates."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority", "exafscn")
        certificate = _sign(self._name, self._key.public_key(), self._name, self._key, True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def certificate(self, name: str) -> Path:
        """Sign a certificate for a server of this machine, or a user; with its key in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = _sign(_name(name, name), key.public_key(), self._name, self._key, False)
        file = self._folder / f"{name}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(secret + signed.public_bytes(Encoding.PEM))
        return file


def _name(name: str, organization: str) -> x509.Name:
    parts = ((NameOID.COMMON_NAME, name), (NameOID.ORGANIZATION_NAME, organization))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _sign(
    subject: x509.Name, key: Any, issuer: x509.Name, issuer_key: Any, is_authority: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        hosts = [x509.DNSName(f"node.{DOMAIN}"), x509.IPAddress(IPv4Address("127.0.0.1"))]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


@dataclass
class Member:
    """One mongod of the set."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"


class ReplicaSet:
    """Three members; every client needs a certificate and, but for X.509, a password.

    Parameters
    ----------
    folder
        Where everything is kept.
    root
        Password of the user ``root``, who may do everything.
    """

    def __init__(self, folder: Path, root: str) -> None:
        self._folder = folder
        self._root = root
        self.authority = Authority(folder / "authority")
        self.client_certificate = self.authority.certificate("client")
        self._server_certificate = self.authority.certificate("server")
        self._key = folder / "key"
        self._key.touch(mode=0o600)
        self._key.write_text(os.urandom(32).hex())
        self.members = [Member(free_port(), folder / str(number)) for number in range(3)]
        for member in self.members:
            member.folder.mkdir()

    def start(self) -> None:
        for member in self.members:
            self.start_member(member)
        config = {
            "_id": NAME,
            "members": [{"_id": n, "host": member.place} for n, member in enumerate(self.members)],
            "settings": {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500},
        }
        for member in self.members:
            with self._client(member) as client:
                client.admin.command("hello")  # once it answers
        # Until there is a user, this machine may do everything.
        with self._client(self.members[0]) as client:
            client.admin.command("replSetInitiate", config)
            wait_until(lambda: client.admin.command("hello")["isWritablePrimary"])
            client.admin.command("createUser", "root", pwd=self._root, roles=["root"])

    def start_member(self, member: Member) -> None:
        """Start a member, or start it again."""
        member.process = subprocess.Popen(
            [
                *(str(find_mongod()), "--dbpath", str(member.folder), "--nounixsocket"),
                *("--bind_ip", "127.0.0.1", "--port", str(member.port)),
                *("--replSet", NAME, "--keyFile", str(self._key), "--tlsMode", "requireTLS"),
                *("--tlsCertificateKeyFile", str(self._server_certificate)),
                *("--tlsCAFile", str(self.authority.file), "--wiredTigerCacheSizeGB", "0.25"),
                *("--oplogSize", "50", "--logpath", str(member.folder / "mongod.log")),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            ],
            env=environment(self._folder),
            stdout=subprocess.DEVNULL,
        )

    def _client(self, member: Member) -> MongoClient[dict[str, Any]]:
        options = "directConnection=true&serverSelectionTimeoutMS=120000"
        return MongoClient(f"mongodb://{member.place}/?{options}&{self._tls()}")

    def kill(self, member: Member) -> None:
        """Kill a member, as a lost machine would."""
        assert member.process is not None
        member.process.kill()
        member.process.wait()

    def stop(self) -> None:
        for member in self.members:
            if member.process is not None:
                self.kill(member)

    def primary(self) -> Member | None:
        """The member that is the primary now."""
        with suppress(PyMongoError), MongoClient(self.uri("root", self._root)) as client:
            place = client.admin.command("hello")["primary"]
            return next(member for member in self.members if member.place == place)
        return None

    def uri(self, user: str, password: str, base: str = "", **options: str) -> str:
        """Address of all members for a user, of the database `base` or else admin."""
        places = ",".join(member.place for member in self.members)
        given = {"authSource": base or "admin", "replicaSet": NAME, **options}
        login = f"{quote_plus(user)}:{quote_plus(password)}"
        return f"mongodb://{login}@{places}/{base}?{urlencode(given)}&{self._tls()}"

    def srv_uri(self, user: str, password: str, base: str) -> str:
        """Address as Atlas gives them: without a port, a set or a database."""
        login = f"{quote_plus(user)}:{quote_plus(password)}"
        options = f"retryWrites=true&w=majority&appName=Cluster0&authSource={base}"
        return f"mongodb+srv://{login}@cluster0.{DOMAIN}/?{options}&{self._tls()}"

    def _tls(self) -> str:
        files = {"tlsCAFile": self.authority.file, "tlsCertificateKeyFile": self.client_certificate}
        return urlencode({"tls": "true", **files})


class NameServer:
    """A name server on loopback that knows the members; use it in a with statement.

    `folder` makes a Python process ask it, when it stands in PYTHONPATH.
    """

    def __init__(self, members: list[Member], folder: Path) -> None:
        records = [f"0 0 {member.port} node.{DOMAIN}." for member in members]
        name = f"cluster0.{DOMAIN}."
        known = {
            ("SRV", f"_mongodb._tcp.{name}"): records,
            ("TXT", name): [f'"replicaSet={NAME}"'],
        }
        self._server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), _answering(known))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        (folder / "sitecustomize.py").write_text(
            _ASK.format(port=self._server.server_address[1], host=f"node.{DOMAIN}")
        )

    def __enter__(self) -> "NameServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


_ASK = """
import socket
import dns.resolver

dns.resolver.default_resolver = dns.resolver.Resolver(configure=False)
dns.resolver.default_resolver.nameservers = ["127.0.0.1"]
dns.resolver.default_resolver.port = {port}
system = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: system(
    "127.0.0.1" if host == "{host}" else host, *rest, **more
)
"""


def _answering(known: dict[tuple[str, str], list[str]]) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, answers = self.request
            query = dns.message.from_wire(data)
            (question,) = query.question
            kind, name = dns.rdatatype.to_text(question.rdtype), question.name.to_text()
            answer = dns.message.make_response(query)
            if found := known.get((kind, name)):
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
            elif not any(name == other for _, other in known):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            answers.sendto(answer.to_wire(), self.client_address)

    return Handler
