"""A small campaign amid faults; `make chaos` runs a large one."""

import pytest
from chaos.run import Planned
from chaos.trial import trial


@pytest.mark.engine
def test_faults_leave_no_trace():
    kinds = ("rocket", "feff", "mongod", "worker", "cut")
    planned = [Planned(kind, n / 10) for n, kind in enumerate(kinds)]
    result = trial(("Ni",), planned, cut_seconds=3, seed=1)
    assert result["what"] == {"lost": [], "double": [], "differs": [], "complaints": []}
    assert result["faults"] == len(planned)
    assert result["sites"] == 8
