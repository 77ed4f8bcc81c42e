"""The multilayer perceptron: what it is made of, what it is trained on, what its file holds."""

import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Mlp
from exafscn_flows.models import mlp_training as training
from exafscn_flows.models.mlp_network import MlpClassifier, MlpRegressor
from exafscn_flows.models.persistence import dump_model, load_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import TaskName

RNG = np.random.default_rng(1)
Y = RNG.choice([0, 1], 120)
GROUPS = np.sort(RNG.integers(0, 40, 120)).astype(str)
COLUMNS = Columns(np.arange(8.0))
X = (RNG.normal(size=(120, 8)) + 2 * Y[:, None]).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> MlpClassifier:
    fitted = Mlp(max_epochs=5).fit(TrainingSet(X, Y, GROUPS, COLUMNS, "classes"), 0)
    assert isinstance(fitted, MlpClassifier)
    return fitted


@pytest.fixture(scope="module")
def data(network: MlpClassifier) -> bytes:
    return dump_model(Mlp(), network)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_network_has_two_hidden_layers_of_512(network: MlpClassifier) -> None:
    assert [weight.shape for weight in network.weights] == [(8, 512), (512, 512), (512, 2)]


def test_arrays_predict_what_torch_predicts(network: MlpClassifier) -> None:
    layers: list[nn.Module] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        layer = nn.Linear(*weight.shape)
        layer.weight.data, layer.bias.data = torch.tensor(weight.T), torch.tensor(bias)
        layers += [layer, nn.ReLU()]
    inputs = torch.tensor((X - network.mean) / network.scale)
    with torch.no_grad():
        expected = nn.Sequential(*layers[:-1])(inputs).softmax(dim=1).numpy()
    np.testing.assert_allclose(network.predict_proba(X), expected, atol=1e-5)


