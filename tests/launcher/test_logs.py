"""What can be looked at beside the progress: a log, Dask's dashboard, and the first second."""

import logging
import subprocess
import sys
from importlib.util import find_spec

import pytest

from exafscn_flows.errors import UsageError
from exafscn_flows.settings import Settings
from launcher import logs
from launcher.logs import LogLevel, set_up_logs
from launcher.workers import make_executor


@pytest.fixture
def quiet_again():
    yield
    for name in logs._PACKAGES:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


def test_a_log_has_times_and_what_is_as_bad_as_asked_for(quiet_again, capsys):
    set_up_logs(LogLevel.WARNING)
    logging.getLogger("exafscn_flows.jobs.sites").info("passed over")
    logging.getLogger("exafscn_flows.jobs.train").warning("model %s: no sites", "Cu")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("WARNING exafscn_flows.jobs.train: model Cu: no sites")
    assert line[:2] == "20"


def test_without_a_level_nothing_is_logged(capsys):
    set_up_logs(None)
    logging.getLogger("exafscn_flows.jobs.sites").info("passed over")
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(find_spec("bokeh") is not None, reason="what draws the dashboard is installed")
def test_a_dashboard_without_what_draws_it_is_refused(monkeypatch):
    monkeypatch.setenv("EXAFSCN_DASHBOARD", "8787")
    with pytest.raises(UsageError, match=r"pip install 'exafscn\[dashboard\]'"):
        make_executor(Settings(), 1)


def test_a_terminal_shows_something_before_anything_heavy_is_loaded():
    """Imports take seconds where the disk is slow."""
    code = """
import sys
import launcher.cli, launcher.console
from launcher.commands.campaigns import run

def shown(line):
    heavy = {"numpy", "pymongo", "pymatgen", "jobflow", "exafscn_flows.config.campaign"}
    print(line, *sorted(heavy & set(sys.modules)))
    sys.exit()

import launcher.commands.campaigns as commands
commands.begin = shown
run("my-oxides.yaml")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["campaign", "file", "my-oxides.yaml"]
