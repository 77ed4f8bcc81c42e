import csv
import io
import json
import re

import pandas as pd
import pytest
from pymongo import MongoClient

from exafscn_flows import Campaign
from exafscn_flows.store.asked import AskedTarget
from exafscn_flows.store.queries import COLUMNS, Page
from launcher.query import _table


def query(workspace, *arguments):
    return json.loads(workspace.exafscn("query", "--json", *arguments))


def test_json_is_a_list_of_objects_most_certain_first(finished):
    rows = json.loads(finished.exafscn("query", "--json"))
    assert len(rows) == 8
    assert tuple(rows[0]) == COLUMNS
    assert [row["probability"] for row in rows] == sorted(
        (row["probability"] for row in rows), reverse=True
    )


def test_conditions_select(finished):
    rows = query(finished)
    for arguments, keep in (
        (["--absorber", "Ni", "--cn", "6"], lambda row: row["value"] == 6),
        (["--value", "6"], lambda row: row["value"] == 6),
        (["--label", "6"], lambda row: row["label"] == 6),
        (["--target", "coordination_number", "--min-value", "5"], lambda row: row["value"] >= 5),
        (["--max-value", "5"], lambda row: row["value"] <= 5),
        (["--min-probability", "0.7"], lambda row: row["probability"] >= 0.7),
        (["--contains", "O", "--contains", "Ni"], lambda row: row["formula"] == "NiO"),
        (["--excludes", "O"], lambda row: row["formula"] != "NiO"),
        (["--formula", "S2 Ni2"], lambda row: row["formula"] == "NiS"),
        (["--neighbours", "S"], lambda row: row["formula"] == "NiS"),
        (["--oxide"], lambda row: row["formula"] == "NiO"),
        (["--no-oxide"], lambda row: row["formula"] != "NiO"),
        (["--max-expected-error", "0.8"], lambda row: row["expected_error"] <= 0.8),
        (["--min-expected-value", "5"], lambda row: row["expected_value"] >= 5),
        (["--max-expected-value", "5"], lambda row: row["expected_value"] <= 5),
        (["--max-set-size", "1"], lambda row: len(row["prediction_set"]) == 1),
        (["--in-distribution"], lambda row: row["in_distribution"] is True),
        (["--out-of-distribution"], lambda row: row["in_distribution"] is False),
        (["--seen"], lambda row: row["seen"]),
        (["--unseen"], lambda row: not row["seen"]),
        (["--disagrees"], lambda row: row["value"] != row["label"]),
        (["--agrees"], lambda row: row["value"] == row["label"]),
        (["--limit", "3"], lambda row: row in rows[:3]),
    ):
        expected = [row["site"] for row in rows if keep(row)]
        assert [row["site"] for row in query(finished, *arguments)] == expected, arguments


def test_csv_holds_the_same(finished):
    rows = list(csv.DictReader(io.StringIO(finished.exafscn("query", "--csv"))))
    assert [row["site"] for row in rows] == [row["site"] for row in query(finished)]


def test_expected_error_is_the_mean_distance_from_the_prediction(finished):
    for row in query(finished):
        distances = {int(cn): abs(int(cn) - row["value"]) for cn in row["probabilities"]}
        mean = sum(p * distances[int(cn)] for cn, p in row["probabilities"].items())
        assert row["expected_error"] == pytest.approx(round(mean, 3), abs=1e-12)
        assert row["neighbours"] == [element for element in row["elements"] if element != "Ni"]


def test_orders(finished):
    rows = query(finished)
    fields = ("expected_error", "disagrees", "value", "site")
    errors = sorted(tuple(row[field] for field in fields) for row in rows)
    for order, expected in {
        "expected_error": [site for *_, site in errors],
        "doubtful": [site for *_, site in reversed(errors)],
    }.items():
        assert [row["site"] for row in query(finished, "--sort", order)] == expected


def test_table_leads_from_page_to_page(finished):
    arguments = ["query", "--sort", "doubtful", "--limit", "3"]
    found, after = [], []
    while True:
        table = finished.exafscn(*arguments, *after)
        found += re.findall(r"\bNi\w+-\w+:Ni:\d+", table)
        token = re.search(r"^next page: (--after) (\S+)$", table, re.MULTILINE)
        if token is None:
            break
        after = list(token.groups())
    assert found == [row["site"] for row in query(finished, "--sort", "doubtful")]
    # A token goes on in whatever form the rest is wanted.
    rest = query(finished, "--sort", "doubtful", *after)
    assert [row["site"] for row in rest] == found[6:]


