"""Campaigns on a Materials Project that runs on loopback, asked by the real client."""

import json
import signal
import time

import pytest
from campaigns import Workspace, make_workspace
from crystals import polymorphs, rock_salt, spinel, zinc_blende
from mp_documents import exafs_documents, material_document
from mp_server import KEY, MPServer
from pymatgen.core import Lattice, Structure

SOURCE = {"kind": "materials_project"}
STAGES = ("sites", "labels", "spectra", "features", "models", "metrics", "predictions")


@pytest.fixture
def server(monkeypatch):
    with MPServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def workspace(server_uri):
    workspace = make_workspace(server_uri, {}, sources=[SOURCE], models=[])
    yield workspace
    workspace.remove()


def materials(*metals: str, first: int = 1) -> dict[str, Structure]:
    """Eight compounds of each metal, by material id."""
    found = [structure for metal in metals for structure in polymorphs(metal).values()]
    return {f"mp-{first + number}": structure for number, structure in enumerate(found)}


def documents(structures: dict[str, Structure]) -> list[dict]:
    return [material_document(id_, structure) for id_, structure in structures.items()]


def asked(server: MPServer, parameter: str) -> list[str]:
    """Values of a parameter in all requests that have it."""
    return [r.parameters[parameter] for r in server.requests if parameter in r.parameters]


def assert_no_key(workspace: Workspace, *texts: str) -> None:
    database = workspace.database
    stored = [str(list(database[name].find())) for name in database.list_collection_names()]
    assert not any(KEY in text for text in (*stored, *texts))


def test_a_campaign_is_fetched_once_and_then_needs_neither_network_nor_key(
    workspace, server, monkeypatch
):
    server.add(documents(materials("Ni")))
    server.add([material_document("mp-99", rock_salt("Mn", "O", 4.4))])
    out = workspace.run()
    assert server.paths() == ["/heartbeat", "/materials/summary/", "/materials/summary/"]
    assert len(workspace.documents("fetched")) == len(workspace.documents("spectra")) == 8
    labels = workspace.documents("labels").values()
    assert sorted(label["value"] for label in labels) == [4] * 4 + [6] * 4
    assert_no_key(workspace, out)

    monkeypatch.delenv("MP_API_KEY")
    before = workspace.written(*STAGES)
    workspace.run()
    assert len(server.requests) == 3
    assert workspace.written(*STAGES) == before


def test_ids_of_letters_go_the_whole_path(workspace, server):
    """As the database names materials since its change to letters, with and without a number."""
    old = {"mp-lxf": "mp-8039", "mp-aaaaamlu": "mp-8418", "aaabsjpj": "mp-779827"}
    new = ["mp-aaahqexx", "mp-aaahqexy", "aaahqexz", "aaahqeya", "mp-aaahqeyb"]
    crystals = dict(zip([*old, *new], polymorphs("Ni").values(), strict=True))
    server.add(documents(crystals))
    workspace.run(models=[{"kind": "random_forest", "n_estimators": 10}])
    expected = {*old.values(), *(id_ if id_.startswith("mp-") else f"mp-{id_}" for id_ in new)}
    for collection in ("structures", "predictions"):
        found = {doc["material_id"] for doc in workspace.documents(collection).values()}
        assert found == expected, collection
    rows = json.loads(workspace.exafscn("query", "--json", "--columns", "name"))
    assert {row["site"].split(":")[0] for row in rows} == expected
    (key,) = {row["site"] for row in rows if row["material_id"] == "mp-aaahqexz"}
    shown = json.loads(workspace.exafscn("site", key, "--json"))
    assert shown["structure"]["source"]["id"] == "mp-aaahqexz"
    assert shown["spectra"]
    # However they are written, they are the same materials: nothing is fetched or computed again.
    server.requests.clear()
    before = workspace.written("spectra")
    ids = ["mp-8039", "aaaaamlu", "mp-aaabsjpj", "aaahqexx", *new[1:]]
    workspace.run(sources=[{**SOURCE, "ids": ids}], models=[])
    assert workspace.written("spectra") == before
    assert server.paths() == ["/heartbeat", "/materials/summary/"]


def test_faults_of_the_server_cost_one_request_each_and_lose_nothing(workspace, server):
    """250 materials, three requests for their structures; all but two are too large to go on."""
    large = rock_salt("Ni", "O", 4.18).copy()
    large.replace(0, "Mg")
    small = [rock_salt("Ni", "O", 4.18), zinc_blende("Ni", "S", 5.40)]
    structures = {f"mp-{n + 1}": large for n in range(248)}
    structures |= {f"mp-{n + 249}": structure for n, structure in enumerate(small)}
    server.add(documents(structures))
    for after, fault in enumerate(
        [{"status": 429, "retry_after": "1"}, {"status": 502}, {"cut": True}, {"garbled": True}]
    ):
        server.fail(1, after=after, **fault)
    workspace.run(filters={"max_atoms": 2})
    # One listing and three batches, and each fault is asked again.
    assert server.paths() == ["/heartbeat"] + ["/materials/summary/"] * (4 + 4)
    assert len(workspace.documents("fetched")) == 250
    assert len(workspace.documents("spectra")) == 2


def test_a_killed_fetch_goes_on_where_it_stopped(workspace, server):
    large = rock_salt("Ni", "O", 4.18).copy()
    large.replace(0, "Mg")
    structures = {f"mp-{n + 1}": large for n in range(250)}
    structures["mp-251"] = rock_salt("Ni", "O", 4.18)
    server.add(documents(structures))
    # Heartbeat, listing and two batches come at once; while the third does not, the run is killed.
    server.fail(1, after=4, delay=60)
    workspace.write(filters={"max_atoms": 2})
    process = workspace.start("run", str(workspace.file))
    deadline = time.monotonic() + 60
    while workspace.database.fetched.count_documents({}) < 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = workspace.written("fetched")
    assert len(kept) == 200

    server.requests.clear()
    workspace.run()
    (ids,) = asked(server, "material_ids")
    assert len(ids.split(",")) == 51
    assert server.paths() == ["/heartbeat", "/materials/summary/"]
    after = workspace.written("fetched")
    assert len(after) == 251
    assert kept.items() <= after.items()


