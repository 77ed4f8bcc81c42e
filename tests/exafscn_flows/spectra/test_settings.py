from typing import Any

import pytest
from pydantic import ValidationError

from exafscn_flows.spectra.settings import FeffSettings, StoredSettings


def test_defaults_are_a_complete_set_of_cards() -> None:
    assert FeffSettings().feff_cards() == {
        "EXAFS": "20",
        "NLEG": "4",
        "PCRITERIA": "1 1",
        "RPATH": "8",
    }


def test_user_cards_replace_extend_and_remove_defaults() -> None:
    cards = {"RPATH": 6.5, "S02": 0.9, "PCRITERIA": None, "SCF": "4.5 0 30 0.2 1"}
    settings = FeffSettings(cards=dict(cards))
    assert settings.feff_cards() == {
        "EXAFS": "20",
        "NLEG": "4",
        "RPATH": "6.5",
        "S02": "0.9",
        "SCF": "4.5 0 30 0.2 1",
    }


def test_settings_survive_a_round_trip_with_a_removed_default() -> None:
    settings = FeffSettings(cards={"EXAFS": None, "RPATH": 6})
    assert FeffSettings.model_validate_json(settings.model_dump_json()) == settings
    assert FeffSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize("same", [8, 8.0, "8", "8.0", " 8 ", "0.8e1"])
def test_one_value_written_in_many_ways_is_one_value(same: str | float) -> None:
    assert FeffSettings(cards={"RPATH": same}).parameters() == FeffSettings().parameters()


def test_parameters_hold_cards_and_nothing_of_the_machine() -> None:
    default = FeffSettings().parameters()
    assert FeffSettings(time_limit=5).parameters() == default
    assert FeffSettings(cards={"NLEG": 2}).parameters() != default
    assert FeffSettings(cards={"EXAFS": None}).parameters() != default


@pytest.mark.parametrize(
    ("cards", "line"),
    [
        ({"RPAHT": 8}, "'RPAHT' is not a FEFF card: did you mean RPATH?"),
        ({"rpath": 8}, "'rpath' is not a FEFF card: did you mean RPATH?"),
        ({"EDGE": "L3"}, "EDGE cannot be set: exafscn computes K edges"),
        ({"ATOMS": "0 0 0 0"}, "ATOMS cannot be set: exafscn writes it itself"),
        ({"COREHOLE": "RPA"}, "COREHOLE cannot be set: FEFF 8.5L has no such card"),
        ({"XANES": 4}, "XANES cannot be set: the FEFF that exafscn brings along (8.5L) computes"),
        ({"FMS": 6}, "FMS cannot be set"),
        ({"LDOS": "-30 15 0.1"}, "LDOS cannot be set: exafscn computes EXAFS and XANES only"),
        ({"RPATH": None}, "RPATH is needed"),
        ({"S02": None}, "S02 is no default"),
        ({"RPATH": 0}, "0 is below 1"),
        ({"NLEG": 4.5}, "'4.5' is not a whole number"),
        ({"RPATH": True}, "neither a number"),
        ({"RPATH": [8]}, "neither a number"),
        ({"RPATH": float("nan")}, "'nan' is not a number"),
        ({"RPATH": "1e999"}, "is not a number"),
        ({"PCRITERIA": 1.0}, "PCRITERIA takes 2 number"),
        ({"RPATH": ""}, "RPATH takes 1 number"),
    ],
)
def test_wrong_cards_are_refused_with_a_line(cards: dict[str, Any], line: str) -> None:
    with pytest.raises(ValidationError) as error:
        FeffSettings(cards=cards)
    assert error.value.error_count() == 1
    assert line in error.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "value", ["8\nEDGE L3", "8 *", "8\rEND", "$HOME", "8;9", "INCLUDE /etc/passwd", "8 ! x", "0x8"]
)
def test_nothing_but_numbers_reaches_feff_inp(value: str) -> None:
    with pytest.raises(ValidationError):
        FeffSettings(cards={"RPATH": value})
    with pytest.raises(ValidationError):
        FeffSettings(cards={"SCF": f"4.5 {value}"})


