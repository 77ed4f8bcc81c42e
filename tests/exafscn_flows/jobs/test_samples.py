"""Arrays that processes share: what is mapped is what the store holds."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from crystals import polymorphs

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import CampaignError
from exafscn_flows.features.columns import Columns
from exafscn_flows.jobs.dataset import Dataset, DatasetName, labelled_sites
from exafscn_flows.jobs.samples import Samples, share, shared
from exafscn_flows.keys import item_key
from exafscn_flows.models import Bagging, ExtraTrees, GradientBoosting, Mlp, RandomForest
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.persistence import dump_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.spectra.scratch import run_folder
from exafscn_flows.store.documents import LabelDoc
from exafscn_flows.targets import CoordinationNumber

NAME = DatasetName("coordination_number", "r_space")


def same(one: Samples, other: Samples) -> bool:
    return all(
        np.array_equal(a, b) and a.dtype == b.dtype
        for a, b in zip(vars(one).values(), vars(other).values(), strict=True)
    )


@pytest.fixture
def config(with_features) -> CampaignConfig:
    return with_features(polymorphs("Ni"))


@pytest.fixture
def dataset(config, store) -> Dataset:
    return labelled_sites(store, config, "Ni", NAME)


def test_mapped_samples_are_those_of_the_store(config, dataset, store, scratch):
    samples = Samples.of(store, dataset)
    assert samples.X.shape == (8, 326)
    assert samples.y.tolist() == dataset.y.tolist()
    with run_folder(scratch) as folder:
        share(folder, dataset, samples)
        mapped = shared(str(folder), "test", "Ni", NAME, dataset.hash)
        assert same(mapped, samples)
        assert isinstance(mapped.X, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            mapped.X[0, 0] = 1
    # Who has mapped them keeps them, and the folder leaves nothing behind.
    assert same(mapped, samples)
    assert not list(scratch.iterdir())


def test_without_the_folder_samples_are_read_from_the_store(config, dataset, store, scratch):
    """As in a process on another machine."""
    there = str(scratch / "of-another-machine")
    assert same(shared(there, "test", "Ni", NAME, dataset.hash), Samples.of(store, dataset))


def test_data_that_changed_meanwhile_are_refused(dataset, store, scratch):
    site = dataset.sites[0].site
    store.database.labels.update_one({"site": site}, {"$set": {"value": 5}})
    key = item_key(site, NAME.target)
    assert store.read(LabelDoc, "test", [key])[key].value == 5
    with pytest.raises(CampaignError, match="data of Ni changed while its models were trained"):
        shared(str(scratch / "gone"), "test", "Ni", NAME, dataset.hash)


@pytest.mark.parametrize(
    "model",
    [
        RandomForest(n_estimators=5),
        ExtraTrees(n_estimators=5),
        Bagging(n_estimators=3),
        GradientBoosting(max_iter=3),
        Mlp(max_epochs=2),
    ],
    ids=lambda model: model.kind,
)
def test_models_fitted_on_mapped_rows_are_the_same_to_the_last_bit(
    model: ModelBase, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 8)).astype(np.float32), rng.choice(2, 60)
    groups = np.sort(rng.integers(0, 20, 60)).astype(str)
    rows, columns = (X, y, groups), Columns(np.arange(8.0))
    mapped = []
    for name, array in zip(("X", "y", "groups"), rows, strict=True):
        np.save(tmp_path / f"{name}.npy", array)
        mapped.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    from_file, from_memory = (
        dump_model(model, model.fit(TrainingSet(*arrays, columns, "classes"), 0))
        for arrays in (mapped, rows)
    )
    assert from_file == from_memory


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_a_full_scratch_folder_is_named(tmp_path, scratch):
    command = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("this machine does not let us mount a file system")
    try:
        X = np.zeros((6, 2**20), np.float32)
        large = Samples(X, np.zeros(6, int), np.full(6, "NiO"), np.ones((6, 1)), np.ones((6, 0)))
        target = CoordinationNumber()
        rows = Dataset(
            target,
            ("Ni",),
            "r_space",
            None,
            [],
            [],
            [],
            large.y,
            large.shares,
            large.groups,
            [],
            "",
        )
        with (
            pytest.raises(CampaignError, match=f"scratch folder {tmp_path} is full"),
            run_folder(tmp_path) as folder,
        ):
            share(folder, rows, large)
        assert not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