def test_export_holds_the_same(finished):
    rows = query(finished, "--contains", "Ni", "--sort", "doubtful")
    arguments = ["query", "--contains", "Ni", "--sort", "doubtful"]
    for name in ("found.jsonl", "found.csv", "found.parquet"):
        out = finished.exafscn(*arguments, "--export", name)
        path = finished.folder / name
        assert out == f"{len(rows)} predictions: {path}\n"
    lines = (finished.folder / "found.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert (finished.folder / "found.csv").read_text() == finished.exafscn(*arguments, "--csv")
    frame = pd.read_parquet(finished.folder / "found.parquet")
    assert frame["expected_error"].tolist() == [row["expected_error"] for row in rows]


FURTHER = "name,bond_length,neighbour_counts,label_weight"


def test_further_columns_are_those_of_the_site(finished, monkeypatch):
    rows = query(finished, "--columns", FURTHER)
    labels = finished.documents("labels")
    crystals = {"rs": (6, 2), "zb": (4, 4)}
    for row in rows:
        kind = row["material_id"].rpartition("-")[2]
        cn, parts = crystals[kind]
        (cell,) = (
            doc["structure"]["lattice"]
            for doc in finished.documents("structures").values()
            if doc["material_id"] == row["material_id"]
        )
        # The primitive cell of a face-centred one is shorter by √2; bonds are 1/2, or √3/4 of it.
        length = cell["a"] * 2**0.5 * (0.5 if parts == 2 else 3**0.5 / 4)
        assert row["bond_length"] == pytest.approx(length, abs=2e-3)
        assert row["name"] == f"{row['material_id']}.cif"
        (other,) = (one for one in row["elements"] if one != "Ni")
        assert row["neighbour_counts"] == {other: cn}
        weights = labels[f"test/{row['site']}/coordination_number"]["weights"]
        assert row["label_weight"] == weights[str(row["label"])]
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", finished.uri)
    frame = Campaign("test").predictions(columns=FURTHER.split(","), limit=3)
    assert frame["bond_length"].tolist() == [row["bond_length"] for row in rows[:3]]
    assert tuple(frame.columns) == (*COLUMNS, *FURTHER.split(","))


def test_further_columns_are_in_tables_and_files(finished):
    table = finished.exafscn("query", "--contains", "O", "--columns", f"{FURTHER},prediction_set")
    for words in ("NiO-rs.cif", "bond length, Å", "6 O", "label weight", "prediction set"):
        assert words in table
    rows = query(finished, "--columns", FURTHER)
    for name in ("further.csv", "further.jsonl", "further.parquet"):
        finished.exafscn("query", "--columns", FURTHER, "--export", name)
    lines = (finished.folder / "further.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows
    frame = pd.read_parquet(finished.folder / "further.parquet")
    assert [dict(pairs) for pairs in frame["neighbour_counts"]] == [
        row["neighbour_counts"] for row in rows
    ]
    found = list(csv.DictReader((finished.folder / "further.csv").open()))
    assert [row["name"] for row in found] == [row["name"] for row in rows]


def test_table_shows_site_and_probability(finished):
    table = finished.exafscn("query", "--contains", "O")
    assert "NiO-rs:Ni:" in table
    assert "NiS" not in table


def test_data_frame_agrees_with_the_command(finished, monkeypatch):
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", finished.uri)
    frame = Campaign("test").predictions(absorber="Ni", cn=4, contains=["O"])
    rows = query(finished, "--absorber", "Ni", "--cn", "4", "--contains", "O")
    assert frame["site"].tolist() == [row["site"] for row in rows]
    metrics = Campaign("test").metrics()
    assert set(metrics["split"]) == {"grouped", "random"}
    assert set(metrics["target"]) == {"coordination_number"}
    assert set(metrics["task"]) == {"classes"}
    assert Campaign("test").failures().empty


def test_loaded_model_predicts_what_it_was_fitted_on(finished, monkeypatch):
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", finished.uri)
    model = Campaign("test").model("Ni", "r_space_chi")
    features = finished.documents("features")
    for label in finished.documents("labels").values():
        vector = features[f"test/{label['site']}/r_space_chi"]["vector"].as_vector().data
        assert model.predict([vector])[0] == label["value"]


def test_plain_pymongo_query_of_the_readme(finished):
    database = MongoClient(finished.uri).get_default_database()
    model = {
        "campaign": "test",
        "target": "coordination_number",
        "feature_set": "r_space",
        "model": "random_forest",
    }
    predictions = database.predictions
    found = predictions.find(
        {
            "campaign": "test",
            "hash": {"$in": database.promotions.distinct("hash", model)},
            "keywords": {"$in": ["O", "O*"]},
            "absorber": "Ni",
            "value": 4,
            "probability": {"$gte": 0.5},
        }
    ).sort({"probability": -1, "disagrees": 1, "value": 1, "site": 1})
    rows = query(finished, "--absorber=Ni", "--cn=4", "--min-probability=0.5", "--contains=O")
    assert [doc["site"] for doc in found] == [row["site"] for row in rows]


def target(name: str, task: str, short: str, unit: str, values: type) -> AskedTarget:
    return AskedTarget(name=name, task=task, short=short, unit=unit, values=values)


ROW = {
    "site": "m:Ni:0",
    "formula": "NiO",
    "absorber": "Ni",
    "expected_error": 0.031,
    "seen": False,
    "measured": False,
}


@pytest.mark.parametrize(
    ("asked", "row", "heads", "cells"),
    [
        (
            target("cn", "classes", "CN", "neighbours", int),
            {"value": 6, "label": 4, "probability": 0.756, "disagrees": True},
            ["CN", "label", "probability", "expected error"],
            ["6", "[red]4[/]", "0.76", "0.03"],
        ),
        (
            target("environment", "classes", "environment", "", str),
            {"value": "octahedron", "label": "octahedron", "probability": 1.0, "disagrees": False},
            ["environment", "label", "probability", "expected error"],
            ["octahedron", "octahedron", "1.00", "0.03"],
        ),
        (
            target("bond_length", "numbers", "bond length", "Å", float),
            {"value": 1.98765, "label": 2.0, "probability": None, "disagrees": False},
            ["bond length, Å", "label", "expected error"],
            ["1.988", "2.000", "0.031"],
        ),
    ],
)
def test_table_says_what_is_predicted_in_its_unit(asked, row, heads, cells):
    table = _table("test", Page([{**ROW, **row}], None, asked), {})
    assert [column.header for column in table.columns][3:] == heads
    assert [next(column.cells) for column in table.columns][3:] == cells


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--absorber", "Cu"], "has no absorber 'Cu'; it has Ni"),
        (["--feature-set", "q_space"], "has no feature set 'q_space'"),
        (["--model", "mlp"], "has no model 'mlp'"),
        (["-c", "other"], "no campaign 'other'"),
        (["--json", "--csv"], "exclude each other"),
        (["--export", "x.xlsx"], "has to end in one of .csv, .parquet, .jsonl"),
        (["--csv", "--after", "x"], "is not the token of a page"),
        (["--contains", "$where"], "contains: '$where' is not an element symbol"),
        (["--contains", "Ni", "--absorber", '{"$gt": ""}'], "has no absorber"),
        (["--formula", "nio"], "formula: 'nio' is not a formula"),
        (["--formula", '{"$ne": null}'], "is not a formula"),
        (["--cn", "1000"], "cn: 1000 is not from 0 to 999"),
        (["--value", "many"], "value: 'many' is not one of target coordination_number"),
        (["--value", "4.5"], "whose values are whole numbers"),
        (["--cn", "4", "--value", "4"], "give either cn, or target and value"),
        (["--target", "shape"], "has no target 'shape'; it has coordination_number"),
        (["--sort", "value"], "are found by a condition on the value: use probability"),
        (["--sort", "best"], "is not one of"),
        (
            ["--columns", "bond_lenght"],
            "columns: 'bond_lenght' is no column of predictions: do",
        ),
        (["--columns", ""], "columns: '' is no column of predictions: there are name, "),
        (["--min-probability", "80"], "min_probability: 80.0 is not from 0 to 1"),
        (["--export", "x.csv", "--limit", "0"], "limit: 0 is not from 1 to"),
    ],
)
def test_wrong_names_are_refused(finished, arguments, words):
    message = finished.exafscn("query", *arguments, rc=2)
    assert words in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "x.pdf"], "x.pdf: its name has to end in .html; a browser prints the page as PDF"),
        (["--json", "x.yaml"], "x.yaml: its name has to end in .json"),
        (["-o", "nowhere/x.html"], "cannot write nowhere/x.html"),
    ],
)
def test_a_report_of_another_name_is_refused(finished, arguments, words):
    message = finished.exafscn("report", "test", *arguments, rc=2)
    assert words in message
    assert len(message.splitlines()) == 1
    assert not (finished.folder / "x.pdf").exists()


def test_report_is_written(finished):
    out = finished.exafscn("report", "test", "--json", "report.json")
    assert "test_report.html" in out
    html = (finished.folder / "test_report.html").read_text()
    assert "NiO" in html or "Ni" in html
    assert "<script" not in html
    figures = json.loads((finished.folder / "report.json").read_text())
    assert figures
