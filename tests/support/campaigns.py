"""The command line as users run it: a process of its own, a campaign file, a real server."""

import contextlib
import io
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
from unittest.mock import patch

from crystals import write_cifs
from pymongo import MongoClient
from ruamel.yaml import YAML

from exafscn_flows.store.documents import DOCUMENTS, CampaignDoc
from launcher.cli import main

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

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command in a process group of its own."""
        return subprocess.Popen(
            [EXAFSCN, *arguments],
            cwd=self.folder,
            env=self.environment,
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

    def exafscn(self, *arguments: str, rc: int = 0) -> str:
        """Run the command; returns standard output, or with another rc standard error."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=300)
        assert process.returncode == rc, f"exit {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in err
        return out if rc == 0 else err

    def asked(self, *arguments: str, rc: int = 0) -> str:
        """As `exafscn`, in the process of the tests: it need not import everything again."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self.environment),
            patch.object(sys, "argv", [EXAFSCN, *arguments]),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                code: Any = main()
            except SystemExit as end:
                code = end.code
        assert code == rc, f"exit {code}\n{out.getvalue()}\n{err.getvalue()}"
        return out.getvalue() if rc == 0 else err.getvalue()

    def run(self, **changes: Any) -> str:
        """Change settings and run the campaign."""
        self.write(**changes)
        return self.exafscn("run", str(self.file))

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


def make_workspace(server_uri: str, structures: dict[str, Any], **changes: Any) -> Workspace:
    """Make a workspace on a server; changes go to the settings of the campaign file."""
    folder = Path(tempfile.mkdtemp(prefix="exafscn-test-"))
    write_cifs(folder / "cifs", structures)
    base = server_uri.partition("?")[0].rpartition("/")[0]
    workspace = Workspace(folder, f"{base}/test-{uuid.uuid4().hex[:12]}")
    workspace.write(**changes)
    return workspace