def test_features_are_standardised_on_what_is_trained_on(network: MlpClassifier) -> None:
    trained = X[~training.watched_rows(GROUPS, 0)]
    np.testing.assert_allclose(network.mean, trained.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(network.scale, trained.std(axis=0), rtol=1e-5)
    # So the unit of a feature does not matter.
    other = (
        Mlp(max_epochs=5)
        .fit(TrainingSet(X * 1024, Y, GROUPS, COLUMNS, "classes"), 0)
        .predict_proba(X * 1024)
    )
    np.testing.assert_allclose(other, network.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_early_stopping_watches_whole_formulas_and_trains_on_none_of_them(seed: int) -> None:
    watched = training.watched_rows(GROUPS, seed)
    assert not set(GROUPS[watched]) & set(GROUPS[~watched])
    # A tenth, and at most one formula more.
    assert 12 <= watched.sum() < 12 + np.unique(GROUPS, return_counts=True)[1].max()


def test_watched_formulas_change_with_the_seed_and_not_with_the_order_of_rows() -> None:
    first = training.watched_rows(GROUPS, 0)
    assert any((training.watched_rows(GROUPS, seed) != first).any() for seed in range(1, 4))
    order = RNG.permutation(120)
    assert (training.watched_rows(GROUPS[order], 0) == first[order]).all()


def test_the_loss_that_stops_training_is_of_rows_that_no_batch_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained: list[np.ndarray] = []
    watched: list[np.ndarray] = []
    forward = nn.Sequential.forward

    def spy(self: nn.Sequential, inputs: torch.Tensor) -> torch.Tensor:
        (trained if self.training else watched).append(inputs.numpy().copy())
        return forward(self, inputs)

    monkeypatch.setattr(nn.Sequential, "forward", spy)
    fitted = Mlp(max_epochs=3).fit(TrainingSet(X, Y, GROUPS, COLUMNS, "classes"), 0)
    rows = (X - fitted.mean) / fitted.scale  # type: ignore[attr-defined]
    formula = {row.tobytes(): group for row, group in zip(rows, GROUPS, strict=True)}
    seen, held = ({formula[row.tobytes()] for row in np.vstack(r)} for r in (trained, watched))
    assert seen
    assert held
    assert not seen & held
    assert seen | held == set(GROUPS)
    assert len(watched) == 3


def test_training_ends_when_patience_does_and_keeps_the_best_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Labels without sense: the watched loss rises as soon as the network starts to remember.
    noise = RNG.choice([0, 1], 120)
    losses: list[float] = []
    cross_entropy = nn.CrossEntropyLoss.forward

    def spy(self: nn.CrossEntropyLoss, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        value = cross_entropy(self, logits, y)
        if not torch.is_grad_enabled():
            losses.append(float(value))
        return value

    monkeypatch.setattr(nn.CrossEntropyLoss, "forward", spy)
    fitted = Mlp(learning_rate=1e-3, max_epochs=200, patience=5).fit(
        TrainingSet(X, noise, GROUPS, COLUMNS, "classes"), 0
    )
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 5
    assert len(losses) < 100
    watched = training.watched_rows(GROUPS, 0)
    proba = fitted.predict_proba(X[watched])  # type: ignore[union-attr]
    log_loss = -np.log(proba[np.arange(len(proba)), noise[watched]]).mean()
    assert log_loss == pytest.approx(min(losses), rel=1e-4)


def test_the_error_of_numbers_that_stops_training_is_that_of_the_best_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = 300 + 20 * RNG.normal(size=120)
    losses: list[float] = []
    squared = nn.MSELoss.forward

    def spy(self: nn.MSELoss, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        assert output.shape == target.shape
        value = squared(self, output, target)
        if not torch.is_grad_enabled():
            losses.append(float(value))
        return value

    monkeypatch.setattr(nn.MSELoss, "forward", spy)
    model = Mlp(learning_rate=1e-3, max_epochs=200, patience=5)
    fitted = model.fit(TrainingSet(X, number, GROUPS, COLUMNS, "numbers"), 0)
    assert isinstance(fitted, MlpRegressor)
    assert len(losses) == int(np.argmin(losses)) + 1 + 5
    assert len(losses) < 100
    watched = training.watched_rows(GROUPS, 0)
    # Numbers are standardised on what is trained on, and the error is that of the best weights.
    assert fitted.center == pytest.approx(number[~watched].mean())
    assert fitted.width == pytest.approx(number[~watched].std())
    error = (fitted.predict(X[watched]) - number[watched]) / fitted.width
    assert (error**2).mean() == pytest.approx(min(losses), rel=1e-4)


def test_one_formula_cannot_be_split() -> None:
    with pytest.raises(ItemFailure, match="one formula") as caught:
        Mlp().fit(TrainingSet(X, Y, np.full(120, "NiO"), COLUMNS, "classes"), 0)
    assert caught.value.kind == "too_few_sites"


def test_a_formula_larger_than_all_others_leaves_something_to_train_on() -> None:
    groups = np.array(["NiO"] * 119 + ["Ni"])
    for seed in range(5):
        assert 1 <= training.watched_rows(groups, seed).sum() <= 119


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_a_learning_rate_that_breaks_training_is_named(task: TaskName) -> None:
    with pytest.raises(ItemFailure, match="not finite") as caught:
        Mlp(learning_rate=1e30).fit(TrainingSet(X, Y, GROUPS, COLUMNS, task), 0)
    assert "learning_rate" in caught.value.hint


def test_training_leaves_torch_as_it_was() -> None:
    torch.manual_seed(11)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    Mlp(max_epochs=1).fit(TrainingSet(X, Y, GROUPS, COLUMNS, "classes"), 0)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_wrong_features_are_refused(network: MlpClassifier) -> None:
    with pytest.raises(ValueError, match="shape"):
        network.predict_proba(X[:, :5])
    with pytest.raises(ValueError, match="finite"):
        network.predict_proba(np.full((1, 8), np.nan))


def test_a_stored_network_predicts_without_torch(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(data)
    code = (
        "import sys, numpy as np\n"
        "from exafscn_flows.models.persistence import load_model\n"
        f"network = load_model('mlp', open({str(file)!r}, 'rb').read(), {sha(data)!r})\n"
        "assert network.predict_proba(np.ones((2, 8))).shape == (2, 2)\n"
        "print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stderr


def rewritten(data: bytes, changed: str, change: Callable[[bytes], bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name == changed else content)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("mlp.json", b'{"version": 99, "layers": 3}', "version 99"),
        ("mlp.json", b'{"layers": 3}', "KeyError"),
        ("mlp.json", b"[]", "TypeError"),
        ("mlp.json", b'{"version": 2, "layers": 2}', "fit together"),
        ("mlp.json", b'{"version": 2, "layers": 4}', "KeyError"),
        ("mlp.json", b'{"version": 2, "layers": 0}', "fit together"),
        ("weight1.npy", npy(np.zeros((512, 511), np.float32)), "fit together"),
        ("weight1.npy", npy(np.zeros((512, 512))), "fit together"),
        ("bias2.npy", npy(np.array([0, np.nan], np.float32)), "cannot be used"),
        ("scale.npy", npy(np.zeros(8, np.float32)), "cannot be used"),
        ("classes.npy", npy(np.array([1, 0])), "fit together"),
        ("classes.npy", npy(np.array([0, 1, 2])), "fit together"),
        ("classes.npy", npy(np.array([4, print], object)), "allow_pickle"),
    ],
)
def test_a_network_that_cannot_be_used_is_refused(
    data: bytes, name: str, content: bytes, reason: str
) -> None:
    bad = rewritten(data, name, lambda old: content)
    with pytest.raises(CampaignError, match=reason):
        load_model("mlp", bad, sha(bad))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ('"numbers": [2.0, 0.0]', "fit together"),
        ('"numbers": [2.0, -1.0]', "fit together"),
        ('"numbers": [NaN, 1.0]', "fit together"),
        ('"numbers": [2.0, Infinity]', "fit together"),
        ('"numbers": ["2", 1.0]', "fit together"),
        ('"numbers": [[2.0], 1.0]', "fit together"),
        ('"numbers": [2.0]', "ValueError"),
        ('"numbers": null', "TypeError"),
        ('"more": 1', "KeyError"),
    ],
)
def test_a_network_of_numbers_that_cannot_be_used_is_refused(header: str, reason: str) -> None:
    wide = MlpRegressor(
        mean=np.zeros(3, np.float32),
        scale=np.ones(3, np.float32),
        weights=(np.ones((3, 1), np.float32),),
        biases=(np.zeros(1, np.float32),),
        center=2.0,
        width=0.5,
    )
    data = dump_model(Mlp(), wide)
    assert load_model("mlp", data, sha(data)).predict(np.ones((1, 3))) == [3.5]
    text = f'{{"version": 2, "layers": 1, {header}}}'.encode()
    bad = rewritten(data, "mlp.json", lambda old: text)
    with pytest.raises(CampaignError, match=reason):
        load_model("mlp", bad, sha(bad))


def test_a_classifier_in_the_place_of_a_regressor_is_refused(data: bytes) -> None:
    text = b'{"version": 2, "layers": 3, "numbers": [0.0, 1.0]}'
    bad = rewritten(data, "mlp.json", lambda old: text)
    with pytest.raises(CampaignError, match="fit together"):
        load_model("mlp", bad, sha(bad))


def test_what_is_no_network_is_not_stored() -> None:
    with pytest.raises(TypeError, match="dict is no multilayer perceptron"):
        dump_model(Mlp(), {})  # type: ignore[arg-type]
