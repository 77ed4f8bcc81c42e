"""Campaigns of a database: listed, deleted, and used from Python."""

import json

import numpy as np
import pandas as pd
import pytest
from campaigns import make_workspace
from crystals import rock_salt
from pymongo import MongoClient

from exafscn_flows import Campaign, campaigns
from exafscn_flows.errors import UsageError

KEY = "NiO-rs:Ni:1"


@pytest.fixture
def campaign(finished, monkeypatch) -> Campaign:
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", finished.uri)
    return Campaign("test")


def test_it_says_in_a_notebook_what_it_is(campaign):
    assert repr(campaign) == "<Campaign test: 8 sites of Ni; coordination_number>"
    html = campaign._repr_html_()
    assert "Campaign test: 8 sites of Ni" in html
    assert "random_forest" in html
    assert "<table" in html
    assert "grouped" not in html


def test_structure_and_spectrum_of_a_site(campaign, finished):
    assert campaign.structure(KEY).composition.reduced_formula == "NiO"
    spectrum = campaign.spectrum(KEY)
    stored = finished.documents("spectra")[f"test/{KEY}/exafs"]
    np.testing.assert_array_equal(spectrum.chi, np.float32(stored["chi"].as_vector().data))
    assert spectrum.e0 == stored["e0"]
    assert spectrum.edge == "K"
    assert campaign.site(KEY).site.absorber == "Ni"
    for wrong, words in (
        (lambda: campaign.spectrum(KEY, "xanes"), "no spectrum 'xanes'; it has exafs"),
        (lambda: campaign.spectrum("NiO-rs:Ni:9"), "of that material it has NiO-rs:Ni:1"),
        (lambda: campaign.structure("nothing"), "no site 'nothing'"),
        (lambda: campaign.labels(target="shape"), "no target 'shape'"),
        (lambda: campaign.features("q_space"), "no feature set 'q_space'"),
        (lambda: campaign.features(absorber="Cu"), "no absorber 'Cu'; it has Ni"),
    ):
        with pytest.raises(UsageError, match=words):
            wrong()


def test_labels_are_a_table(campaign, finished):
    labels = campaign.labels()
    stored = finished.documents("labels")
    assert len(labels) == len(stored) == 8
    assert labels["site"].is_monotonic_increasing
    for row in labels.itertuples():
        doc = stored[f"test/{row.site}/coordination_number"]
        assert (row.value, row.weight) == (doc["value"], doc["weights"][str(doc["value"])])


def test_features_are_what_a_model_is_fitted_on(campaign, finished):
    X, y, groups, sites, axis, axis_label = campaign.features("r_space_chi")
    assert X.shape == (8, len(axis))
    assert axis_label == "R (Å)"
    stored = finished.documents("features")
    for row, site in enumerate(sites):
        vector = stored[f"test/{site}/r_space_chi"]["vector"].as_vector().data
        np.testing.assert_array_equal(X[row], np.float32(vector))
    labels = campaign.labels().set_index("site")
    assert y.tolist() == labels.loc[sites, "value"].tolist()
    assert groups.tolist() == labels.loc[sites, "formula"].tolist()
    assert campaign.model("Ni", "r_space_chi").predict(X).tolist() == y.tolist()


def test_what_is_out_of_date_is_not_learned_from(server_uri, monkeypatch):
    crystals = {f"Ni{x}": rock_salt("Ni", x, a) for x, a in (("O", 4.18), ("S", 4.9))}
    workspace = make_workspace(server_uri, crystals, models=[])
    workspace.run()
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", workspace.uri)
    campaign = Campaign("test")
    assert len(campaign.features().y) == 2
    client: MongoClient = MongoClient(workspace.uri)
    database = client.get_default_database()
    database.features.update_one({"_id": {"$regex": "NiO.*r_space$"}}, {"$set": {"hash": "old"}})
    assert campaign.features().groups.tolist() == ["NiS"]
    database.labels.update_one({"_id": {"$regex": "NiS"}}, {"$set": {"hash": "old"}})
    assert campaign.features().X.shape == (0, 326)
    assert campaign.labels()["formula"].tolist() == ["NiO"]
    workspace.remove()


def test_campaigns_are_listed_and_deleted_alone(server_uri, monkeypatch):
    crystals = {f"Ni{x}": rock_salt("Ni", x, a) for x, a in (("O", 4.18), ("S", 4.9), ("Se", 5.2))}
    workspace = make_workspace(server_uri, crystals)
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", workspace.uri)
    assert "no campaign in this database yet" in workspace.exafscn("campaigns", "list")
    assert campaigns().empty
    workspace.run()
    before = workspace.results()
    workspace.run(campaign="test-2")
    listed = json.loads(workspace.exafscn("campaigns", "list", "--json"))
    assert [one["campaign"] for one in listed] == ["test-2", "test"]
    assert listed[0]["n_sites"] == listed[0]["n_spectra"] == 3
    frame = campaigns()
    assert isinstance(frame, pd.DataFrame)
    assert frame["campaign"].tolist() == ["test-2", "test"]
    table = workspace.exafscn("campaigns", "list")
    assert [line.split()[0] for line in table.splitlines()[3:5]] == ["test-2", "test"]
    # Nobody is there to ask.
    message = workspace.exafscn("campaigns", "drop", "test-2", rc=2)
    assert "campaign test-2 has 3 sites, 3 spectra and" in message
    assert "--yes deletes them" in message
    assert "no campaign 'x'" in workspace.exafscn("campaigns", "drop", "test-2", "x", "-y", rc=2)
    assert len(campaigns()) == 2
    out = workspace.exafscn("campaigns", "drop", "test-2", "--yes")
    assert out.startswith("campaign test-2 is deleted: ")
    assert workspace.results() == before
    for bucket in ("model_files", "checkpoints"):
        names = workspace.database[f"{bucket}.chunks"].distinct("files_id")
        assert not [name for name in names if name.startswith("test-2/")]
    workspace.remove()


def test_what_is_being_run_is_not_deleted(server_uri):
    workspace = make_workspace(server_uri, {"NiO": rock_salt("Ni", "O", 4.18)}, models=[])
    workspace.run()
    holder = {
        **{"token": "x", "alone": True, "host": "elsewhere", "machine": "another one", "pid": 1},
        **{"process_started": 0.0, "heartbeat": "$$NOW"},
    }
    workspace.database.campaigns.update_one({"_id": "test"}, [{"$set": {"lock": [holder]}}])
    message = workspace.exafscn("campaigns", "drop", "test", "--yes", rc=1)
    assert "is being run already" in message
    assert workspace.documents("spectra")
    workspace.remove()