@pytest.mark.parametrize("number", [1.23456789012345e-7, -1.23456789012345e-100])
def test_written_numbers_fit_the_15_characters_that_feff_reads(number: float) -> None:
    text = FeffSettings(cards={"CORRECTIONS": f"{number!r} 0"}).feff_cards()["CORRECTIONS"]
    word = text.split()[0]
    assert len(word) <= 15
    assert float(word) == pytest.approx(number, rel=1e-7)


@pytest.mark.parametrize("limit", [0, -1, float("inf"), float("nan"), "60"])
def test_time_limit_is_a_positive_number(limit: Any) -> None:
    with pytest.raises(ValidationError):
        FeffSettings(time_limit=limit)


EXTERNAL = {"command": "feff9"}


def test_xanes_of_another_feff_has_no_default_cards() -> None:
    cards = {"XANES": "3.7 .04 .1", "FMS": "7.5 0", "COREHOLE": "FSR", "EXAFS": None}
    settings = FeffSettings(**EXTERNAL, cards=cards)
    expected = {"COREHOLE": "FSR", "FMS": "7.5 0", "XANES": "3.7 0.04 0.1"}
    assert settings.feff_cards() == expected
    assert FeffSettings.model_validate_json(settings.model_dump_json()) == settings
    assert FeffSettings.model_validate(settings.model_dump(mode="json")) == settings


def test_exafs_of_another_feff_has_the_defaults_of_ours() -> None:
    settings = FeffSettings(**EXTERNAL, cards={"COREHOLE": "RPA"})
    assert settings.feff_cards() == {**FeffSettings().feff_cards(), "COREHOLE": "RPA"}


def test_the_command_decides_the_spectra() -> None:
    default = FeffSettings().parameters()
    assert "command" not in default
    assert FeffSettings(command="feff9").parameters() == {**default, "command": "feff9"}


@pytest.mark.parametrize(
    ("cards", "line"),
    [
        ({"XANES": 4}, "XANES needs FMS"),
        ({"XANES": 4, "FMS": 6, "EXAFS": 20}, "XANES excludes EXAFS"),
        ({"COREHOLE": "full"}, "COREHOLE takes FSR or RPA or NONE, not 'full'"),
        ({"COREHOLE": "RPA\nEDGE L3"}, "COREHOLE takes"),
        ({"COREHOLE": ["RPA"]}, "COREHOLE takes"),
        ({"XANES": "4 0.1 0.1 0.1", "FMS": 6}, "XANES takes 1 to 3 number(s)"),
        ({"XANES": "4; rm", "FMS": 6}, "is not a number"),
        ({"XANES": 4, "FMS": "6 0.5"}, "'0.5' is not a whole number"),
        ({"XANES": 4, "FMS": 6, "RPATH": -1}, "-1 is below 1"),
        ({"EGRID": "1"}, "EGRID cannot be set: it takes several lines"),
        ({"FMSS": 6}, "did you mean FMS?"),
        ({"EDGE": "L3"}, "EDGE cannot be set"),
    ],
)
def test_wrong_cards_for_another_feff_are_refused_with_a_line(
    cards: dict[str, Any], line: str
) -> None:
    with pytest.raises(ValidationError) as error:
        FeffSettings(**EXTERNAL, cards=cards)
    assert error.value.error_count() == 1
    assert line in error.value.errors()[0]["msg"]


@pytest.mark.parametrize("command", ["", "  ", "feff9 'x"])
def test_a_command_names_a_program(command: str) -> None:
    with pytest.raises(ValidationError, match="names no program"):
        FeffSettings(command=command)


def test_stored_spectra_have_no_settings() -> None:
    stored = StoredSettings(kind="stored")
    assert stored.parameters()["kind"] == "stored"
    assert stored.parameters() != FeffSettings().parameters()
    with pytest.raises(ValidationError):
        StoredSettings(kind="stored", cards={})
