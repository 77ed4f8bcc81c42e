"""A small campaign amid faults; `make chaos` runs a large one."""

import os

import pytest
from chaos.run import Planned
from chaos.trial import trial

pytestmark = pytest.mark.skipif(
    "EXAFSCN_TEST_FAULTS" not in os.environ, reason="minutes long: set EXAFSCN_TEST_FAULTS=1"
)


def test_faults_leave_no_trace():
    kinds = ("rocket", "feff", "mongod", "worker", "cut")
    planned = [Planned(kind, n / 10) for n, kind in enumerate(kinds)]
    result = trial(("Ni",), planned, cut_seconds=3, seed=1)
    assert result["what"] == {"lost": [], "double": [], "differs": [], "complaints": []}
    assert result["faults"] == len(planned)
    assert result["sites"] == 8
