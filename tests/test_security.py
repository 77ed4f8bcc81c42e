"""What others may have written, in files or in the database, is data: never a command or an object.

Further such tests stand with what they concern: queries and pages in store/test_queries.py, files
of models in models/test_persistence.py, zips in sources/test_files.py, exports in
store/test_transfer.py, passwords and keys in launcher/test_mongodb.py.
"""

import copy
import hashlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crystals import rock_salt
from pages import ROOT
from predictions import config
from pydantic import ValidationError
from pymatgen.io.vasp import Poscar
from ruamel.yaml import YAML

from exafscn_flows import Campaign
from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import CampaignError, ExafscnError, ItemFailure, UsageError
from exafscn_flows.features.columns import Columns
from exafscn_flows.jobs.stages import Crystal
from exafscn_flows.models import RandomForest
from exafscn_flows.models.persistence import dump_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.sources import FeffRunsSource, FilesSource
from exafscn_flows.sources.base import StoredSite
from exafscn_flows.store.documents import StructureDoc
from exafscn_flows.store.results import ModelDoc, PromotionDoc
from exafscn_flows.store.store import Store
from launcher.cluster.files import queue_adapter, use_folder

# -- campaign files --------------------------------------------------------------------------

FULL = """\
campaign: full
absorbers: [Fe, Cu]
sources:
  - {kind: amcsd}
  - {kind: files, path: cifs}
  - {kind: materials_project, theoretical: false, max_energy_above_hull: 0.1}
filters: {required: [O], excluded: [H], max_atoms: 80}
sample: {per_absorber: 20, seed: 1}
sites: {symprec: 0.01, max_per_absorber: 2}
targets: [{kind: coordination_number, mode: uniform}]
spectra: {kind: feff, cards: {RPATH: 5, NLEG: 4}, time_limit: 60}
features:
  xftf: {kmin: 3, kmax: 12, kweight: 2}
  sets:
    - {kind: r_space, name: mine}
    - {kind: concatenation, parts: [{kind: r_space}, {kind: peaks}]}
models:
  - {kind: random_forest, name: forest, n_estimators: 300, max_features: sqrt, feature_sets: [mine]}
  - {kind: mlp, dropout: 0.1, search: {learning_rate: [0.001, 0.01]}}
evaluation: {n_folds: 5, seed: 0, chemical_systems: true}
study: {feature_set: mine, importance: [forest], rmax: [4.0]}
"""

OPERATORS = ({"$gt": ""}, {"$where": "sleep(1000)"}, '{"$ne": null}', "$where")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a campaign file where a value stands."""
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from places(child, (*path, key))


def replaced(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    data = copy.deepcopy(data)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return data


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from texts(child)
    elif isinstance(value, str):
        yield value


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        yield from value if isinstance(value, dict) else ()
        for child in value.values() if isinstance(value, dict) else value:
            yield from keys(child)


def test_operators_in_campaign_files_are_refused_or_text(tmp_path: Path) -> None:
    """Wherever they stand: no key that is stored begins with a dollar."""
    file = tmp_path / "c.yaml"
    file.write_text(FULL)
    assert load_campaign_file(file).study
    data = YAML(typ="safe", pure=True).load(FULL)
    taken = set()
    for path in places(data):
        for operator in OPERATORS:
            try:
                changed = CampaignConfig.model_validate(replaced(data, path, operator))
            except ValidationError:
                continue
            found = changed.model_dump(mode="json")
            assert isinstance(operator, str), path
            assert any(operator in text for text in texts(found)), path
            assert not [key for key in keys(found) if "$" in key]
            taken.add(path)
    # A file may have any name.
    assert taken == {("sources", 1, "path")}


TAGS = (
    "!!python/object/apply:os.mkdir [{marker}]",
    "!!python/object/new:os.mkdir [{marker}]",
    "!!python/name:os.mkdir",
    "!!python/module:os",
    "!!map:os.mkdir {{a: b}}",
)


def trap(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is made when somebody imports the module `marker`."""
    monkeypatch.syspath_prepend(folder)
    marker = folder / "made"
    (folder / "marker.py").write_text(
        f"import os\nos.mkdir({str(marker)!r})\nclass Adapter:\n    pass\n"
    )
    return marker


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("place", ["campaign: {}\n", "campaign: x\nabsorbers: [{}]\n", "{}\n"])
def test_campaign_files_build_no_objects(tmp_path: Path, place: str, tag: str) -> None:
    marker = tmp_path / "marker"
    file = tmp_path / "c.yaml"
    file.write_text(place.format(tag.format(marker=marker)))
    with pytest.raises(UsageError, match=r"c\.yaml"):
        load_campaign_file(file)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, tag) for name in ("my_launchpad", "my_fworker", "my_qadapter") for tag in TAGS),
        ("my_qadapter", "_fw_name: '{{{{marker.Adapter}}}}'"),
        ("my_qadapter", "_fw_name: FileTransferTask"),
        ("my_qadapter", "[]"),
    ],
)
def test_files_of_a_cluster_build_no_objects_but_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "")  # which the folder changes
    marker = trap(tmp_path, monkeypatch)
    files = {
        "my_launchpad": "host: mongodb://localhost",
        "my_fworker": "name: me\ncategory: [cpu]\nquery: '{}'\nenv: {}",
        "my_qadapter": "_fw_name: CommonAdapter\n_fw_q_type: SLURM\nrocket_launch: 'true'",
    }

    def load() -> None:
        use_folder(tmp_path)
        assert queue_adapter(tmp_path).q_type == "SLURM"

    for each, content in files.items():
        (tmp_path / f"{each}.yaml").write_text(content)
    load()
    (tmp_path / f"{name}.yaml").write_text(text.format(marker=marker))
    with pytest.raises(UsageError, match=rf"{name}\.yaml cannot be read") as refusal:
        load()
    assert "\n" not in str(refusal.value)
    assert not marker.exists()


