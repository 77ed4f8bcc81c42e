"""`exafscn predict` by the models of a campaign."""

import json
from typing import Any

import measurements
import numpy as np
import pytest
import xas_files

MODEL = "test/coordination_number/Ni/r_space/random_forest"


@pytest.fixture(scope="module")
def foil(finished) -> str:
    """A measured spectrum of the K edge of nickel in the folder of a finished campaign."""
    energy = measurements.energies()
    mu = measurements.absorption(energy)
    i0 = np.full(len(energy), 1e5)
    table = xas_files.rows(energy - measurements.E0 + 8341, i0, i0 * np.exp(-mu))
    stated = ("Element.symbol: Ni", "Element.edge: K")
    (finished.folder / "foil.xdi").write_bytes(xas_files.xdi(table, *xas_files.COLUMNS, *stated))
    return "foil.xdi"


def test_the_model_that_queries_mean_answers(finished, foil):
    def answers(*arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            finished.exafscn("predict", foil, *arguments, "--json")
        )
        return found

    (promoted,) = (
        doc["hash"] for key, doc in finished.documents("promotions").items() if key == MODEL
    )
    (named,) = answers("--model", MODEL)
    assert (named["model"], named["version"], named["absorber"]) == (MODEL, promoted, "Ni")
    assert sum(named["probabilities"].values()) == pytest.approx(1)
    assert named["value"] in (4, 6)
    assert (named["kmin"], named["kmax"]) == (3, 12)
    assert answers("--model", f"{MODEL}/{promoted}") == answers("--campaign", "test") == [named]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "test"], "a name is CAMPAIGN/TARGET/ABSORBER/FEATURES/MODEL"),
        (["--model", MODEL.replace("Ni", "Cu")], "has no model coordination_number/Cu/"),
        (["--model", f"{MODEL}/0123"], "has no version '0123'"),
        (["--campaign", "other"], "no campaign 'other'"),
        (["--campaign", "test", "--model", MODEL], "exclude each other"),
        (["--campaign", "test", "--formula", "NiO"], "takes no composition"),
        (["--campaign", "test", "--formula", "nio"], "is not a formula"),
        (["--campaign", "test", "--plot", "x.png"], "--plot draws"),
    ],
)
def test_what_makes_no_sense_is_one_line(finished, foil, arguments, words):
    (line,) = finished.exafscn("predict", foil, *arguments, rc=2).splitlines()
    assert words in line


def test_features_of_another_version_are_refused(finished, foil):
    models = finished.database["models"]
    (doc,) = models.find({"_id": {"$regex": f"^{MODEL}/"}})
    try:
        models.update_one({"_id": doc["_id"]}, {"$set": {"takes": "0" * 16}})
        (line,) = finished.exafscn("predict", foil, "--model", MODEL, rc=1).splitlines()
    finally:
        models.update_one({"_id": doc["_id"]}, {"$set": {"takes": doc["takes"]}})
    assert "another version of exafscn made them" in line
