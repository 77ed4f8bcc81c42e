import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.spectra import Feff10Settings, feff10

ROOT = Path(__file__).parents[3]


def settings(**keys: Any) -> Feff10Settings:
    return Feff10Settings.model_validate({"kind": "feff10", **keys})


def test_defaults_are_a_complete_set_of_cards() -> None:
    assert settings().feff_cards() == {
        "COREHOLE": "FSR",
        "EXCHANGE": "0 0 0 2",
        "FMS": "4.5",
        "S02": "1",
        "SCF": "2.8 0 30 0.1 3",
        "XANES": "4 0.07 0",
    }
    assert settings().name == "xanes"
    assert settings().brings == {"the near edge in mu(E)"}


def test_user_cards_replace_extend_and_remove_defaults() -> None:
    cards = {"FMS": 6, "S02": None, "COREHOLE": "RPA", "CORRECTIONS": "1 0"}
    found = settings(cards=cards)
    assert found.feff_cards() == {
        "COREHOLE": "RPA",
        "CORRECTIONS": "1 0",
        "EXCHANGE": "0 0 0 2",
        "FMS": "6",
        "SCF": "2.8 0 30 0.1 3",
        "XANES": "4 0.07 0",
    }
    assert Feff10Settings.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("cards", "line"),
    [
        ({"FMSS": 6}, "'FMSS' is not a FEFF card: did you mean FMS?"),
        ({"EDGE": "L3"}, "EDGE cannot be set: exafscn computes K edges"),
        ({"EDGE": "X9"}, "EDGE cannot be set: exafscn computes K edges"),
        ({"HOLE": "4 1"}, "HOLE cannot be set: exafscn computes K edges"),
        ({"END": ""}, "END cannot be set: exafscn writes it itself"),
        ({"EXAFS": 20}, "EXAFS cannot be set: it belongs to EXAFS, which kind feff computes"),
        ({"RPATH": 8}, "RPATH cannot be set: it belongs to EXAFS"),
        ({"NOHOLE": 0}, "NOHOLE cannot be set: write COREHOLE: NONE"),
        ({"LDOS": "-30 15 0.1"}, "LDOS cannot be set: exafscn computes EXAFS and XANES only"),
        ({"XANES": None}, "XANES is needed: it is what is computed"),
        ({"FMS": None}, "FMS is needed"),
        ({"SCF": None}, "SCF is needed: without self-consistent potentials, edges are off by 7 eV"),
        ({"AFOLP": None}, "AFOLP is no default"),
        ({"COREHOLE": "full"}, "COREHOLE takes FSR or RPA or NONE, not 'full'"),
        ({"FMS": "6\nEDGE L3"}, "FMS takes 1 to 3 number(s) on one line"),
        ({"FMS": True}, "neither a number"),
        # What FEFF would silently take another value for.
        ({"XANES": "1.5"}, "XANES: 1.5 is outside 2 to 20"),
        ({"XANES": "4 0.001"}, "XANES: 0.001 is outside 0.01 to 0.5"),
        ({"SCF": "2.8 0 0"}, "SCF: 0 is outside 1 to 100"),
        ({"SCF": "2.8 2"}, "SCF: 2 is outside 0 to 1"),
        ({"SCF": "2.8 0 30 0.8"}, "SCF: 0.8 is outside 0.001 to 0.5"),
        ({"SCF": "2.8 0 30 0.2 40"}, "SCF: 40 is outside 1 to 30"),
        ({"SCF": "-3"}, "SCF: -3 is outside 1 to 20"),
        ({"EXCHANGE": "7 0 0"}, "EXCHANGE: 7 is outside 0 to 5"),
        ({"S02": 0}, "S02: 0 is outside 0.1 to 1.5"),
    ],
)
def test_wrong_cards_are_refused_with_a_line(cards: dict[str, Any], line: str) -> None:
    with pytest.raises(ValidationError) as error:
        settings(cards=cards)
    assert error.value.error_count() == 1
    assert line in error.value.errors()[0]["msg"]


@pytest.mark.parametrize("keys", [{"radius": 0.5}, {"radius": 30}, {"time_limit": 0}, {"lmax": 3}])
def test_wrong_keys_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**keys)


def test_parameters_hold_what_decides_and_nothing_of_the_machine() -> None:
    default = settings().parameters()
    assert settings(time_limit=5, name="near").parameters() == default
    assert settings(radius=8).parameters() != default
    assert settings(cards={"FMS": 5}).parameters() != default


@pytest.mark.parametrize(
    ("installed", "message"),
    [
        (None, "need the package feff10-rs 0.2.4: install exafscn[feff10]"),
        ("0.3.0", "need the package feff10-rs 0.2.4, not 0.3.0: install exafscn[feff10]"),
    ],
)
def test_a_missing_package_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: str | None, message: str
) -> None:
    def version(name: str) -> str:
        assert name == "feff10-rs"
        if installed is None:
            raise PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(feff10, "version", version)
    with pytest.raises(UsageError) as usage:
        settings().check()
    assert str(usage.value) == f"spectra of kind feff10 {message}"
    copper = Structure(Lattice.cubic(3), ["Cu"], [[0, 0, 0]])
    with pytest.raises(CampaignError, match=r"install exafscn\[feff10\]$"):
        settings().compute(copper, 0, tmp_path)
    assert not any(tmp_path.iterdir())


def test_the_version_asked_for_is_the_one_that_the_extra_installs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert extras["feff10"] == [f"feff10-rs=={feff10.PACKAGE_VERSION}"]