# -- documents -------------------------------------------------------------------------------


def test_name_of_a_campaign_is_no_operator(store: Store) -> None:
    store.save_config(config())
    assert Campaign("test", store).metrics().empty
    for name in ({"$gt": ""}, {"$ne": None}, re.compile("t")):
        with pytest.raises(UsageError, match="no campaign"):
            Campaign(name, store)  # type: ignore[arg-type]


def structure_doc(**changes: Any) -> StructureDoc:
    structure = rock_salt("Ni", "O", 4.18)
    fields: dict[str, Any] = {
        "campaign": "test",
        "hash": "0",
        "material_id": "mp-1",
        "source": {},
        "source_hash": "0",
        "entry": "mp-1",
        "formula": "NiO",
        "chemical_system": "Ni-O",
        "elements": ["Ni", "O"],
        "n_atoms": len(structure),
        "spacegroup": "Fm-3m",
        "structure": structure.as_dict(),
        "structure_hash": "0",
        "inequivalent_sites": {},
        "averaged": [],
    }
    return StructureDoc(**{**fields, **changes})


def test_stored_structures_build_nothing_but_a_crystal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doc = structure_doc()
    marker = trap(tmp_path, monkeypatch)
    for changed in (doc.structure, doc.structure["sites"][0]):
        changed["properties"] = {"x": {"@module": "marker", "@class": "Adapter"}}
    crystal = Crystal.of(doc).structure
    assert crystal == rock_salt("Ni", "O", 4.18)
    assert crystal.site_properties == {}
    doc.structure["lattice"] = {"@module": "marker", "@class": "Adapter"}
    with pytest.raises(ItemFailure, match="stored structure mp-1: not a pymatgen Structure"):
        Crystal.of(doc)
    assert not marker.exists()


FILES, CHUNKS = "model_files.files", "model_files.chunks"


def forest() -> bytes:
    """A fitted model as the bytes of its file."""
    X = np.random.default_rng(0).random((40, 3)).astype(np.float32)
    model = RandomForest(n_estimators=3)
    return dump_model(
        model,
        model.fit(
            TrainingSet(X, np.repeat([0, 1], 20), np.arange(40), Columns(np.arange(3)), "classes"),
            0,
        ),
    )


def put_model(store: Store, data: bytes) -> None:
    """Keep a forest for Cu, and nothing else."""
    for name in ("models", FILES, CHUNKS):
        store.database[name].delete_many({})
    key = "coordination_number/Cu/r_space/random_forest"
    digest = hashlib.sha256(data).hexdigest()
    store.models.write_file("test", f"test/{key}", data, digest)
    head = {"campaign": "test", "hash": "0", "target": "coordination_number", "absorber": "Cu"}
    names = {"feature_set": "r_space", "model": "random_forest"}
    doc = ModelDoc(
        **head,
        **names,
        classes=[4, 6],
        n_sites=40,
        n_formulas=1,
        task="classes",
        unit="neighbours",
        absorbers=[],
        features={},
        doubt={},
        parameters={"kind": "random_forest"},
        importances=None,
        axis=np.arange(3),
        axis_label="R",
        file=f"test/{key}",
        sha256=digest,
        versions={},
        learned={"kind": "coordination_number"},
        takes="0",
    )
    store.write([doc, PromotionDoc(**head, **names)])


