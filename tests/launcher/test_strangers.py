"""Settings that other projects of a user have."""

import os
import subprocess
import sys

import pytest

BROKEN = "{broken: ["


@pytest.mark.parametrize("is_broken", [True, False])
def test_settings_of_fireworks_and_jobflow_of_others_are_not_read(tmp_path, is_broken):
    home, here = tmp_path / "home", tmp_path / "here"
    (home / ".fireworks").mkdir(parents=True)
    here.mkdir()
    texts = {
        here / "FW_config.yaml": "{WFLOCK_EXPIRATION_SECS: 0, ECHO_TEST: theirs}",
        home / ".fireworks" / "FW_config.yaml": "{PING_TIME_SECS: 1}",
        home / ".fireworks" / "my_launchpad.yaml": "{host: nowhere.invalid, name: theirs}",
        home / ".jobflow.yaml": "{UID_TYPE: uuid1}",
        home / "jobflow.yaml": "{UID_TYPE: uuid1}",
    }
    for path, text in texts.items():
        path.write_text(BROKEN if is_broken else text)
    environment = {
        **os.environ,
        "HOME": str(home),
        "JOBFLOW_CONFIG_FILE": str(home / "jobflow.yaml"),
        "JOBFLOW_JOB_STORE": "nonsense" if is_broken else "{}",
        "FW_CONFIG_FILE": str(here / "FW_config.yaml"),
        "MONGOMOCK_SERVERSTORE_FILE": str(home / "mock.json"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    code = """
import launcher.cluster.launchpad
import jobflow, pymongo
from fireworks import fw_config

assert (fw_config.WFLOCK_EXPIRATION_SECS, fw_config.PING_TIME_SECS) == (300, 3600)
assert not fw_config.LAUNCHPAD_LOC
assert fw_config.MongoClient is pymongo.MongoClient
assert jobflow.SETTINGS.UID_TYPE == "uuid4"
print("ours")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=here, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "ours\n", done.stderr
