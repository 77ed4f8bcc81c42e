"""A campaign that learns stored XANES from the atoms around each site, by the command."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from campaigns import Workspace, make_workspace
from crystals import rock_salt, zinc_blende
from pages import PAGES, blocks
from pymatgen.core import Structure
from tables import row, write_table

ANIONS = {"O": 0.0, "S": 0.6, "N": 0.2, "P": 0.8, "F": -0.3, "Se": 0.9}
"""Of each, how much longer bonds are, Å."""
EDGES = {"Ni": 8333.0, "Cu": 8979.0}
ENERGY = np.arange(-20.0, 46.0, 0.5)
SETTINGS: dict[str, Any] = {
    "absorbers": ["Ni", "Cu"],
    "spectra": {"kind": "stored"},
    "targets": [{"kind": "spectrum", "of": "xanes"}, {"kind": "coordination_number"}],
    "features": {"sets": [{"kind": "xanes", "emin": -10}, {"kind": "site_descriptor"}]},
    "models": [
        {"kind": "extra_trees", "n_estimators": 20, "max_features": 0.5},
        {"kind": "kernel_ridge", "per": "campaign", "targets": ["spectrum"]},
    ],
    "evaluation": {"n_folds": 3},
    "study": {"target": "spectrum", "feature_set": "site_descriptor", "learning_curve": [0.5]},
}


def spectrum(metal: str, structure: Structure) -> np.ndarray:
    """XANES on paper: an edge, and a resonance the higher the shorter the bonds are."""
    bond = structure.get_distance(0, 4)
    shift = 1.0 if metal == "Cu" else 0.0
    edge = 0.5 + np.arctan(ENERGY - shift) / np.pi
    return edge + 0.8 * np.exp(-(((ENERGY - shift - 60 / bond**2) / 3) ** 2))


def rows() -> Iterator[dict[str, Any]]:
    for metal, edge in EDGES.items():
        for anion, longer in ANIONS.items():
            for name, of, a in (("rs", rock_salt, 4.2), ("zb", zinc_blende, 4.55)):
                structure = of(metal, anion, a + 2 * longer)
                mu = spectrum(metal, structure).tolist()
                changes = {"e0": edge, "energy_rel": ENERGY.tolist(), "mu": mu}
                found = row(f"{metal}{anion}-{name}", structure, 0, "feff_nio", **changes)
                yield found | {"spectrum_type": "XANES"}


@pytest.fixture(scope="module")
def complete(server_uri: str) -> Iterator[Workspace]:
    """Finished, and not to be changed."""
    workspace = make_workspace(server_uri, {})
    write_table(workspace.folder / "x.parquet", *rows(), without=("k", "chi", "mu0"))
    workspace.said = workspace.run(  # type: ignore[attr-defined]
        **SETTINGS, sources=[{"kind": "table", "path": "x.parquet"}]
    )
    yield workspace
    workspace.remove()


def asked(complete: Workspace, *arguments: str) -> list[dict[str, Any]]:
    text = complete.exafscn("query", "--json", "--target", "spectrum", *arguments)
    found: list[dict[str, Any]] = json.loads(text)
    return found


def test_a_run_ends_with_what_is_predicted_beyond_the_mean(complete):
    assert "rmse of spectrum" in complete.said.lower()
    assert "R² over mean" in complete.said
    assert json.loads(complete.exafscn("status", "--json"))["complete"]
    metrics = complete.documents("metrics").values()
    splits = {
        (doc["absorber"], doc["model"]): doc["splits"]
        for doc in metrics
        if doc["target"] == "spectrum"
    }
    # On site_descriptor alone: xanes is the answer.
    assert {doc["feature_set"] for doc in metrics if doc["target"] == "spectrum"} == {
        "site_descriptor"
    }
    assert len(splits) == 4
    for found in splits.values():
        assert found["grouped"]["r2_over_mean"] > 0.3
        assert found["grouped"]["rmse"] < found["grouped"]["mean_rmse"]
        assert found["grouped"]["n_edges"] == 12
        assert found["grouped"]["edge_error"] < 1
        assert {"rmse", "r2_over_mean"} <= found["random"].keys()
    # The same labels are learned from the spectrum, too, for another target.
    assert {doc["feature_set"] for doc in metrics if doc["target"] != "spectrum"} == {
        "xanes",
        "site_descriptor",
    }


def test_predicted_curves_are_found_as_they_are_doubtful(complete):
    found = asked(complete, "--sort", "doubtful")
    assert len(found) == 24
    assert all(len(one["curve"]) == 101 and one["value"] is None for one in found)
    expected = [one["expected_error"] for one in found]
    assert expected == sorted(expected, reverse=True)
    assert len(set(expected)) > 5
    least = asked(complete, "--max-expected-error", str(expected[10]), "--absorber", "Cu")
    assert 0 < len(least) < 14
    assert {one["absorber"] for one in least} == {"Cu"}
    assert {one["formula"] for one in asked(complete, "--contains", "S")} == {"NiS", "CuS"}
    apart = asked(complete, "--disagrees")
    assert len(apart) + len(asked(complete, "--agrees")) == 24
    oxide = asked(complete, "--formula", "NiO")
    own = {one["material_id"]: one["mu"] for one in rows()}
    for one in oxide:
        label = np.interp(np.arange(-10, 40.5, 0.5), ENERGY, own[one["material_id"]])
        error = np.sqrt(np.mean((np.array(one["curve"]) - label) ** 2))
        assert one["error"] == pytest.approx(error, abs=0.02)


def test_pages_go_on_where_the_last_one_ended(complete):
    whole = [one["site"] for one in asked(complete, "--model", "kernel_ridge")]
    text = complete.exafscn(
        "query", "--target", "spectrum", "--model", "kernel_ridge", "--limit", "10"
    )
    assert "expected error" in text
    assert "error" in text
    (token,) = (line.split()[-1] for line in text.splitlines() if "--after" in line)
    after = asked(complete, "--model", "kernel_ridge", "--after", token)
    assert [one["site"] for one in after] == whole[10:]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--value", "1"), "value: target spectrum is curves, which have no single value: use"),
        (("--min-value", "1"), "min_value: target spectrum is curves"),
        (("--min-probability", "0.5"), "min_probability: target spectrum is curves"),
        (("--max-set-size", "1"), "max_set_size: target spectrum is curves"),
        (("--neighbours", "O"), "neighbours: target spectrum is curves, whose labels name no"),
        (("--cn", "6"), "cn: target spectrum is not of kind coordination_number"),
        (("--sort", "probability"), "sort: target spectrum is curves, and curves have neither"),
        (("--sort", "value"), "use expected_error, doubtful"),
    ],
)
def test_what_does_not_apply_to_curves_is_refused_in_one_line(complete, arguments, message):
    (line,) = complete.exafscn("query", "--target", "spectrum", *arguments, rc=2).splitlines()
    assert message in line


def test_curves_are_exported(complete):
    import pyarrow.parquet as pq

    for name in ("x.csv", "x.jsonl", "x.parquet"):
        file = complete.folder / f"out-{name}"
        complete.exafscn("query", "--target", "spectrum", "--export", str(file))
        if name == "x.parquet":
            found = pq.read_table(file).to_pylist()
        elif name == "x.csv":
            found = list(csv.DictReader(io.StringIO(file.read_text())))
            found = [one | {"curve": json.loads(one["curve"])} for one in found]
        else:
            found = [json.loads(line) for line in file.read_text().splitlines()]
        assert {len(one["curve"]) for one in found} == {101}


def test_the_report_shows_best_median_and_worst(complete):
    file = complete.folder / "report.json"
    page = complete.folder / "report.html"
    complete.exafscn("report", "--json", str(file), "--output", str(page))
    numbers = json.loads(file.read_text())["targets"]["spectrum"]
    assert numbers["task"] == "curves"
    assert numbers["headline"]["score"] < numbers["headline"]["baseline"]
    assert len(numbers["models"]) == 4
    assert all(model["grouped"]["r2_over_mean"] > 0.3 for model in numbers["models"])
    assert all(card["predicts"].startswith("Spectrum of ") for card in numbers["model_cards"])
    text = page.read_text()
    assert "At 24 sites of 2 absorbers, it is predicted with" in " ".join(text.split())
    for words in ("Best: ", "Median: ", "Worst: ", "R² over the mean", "Always the mean"):
        assert words in text, words


def test_a_study_looks_into_models_of_curves(complete):
    found = {
        (doc["absorber"], doc["experiment"]): doc
        for doc in complete.documents("experiments").values()
    }
    assert len(found) == 4
    whole = {
        doc["absorber"]: doc["splits"]["grouped"]
        for doc in complete.documents("metrics").values()
        if (doc["target"], doc["model"]) == ("spectrum", "extra_trees")
    }
    for absorber in EDGES:
        importance, half = (found[absorber, name] for name in ("importance", "learning_curve"))
        assert importance["scores"]["rmse"] == pytest.approx(whole[absorber]["rmse"])
        assert half["scores"]["rmse"] > importance["scores"]["rmse"]
        assert half["scores"]["r2_over_mean"] < importance["scores"]["r2_over_mean"]


def test_a_run_again_makes_nothing_anew_and_another_grid_all_of_it(complete):
    parts = ("features", "models", "metrics", "predictions")
    before = complete.written(*parts)
    complete.exafscn("run", str(complete.file))
    assert complete.written(*parts) == before


def test_models_of_curves_do_not_answer_for_measured_spectra(complete):
    name = f"{complete.settings['campaign']}/spectrum/Ni/site_descriptor/extra_trees"
    file = complete.folder / "foil.dat"
    table = np.column_stack([8333 + ENERGY, spectrum("Ni", rock_salt("Ni", "O", 4.2))])
    np.savetxt(file, table, header="energy mu")
    (line,) = complete.exafscn("predict", str(file), "--model", name, rc=2).splitlines()
    assert "a curve, and none is shown of a measured spectrum" in line


def test_a_model_of_curves_simulates_structures_and_materials(complete):
    name = f"{complete.settings['campaign']}/spectrum/Ni/site_descriptor/kernel_ridge"
    text = complete.exafscn("simulate", "NiS-rs", "--model", name, "--json")
    (one,) = json.loads(text)
    stored = {each["material_id"]: each["mu"] for each in rows()}["NiS-rs"]
    label = np.interp(one["axis"], ENERGY, stored)
    error = np.sqrt(np.mean((np.array(one["values"]) - label) ** 2))
    assert error < 3 * one["expected_error"] + 0.05
    assert (one["structure"], one["formula"], one["seen"]) == ("NiS-rs", "NiS", True)
    rock_salt("Ni", "O", 4.3).to(filename=str(complete.folder / "hematite.cif"))
    (page,) = (page for page in PAGES if page.name == "simulate.md")
    for block in blocks(page, "sh"):
        for written in (line for line in block.splitlines() if "/spectrum/" in line):
            line = written.replace("structure-to-spectrum/spectrum/Fe/graph/graph_and_kernel", name)
            assert complete.exafscn(*line.split()[1:]), line
    assert (complete.folder / "own.zip").stat().st_size > 1000
    (line,) = complete.exafscn("simulate", "gone", "--model", name, rc=2).splitlines()
    assert "no such file, and no such material" in line
    (line,) = complete.exafscn("simulate", "NiS-rs", "-c", "nope", rc=2).splitlines()
    assert "no campaign 'nope'" in line
    (line,) = complete.exafscn("simulate", "NiS-rs", "--model", name, "--feff", rc=2).splitlines()
    assert "were stored, and nothing says how to compute them" in line
    other = name.replace("/spectrum/", "/coordination_number/").replace("kernel_", "extra_")
    other = other.replace("extra_ridge", "extra_trees")
    (line,) = complete.exafscn("simulate", "NiS-rs", "--model", other, rc=2).splitlines()
    assert "is no spectrum" in line


def test_a_campaign_takes_the_spectra_of_a_model_that_another_one_trained(complete, server_uri):
    """What it doubts fails where no program is named, and the rest is as the model says."""
    name = f"{complete.settings['campaign']}/spectrum/Ni/site_descriptor/kernel_ridge"
    file = complete.folder / "ni.zip"
    complete.exafscn("models", "export", name, str(file))
    sulphide = rock_salt("Ni", "S", 5.3)
    strange = rock_salt("Ni", "Te", 5.6)
    workspace = make_workspace(server_uri, {"NiS": sulphide, "NiTe": strange})
    try:
        workspace.run(
            absorbers=["Ni"],
            spectra={"kind": "surrogate", "model": str(file), "max_error": 0.5},
            features={
                "sets": [
                    {"kind": "xanes", "emin": -9, "emax": 38, "reference": "half_step"},
                ]
            },
            models=[],
        )
        (spectrum,) = workspace.documents("spectra").values()
        assert spectrum["program"].startswith("exafscn ")
        assert 0 < spectrum["expected_error"] < 0.5
        assert len(workspace.documents("features")) == 1
        (failure,) = (
            one for one in workspace.documents("failures").values() if one["stage"] == "spectra"
        )
        assert failure["kind"] == "doubted"
        assert "Te" in failure["message"]
        before = workspace.written("spectra", "features")
        workspace.exafscn("run", str(workspace.file))
        assert workspace.written("spectra", "features") == before
    finally:
        workspace.remove()