def change(collection: str, **fields: Any) -> Callable[[Any], object]:
    return lambda base: base[collection].update_many({}, {"$set": fields})


def change_bytes(base: Any) -> None:
    chunk = base["model_files.chunks"].find_one()
    data = bytearray(chunk["data"])
    data[len(data) // 2] ^= 1
    base["model_files.chunks"].update_one({}, {"$set": {"data": bytes(data)}})


CHANGES: tuple[tuple[Callable[[Any], object], str], ...] = (
    (change_bytes, "does not have the checksum"),
    (change("models", sha256="0" * 64), "does not have the checksum"),
    (change("models", sha256={"$ne": None}), r"another version of exafscn \(sha256\)"),
    (change("models", file={"$gt": ""}), r"another version of exafscn \(file\)"),
    (change("models", file="test/other"), "model file test/other is missing"),
    (change("models", classes="all"), r"another version of exafscn \(classes\)"),
    (change("models", extra=1), r"another version of exafscn \(extra\)"),
    (lambda base: base.models.delete_many({}), "is missing: promote another version"),
    (lambda base: base[CHUNKS].delete_many({}), "is damaged"),
    (change(CHUNKS, n=1), "is damaged"),
    (change(CHUNKS, data="text"), "is damaged|checksum"),
    (change(FILES, length=3), "is damaged|checksum"),
    (change(FILES, length="long"), "is damaged"),
    (change(FILES, chunkSize={"$gt": 0}), "is damaged"),
    (lambda base: base[FILES].update_one({}, {"$unset": {"length": 1}}), "is damaged|checksum"),
)


def test_a_model_that_was_changed_in_the_database_is_refused(store: Store) -> None:
    store.save_config(config())
    data = forest()
    put_model(store, data)
    assert Campaign("test", store).model("Cu").n_features_in_ == 3
    for tamper, message in CHANGES:
        put_model(store, data)
        tamper(store.database)
        with pytest.raises(CampaignError, match=message) as refusal:
            Campaign("test", store).model("Cu")
        assert "\n" not in str(refusal.value)


# -- paths -----------------------------------------------------------------------------------

OUTSIDE = ("../secret", "/{}/secret", "inner/../../secret", "..")


@pytest.mark.parametrize("outside", OUTSIDE)
def test_entries_that_come_back_from_a_store_stay_in_their_folder(
    tmp_path: Path, outside: str
) -> None:
    poscar = Poscar(rock_salt("Ni", "O", 4.18)).get_str()
    inside = tmp_path / "tree"
    for folder in (tmp_path / "secret", inside / "inner"):
        (folder / "000_Ni").mkdir(parents=True)
        (folder / "POSCAR").write_text(poscar)
        for name in ("feff.inp", "xmu.dat"):
            (folder / "000_Ni" / name).write_text("x")
    (tmp_path / "POSCAR").write_text(poscar)
    runs = FeffRunsSource(kind="feff_runs", path=str(inside))
    assert len(runs.load(json.dumps("inner"))) == 8
    locator = json.dumps(outside.format(tmp_path))
    asked: tuple[Callable[[], object], ...] = (
        lambda: runs.load(locator),
        lambda: runs.stored_sites(locator, ["Ni"]),
        lambda: runs.spectrum(locator, StoredSite("Ni", 0)),
        lambda: FilesSource(kind="files", path=str(inside)).load(
            json.dumps([f"{outside.format(tmp_path)}/POSCAR", None])
        ),
    )
    for ask in asked:
        with pytest.raises(ExafscnError, match="leads out of the folder") as refusal:
            ask()
        assert isinstance(refusal.value, ItemFailure)
        assert refusal.value.kind == "unsafe_path"


# -- the repository --------------------------------------------------------------------------

SECRETS = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n",
    r"MP_API_KEY['\"]?\s*[=:]\s*['\"]?\w{32}\b",
    r"\b(AKIA[0-9A-Z]{16}|gh[pousr]_\w{30,}|xox[abp]-[\w-]{20,})\b",
    # Passwords of examples.
    r"mongodb(?:\+srv)?://[\w.-]+:(?!(?i:password|secret|sesame|pw|p|a)\b)[\w.-]+@",
)


def test_no_file_of_the_repository_holds_a_secret() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode != 0:
        pytest.skip("not a clone of the repository")
    for name in filter(None, listed.stdout.split("\0")):
        file = ROOT / name
        text = file.read_bytes().decode(errors="replace") if file.is_file() else ""
        for pattern in SECRETS:
            found = re.search(pattern, text)
            assert found is None, f"{name}: {found and found[0]}"