def test_an_added_element_fetches_computes_and_writes_only_its_own(workspace, server):
    metals = ["Fe", "Ni"]
    server.add(documents(materials(*metals)))
    server.add(documents(materials("Cu", first=1001)))
    # With Ni, so it is known already when Cu comes.
    both = Structure.from_spacegroup(
        "P4/mmm", Lattice.tetragonal(2.9, 4.2), ["Ni", "Cu", "O"],
        [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0]],
    )  # fmt: skip
    server.add([material_document("mp-2001", both)])
    models = [{"kind": "random_forest", "n_estimators": 5}]
    features = {"sets": [{"kind": "r_space"}]}
    workspace.run(absorbers=metals, models=models, evaluation={"n_folds": 2}, features=features)
    before = workspace.written(*STAGES)
    assert len(workspace.documents("spectra")) == 2 * 8 + 1
    assert len(workspace.documents("models")) == 2

    server.requests.clear()
    database = workspace.database
    database.create_collection("system.profile", capped=True, size=2**26)
    database.command("profile", 2)
    workspace.run(absorbers=[*metals, "Cu"])
    database.command("profile", 0)

    assert server.paths() == ["/heartbeat", "/materials/summary/", "/materials/summary/"]
    (elements,) = asked(server, "elements")
    (ids,) = asked(server, "material_ids")
    assert elements == "Cu"
    assert set(ids.split(",")) == set(materials("Cu", first=1001))
    after = workspace.written(*STAGES)
    new = after.keys() - before.keys()
    assert {key: after[key] for key in before} == before
    assert all("Cu" in key for key in new)
    assert sum(key.startswith("spectra") for key in new) == 8 + 1

    name = database.name
    operations = [
        op
        for op in database["system.profile"].find({"op": {"$in": ["insert", "update"]}})
        if op["ns"].removeprefix(f"{name}.") in ("structures", *STAGES)
    ]
    # Eight structures, too. What has been there is not replaced by the same.
    assert sum(op.get("ninserted", 0) for op in operations) == len(new) + 8
    assert {op["op"] for op in operations} == {"insert"}


def test_stored_spectra_are_learned_from_without_feff(workspace, server, scratch):
    cobaltite = spinel(8.084, 0.2631, "Co", "Co").get_primitive_structure()
    crystals = {"mp-1": rock_salt("Co", "O", 4.26), "mp-2": zinc_blende("Co", "S", 5.4)}
    server.add(spectra=exafs_documents({**crystals, "mp-3": cobaltite}, ["Co"], scratch))
    settings = {
        "absorbers": ["Co"],
        "sources": [{**SOURCE, "stored_spectra": "EXAFS"}],
        "spectra": {"kind": "stored"},
        "features": {"sets": [{"kind": "r_space"}]},
    }
    workspace.run(**settings)
    assert {r.path for r in server.requests} == {"/heartbeat", "/materials/xas/"}
    labels = {doc["site"]: doc["value"] for doc in workspace.documents("labels").values()}
    assert set(labels.values()) == {4, 6}
    assert len(labels) == 2
    spectra = workspace.documents("spectra").values()
    assert len(spectra) == len(workspace.documents("features")) == 3
    assert all(doc["program"].startswith("FEFF") and doc["seconds"] == 0 for doc in spectra)
    (failure,) = workspace.documents("failures").values()
    assert (failure["kind"], failure["item"]) == (
        "mixed_sites",
        "mp-3-Co:Co:all/coordination_number",
    )

    requests, before = len(server.requests), workspace.written("spectra", "features")
    workspace.run(targets=[{"kind": "coordination_number", "mode": "averaged"}])
    assert len(server.requests) == requests
    assert workspace.written("spectra", "features") == before
    label = workspace.database.labels.find_one({"site": "mp-3-Co:Co:all"})
    assert label["value"] == 6
    assert label["details"]["average"] == pytest.approx((4 + 2 * 6) / 3, abs=1e-3)
    assert workspace.database.failures.count_documents({}) == 0


def test_key_problems_are_one_line_that_says_how_to_get_one(workspace, server, monkeypatch):
    server.add(documents(materials("Ni")))
    wrong = "W" * 32
    for key, rc, message in ((None, 2, "asks for a free API key"), (wrong, 2, "refuses the API")):
        if key is None:
            monkeypatch.setenv("MP_API_KEY", "")
        else:
            monkeypatch.setenv("MP_API_KEY", key)
        err = workspace.exafscn("run", str(workspace.file), rc=rc)
        (line,) = [line for line in err.splitlines() if line.startswith("exafscn: ")]
        assert message in line
        assert "https://next-gen.materialsproject.org/api" in line
        assert wrong not in err
    status = json.loads(workspace.exafscn("status", "--json"))
    assert not status["complete"]


def test_stored_spectra_and_computed_ones_do_not_mix(workspace):
    workspace.write(spectra={"kind": "stored"})
    err = workspace.exafscn("run", str(workspace.file), rc=2)
    assert "brings no spectra, which `spectra: {kind: stored}` asks" in err
    workspace.write(sources=[{**SOURCE, "stored_spectra": "EXAFS"}], spectra={"kind": "feff"})
    assert "write `spectra: {kind: stored}`" in workspace.exafscn("run", str(workspace.file), rc=2)
