"""The convolutional network: what it learns of curves, and what its file may hold."""

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import ConvolutionalNetwork
from exafscn_flows.models.convolutional_layers import ConvolutionalLayers
from exafscn_flows.models.moved_curves import moved
from exafscn_flows.models.networks import NetworkClassifier, NetworkRegressor
from exafscn_flows.models.persistence import dump_model, load_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import TaskName

AXIS = np.arange(-10.0, 14.0)
COLUMNS = Columns(AXIS)
GROUPS = np.arange(160)


def peaks(seed: int, spread: float, n: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Curves with one peak or two, anywhere about 0: which of both is what is learned."""
    rng = np.random.default_rng(seed)
    y, center = rng.choice([0, 1], n), spread * rng.normal(size=(n, 1))

    def peak(at: float) -> np.ndarray:
        return np.exp(-0.5 * (AXIS - center - at) ** 2)

    X = np.where(y[:, None] == 1, peak(-2) + peak(2), 2 * peak(0))
    return (X + 0.02 * rng.normal(size=X.shape)).astype(np.float32), y


X, Y = peaks(0, 0.0)


def accuracy(fitted: Any, rows: tuple[np.ndarray, np.ndarray]) -> float:
    return float((fitted.predict(rows[0]) == rows[1]).mean())


def test_it_learns_a_shape_wherever_it_is() -> None:
    fitted = ConvolutionalNetwork(epochs=15).fit(
        TrainingSet(*peaks(1, 3.0), GROUPS, COLUMNS, "classes"), 0
    )
    assert accuracy(fitted, peaks(2, 3.0)) > 0.9


def test_shifts_in_training_make_it_stand_shifts_that_else_break_it() -> None:
    elsewhere = peaks(2, 2.0)
    plain, shifting = (
        ConvolutionalNetwork(epochs=25, shift=shift).fit(
            TrainingSet(X, Y, GROUPS, COLUMNS, "classes"), 0
        )
        for shift in (0.0, 2.0)
    )
    assert min(accuracy(one, peaks(3, 0.0)) for one in (plain, shifting)) > 0.95
    assert accuracy(shifting, elsewhere) > 0.9
    assert accuracy(plain, elsewhere) < accuracy(shifting, elsewhere) - 0.1


def test_curves_are_moved_in_the_unit_of_the_axis_and_their_ends_are_held() -> None:
    points = torch.tensor([0.0, 1.0, 3.0, 4.0])
    line = 2 * points.expand(3, 4)
    found = moved(line, points, points - torch.tensor([[0.5], [-2.0], [9.0]]))
    assert found.tolist() == [[0.0, 1.0, 5.0, 7.0], [4.0, 6.0, 8.0, 8.0], [0.0] * 4]


@pytest.mark.parametrize("n_axis", [2, 3, 5, 8])
def test_short_curves_and_the_columns_of_absorbers_are_learned_from(n_axis: int) -> None:
    rng = np.random.default_rng(0)
    absorber = rng.choice([0, 1], 33)  # 33 rows leave one beyond whole batches
    rows = rng.normal(size=(33, n_axis)).astype(np.float32)
    rows = np.hstack([rows, np.eye(2, dtype=np.float32)[absorber]])
    model = ConvolutionalNetwork(epochs=25)
    fitted = model.fit(
        TrainingSet(rows, absorber, absorber, Columns(np.arange(n_axis)), "classes"), 0
    )
    assert fitted.n_features_in_ == n_axis + 2
    assert accuracy(fitted, (rows, absorber)) > 0.9


def test_what_is_no_curve_is_refused() -> None:
    model, shifting = ConvolutionalNetwork(), ConvolutionalNetwork(shift=0.5)
    for one, rows, bad in (
        (model, X[:, :1], AXIS[:1]),
        (shifting, X, AXIS[::-1]),
        (shifting, X, np.tile(AXIS[:12], 2)),
    ):
        with pytest.raises(ItemFailure) as caught:
            one.fit(TrainingSet(rows, Y, GROUPS, Columns(bad), "classes"), 0)
        assert caught.value.kind == "no_curve"
    with pytest.raises(ItemFailure, match="one site"):
        model.fit(TrainingSet(X[:1], Y[:1], GROUPS[:1], COLUMNS, "classes"), 0)


def test_a_learning_rate_that_breaks_training_is_named() -> None:
    with pytest.raises(ItemFailure, match="not finite") as caught:
        ConvolutionalNetwork(epochs=2, learning_rate=1e30).fit(
            TrainingSet(X, Y, GROUPS, COLUMNS, "classes"), 0
        )
    assert "learning_rate" in caught.value.hint


def test_training_leaves_torch_as_it_was() -> None:
    torch.manual_seed(11)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    fitted(1, "classes").predict(X)
    ConvolutionalNetwork(epochs=1).fit(TrainingSet(X, Y, GROUPS, COLUMNS, "classes"), 0)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def fitted(n_networks: int, task: TaskName) -> Any:
    model = ConvolutionalNetwork(epochs=1, n_networks=n_networks)
    return model.fit(
        TrainingSet(X, Y if task == "classes" else 100 + 5.0 * Y, GROUPS, COLUMNS, task), 0
    )


def test_several_networks_are_averaged_and_their_spread_is_told() -> None:
    two = fitted(2, "classes")
    each = [NetworkClassifier((one,), two.classes_) for one in two.networks]
    np.testing.assert_allclose(
        two.predict_proba(X), np.mean([one.predict_proba(X) for one in each], axis=0)
    )
    assert (each[0].predict_proba(X) != each[1].predict_proba(X)).any()
    numbers = fitted(2, "numbers")
    single = [
        NetworkRegressor((one,), numbers.center, numbers.width).predict(X)
        for one in numbers.networks
    ]
    np.testing.assert_allclose(numbers.predict(X), np.mean(single, axis=0))
    np.testing.assert_allclose(numbers.spread(X), np.std(single, axis=0))
    assert numbers.center == pytest.approx((100 + 5 * Y).mean())


def test_wrong_features_are_refused() -> None:
    network = fitted(1, "classes")
    with pytest.raises(ValueError, match="shape"):
        network.predict_proba(X[:, :5])
    with pytest.raises(ValueError, match="finite"):
        network.predict_proba(np.full((1, 24), np.nan))


def test_rows_are_predicted_in_parts_that_do_not_matter() -> None:
    network = fitted(1, "classes")
    many = np.tile(X, (9, 1))
    assert len(many) > 1024
    found = network.predict_proba(many)
    np.testing.assert_allclose(found[-160:], network.predict_proba(X), atol=1e-6)


def rewritten(data: bytes, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> bytes:
    """Return the file with its header and its tensors changed."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8:end])["__metadata__"]["networks"])
    tensors = load(data)
    change(header, tensors)
    return save(tensors, {"networks": json.dumps(header)})


CHANGES: dict[str, Callable[[Any, Any], object]] = {
    "version": lambda header, _: header.update(version=3),
    "no curve": lambda header, _: header.update(n_axis=1),
    "endless curve": lambda header, _: header.update(n_axis=10**12),
    "longer curve": lambda header, _: header.update(n_axis=32),
    "fraction": lambda header, _: header.update(n_axis=24.0),
    "yes": lambda header, _: header.update(n_networks=True),
    "no networks": lambda header, _: header.update(n_networks=0),
    "more networks": lambda header, _: header.update(n_networks=2),
    "others": lambda header, _: header.update(n_others=1),
    "numbers": lambda header, _: header.update(numbers=[0.0, 1.0]),
    "missing": lambda _, tensors: tensors.pop("0.head.0.weight"),
    "surplus": lambda _, tensors: tensors.update({"1.mean": torch.zeros(2, 24)}),
    "shape": lambda _, tensors: tensors.update({"0.head.3.bias": torch.zeros(3)}),
    "type": lambda _, tensors: tensors.update({"0.mean": torch.zeros(2, 24).double()}),
    "infinite": lambda _, tensors: tensors["0.head.3.bias"].fill_(math.inf),
    "not a number": lambda _, tensors: tensors["0.curve.0.weight"].fill_(math.nan),
    "scale": lambda _, tensors: tensors["0.scale"].fill_(0),
    "variance": lambda _, tensors: tensors["0.curve.1.running_var"].fill_(-1),
    "classes turned": lambda _, tensors: tensors.update(classes=torch.tensor([1, 0])),
    "a class more": lambda _, tensors: tensors.update(classes=torch.tensor([0, 1, 2])),
    "classes no integers": lambda _, tensors: tensors.update(classes=torch.tensor([0.0, 1.0])),
}


@pytest.fixture(scope="module")
def data() -> bytes:
    return dump_model(ConvolutionalNetwork(), fitted(1, "classes"))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_files_that_were_tampered_with_are_refused(
    data: bytes, change: Callable[[Any, Any], object]
) -> None:
    def same(*_: Any) -> None:
        pass

    for how in (same, change):
        bad = rewritten(data, how)
        digest = hashlib.sha256(bad).hexdigest()
        if how is same:
            assert load_model("convolutional_network", bad, digest).n_features_in_ == 24
            continue
        with pytest.raises(CampaignError, match="cannot be read"):
            load_model("convolutional_network", bad, digest)


@pytest.mark.parametrize("numbers", [[0.0], [0.0, 0.0], [math.inf, 1.0], [0.0, -1.0], ["0", 1.0]])
def test_numbers_without_a_scale_are_refused(numbers: list[Any]) -> None:
    good = dump_model(ConvolutionalNetwork(), fitted(1, "numbers"))
    bad = rewritten(good, lambda header, _: header.update(numbers=numbers))
    with pytest.raises(CampaignError, match="cannot be read"):
        load_model("convolutional_network", bad, hashlib.sha256(bad).hexdigest())


def test_networks_of_several_shapes_are_no_average() -> None:
    with pytest.raises(ValueError, match="fit together"):
        NetworkClassifier(
            (ConvolutionalLayers(8, 0, 2), ConvolutionalLayers(9, 0, 2)), np.arange(2)
        )
