"""Formulas that a model was trained on, as hashes."""

from importlib.resources import files

import numpy as np
import pytest

from exafscn_flows.pretrained import general_card, load_general
from exafscn_flows.pretrained.formulas import are_among, dump_formulas, load_formulas


def test_what_was_written_is_found_and_nothing_else() -> None:
    data = dump_formulas(["NiO", "Fe2O3", "NiO"])
    assert len(data) == 16
    assert data == dump_formulas(["Fe2O3", "NiO"])
    known = load_formulas(data)
    found = are_among(np.array(["NiO", "Ni", "Fe2O3", "O3Fe2"]).tolist(), known)
    assert found.tolist() == [True, False, True, False]
    assert are_among([], known).tolist() == []


@pytest.mark.parametrize("data", [b"", b"1234567", b"22222222" + b"11111111", b"11111111" * 2])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no list of formulas"):
        load_formulas(data)


def test_the_list_of_the_package_is_small_and_has_none_that_was_left_out() -> None:
    card = general_card()
    size = len((files("exafscn_flows.pretrained") / card["files"]["formulas"]).read_bytes())
    assert card["formulas"] <= size // 8 <= 1.01 * card["formulas"]
    assert size < 300_000
    model = load_general()
    assert model.has_seen(["Fe2O3", "NiO", "NiP"]).all()
    assert len(card["left_out"]) > 200
    assert not model.has_seen(card["left_out"]).any()
