"""The example with jobflow-remote: submitted to its queue, and run by its runner, on this machine.

It wants an older driver of MongoDB than the one that is locked, so it gets a folder of its own,
which comes before all others on the path, also for the jobs.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, blocks

PACKAGES = (
    "jobflow-remote>=1.0,<2",
    "pymongo>=4.10,<4.11",
    *("fabric~=3.2", "invoke", "paramiko", "bcrypt", "pynacl", "deprecated", "wrapt", "decorator"),
    *("flufl.lock>=8,<10", "atpublic", "qtoolkit>=0.1.6", "schedule~=1.2", "supervisor>=4.3"),
    "tomlkit~=0.12",
)
"""What it needs and exafscn does not bring, without the libraries that both have."""

RUNNER = """
import json, sys
from jobflow_remote import JobController, get_jobstore
from jobflow_remote.jobs.runner import Runner

controller = JobController.from_project_name("lab")
controller.reset()
exec(compile(open(sys.argv[1]).read(), "docs/flows.md", "exec"))
Runner(project_name="lab").run_all_jobs(max_seconds=500)
states = {one.name: one.state.value for one in controller.get_jobs_info()}
store = get_jobstore("lab")
store.connect()
found = [doc["output"] for doc in store.query({"name": {"$regex": "together$"}}, load=True)]
print(json.dumps([states, found[0]], default=str))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("jobflow-remote")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target)
    done = subprocess.run([*pip, *PACKAGES], capture_output=True, text=True)
    if done.returncode:
        line = " ".join(done.stderr.split())[-300:]
        pytest.skip(f"jobflow-remote cannot be installed here: {line}")
    return target


@pytest.mark.engine
def test_its_runner_does_the_flow_of_the_docs(folder, database_uri, tmp_path):
    page = ROOT / "docs" / "flows.md"
    (project,) = blocks(page, "toml")
    compose, submit = blocks(page, "python")
    # The flow is submitted, not run here.
    code = compose.partition("store = JobStore")[0] + submit
    (tmp_path / "flow.py").write_text(code)
    (tmp_path / "run.py").write_text(RUNNER)
    path = os.pathsep.join(map(str, (folder, ROOT)))
    binaries = os.pathsep.join(
        [str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    )
    uri, _, database = database_uri.partition("?")[0].rpartition("/")
    store = f'type = "MongoURIStore"\nuri = "{uri}/"\ndatabase = "{database}"'
    project = project.replace(
        'type = "MongoStore"\nhost = "localhost"\ndatabase = "lab"', store
    ).replace("/scratch/lab", str(tmp_path / "work"))
    project = project.replace(
        "[queue.store]",
        f"pre_run = \"export PATH='{binaries}' PYTHONPATH='{path}'\"\n\n"
        "[runner]\ndelay_checkout = 1\ndelay_check_run_status = 1\ndelay_advance_status = 1\n\n"
        "[queue.store]",
    )
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "lab.toml").write_text(project)
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "PATH": binaries,
        "JFREMOTE_PROJECTS_FOLDER": str(tmp_path / "projects"),
        "EXAFSCN_MONGODB_URI": "mongodb://127.0.0.1:1/nowhere",
    }
    command = [sys.executable, "-W", "ignore", "run.py", "flow.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=590
    )
    assert done.returncode == 0, done.stderr
    states, sites = json.loads(done.stdout.splitlines()[-1])
    assert set(states.values()) == {"COMPLETED"}
    (site,) = sites
    assert site["labels"]["labels"]["coordination_number"]["value"] == 6
    assert site["prediction"]["coordination_number"] == 6
    assert len(site["spectrum"]["chi"]) > 300
