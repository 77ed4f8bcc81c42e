"""What benchmarks say of the code is still so."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_every_small_fault_has_its_place_and_its_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from faults import FAULTS

    sys.modules.pop("faults")
    for fault in FAULTS:
        assert (ROOT / fault.file).read_text().count(fault.before) == 1, fault.name
        assert all((ROOT / test.partition("::")[0]).exists() for test in fault.tests), fault.name
