"""The command line as users run it: a process of its own, a campaign file, a real server."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crystals import write_cifs
from forks import Command
from pymongo import MongoClient
from ruamel.yaml import YAML

from exafscn_flows.store.documents import DOCUMENTS, CampaignDoc

EXAFSCN = str(Path(sys.executable).with_name("exafscn"))

TIMES = ("created_at", "run_at", "seconds")

SETTINGS: dict[str, Any] = {
    "campaign": "test",
    "absorbers": ["Ni"],
    "sources": [{"kind": "files", "path": "cifs"}],
    "spectra": {"kind": "feff", "cards": {"RPATH": 5, "NLEG": 2}},
    "models": [{"kind": "random_forest", "n_estimators": 20}],
    "evaluation": {"n_folds": 3},
}


@dataclass
class Workspace:
    """A folder with a campaign file and crystals, and a database of its own."""

    folder: Path
    uri: str
    cores: int = 1
    """Worker processes of a run; tests run beside each other already."""
    settings: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(SETTINGS)))

    @property
    def file(self) -> Path:
        return self.folder / "campaign.yaml"

    @property
    def database(self) -> Any:
        return MongoClient(self.uri, tz_aware=True).get_default_database()

    @property
    def environment(self) -> dict[str, str]:
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        return {
            "EXAFSCN_CORES": str(self.cores),
            **os.environ,
            "EXAFSCN_MONGODB_URI": self.uri,
            "EXAFSCN_SCRATCH_DIR": str(scratch),
            "COLUMNS": "200",
        }

    def write(self, **changes: Any) -> None:
        """Change settings and write the campaign file."""
        self.settings.update(changes)
        YAML(typ="safe", pure=True).dump(self.settings, self.file)

    def start(self, *arguments: str, known: bool = False) -> subprocess.Popen[str]:
        """Start the command in a process group of its own; `known` as of Command."""
        return Command(arguments, known=known, cwd=self.folder, env=self.environment)

    def start_program(self, *arguments: str) -> subprocess.Popen[str]:
        """As `start`, as a program that loads all it needs itself, like those of users."""
        return subprocess.Popen(
            [EXAFSCN, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start_script(self, script: str) -> subprocess.Popen[str]:
        """Start lines of a shell, as somebody types them who has activated the environment."""
        path = f"{Path(EXAFSCN).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.Popen(
            ["bash", "-e", "-x", "-c", script],
            cwd=self.folder,
            env={**self.environment, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def script(self, script: str) -> str:
        """Run lines of a shell; returns standard output."""
        with self.start_script(script) as process:
            out, err = process.communicate(timeout=600)
        assert process.returncode == 0, f"{out}\n{err}"
        return out

    def exafscn(self, *arguments: str, rc: int = 0, known: bool = True) -> str:
        """Run the command; returns standard output, or with another rc standard error."""
        with self.start(*arguments, known=known) as process:
            return ended(process, rc)

    def program(self, *arguments: str, rc: int = 0) -> str:
        """As `exafscn`, as a program that loads all it needs itself."""
        with self.start_program(*arguments) as process:
            return ended(process, rc)

    def run(self, *, known: bool = True, **changes: Any) -> str:
        """Change settings and run the campaign."""
        self.write(**changes)
        return self.exafscn("run", str(self.file), known=known)

    def documents(self, collection: str) -> dict[str, dict[str, Any]]:
        """All documents of a collection, by _id."""
        return {doc["_id"]: doc for doc in self.database[collection].find()}

    def written(self, *collections: str) -> dict[str, Any]:
        """When each document was written: shows what a run computed again."""
        return {
            f"{collection} {key}": doc["created_at"]
            for collection in collections
            for key, doc in self.documents(collection).items()
        }

    def results(self) -> dict[str, dict[str, dict[str, Any]]]:
        """All documents by collection and _id, without what differs between two runs."""
        names = [kind.collection for kind in (*DOCUMENTS, CampaignDoc)]
        return {
            name: {
                key: {field: value for field, value in doc.items() if field not in TIMES}
                for key, doc in self.documents(name).items()
            }
            for name in names
        }

    def remove(self) -> None:
        """Remove the database and the folder."""
        self.database.client.drop_database(self.database.name)
        shutil.rmtree(self.folder)


def ended(process: subprocess.Popen[str], rc: int) -> str:
    """Wait for a command; returns standard output, or with another rc standard error."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == rc, f"exit {process.returncode}\n{out}\n{err}"
    assert "Traceback" not in err
    return out if rc == 0 else err


def make_workspace(server_uri: str, structures: dict[str, Any], **changes: Any) -> Workspace:
    """Make a workspace on a server; changes go to the settings of the campaign file."""
    folder = Path(tempfile.mkdtemp(prefix="exafscn-test-"))
    write_cifs(folder / "cifs", structures)
    base = server_uri.partition("?")[0].rpartition("/")[0]
    workspace = Workspace(folder, f"{base}/test-{uuid.uuid4().hex[:12]}")
    workspace.write(**changes)
    return workspace
