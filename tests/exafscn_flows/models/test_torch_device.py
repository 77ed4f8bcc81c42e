"""Training where layers compute with 16 bits, as on a GPU."""

import numpy as np
import pytest
import torch

from exafscn_flows.features.columns import Columns
from exafscn_flows.models import ConvolutionalNetwork, MeasuredNetwork, SpectralNetwork
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.torch_device import Place, place
from exafscn_flows.models.training_set import TrainingSet

K = np.arange(2.0, 12.001, 0.05)


def problem(seed: int) -> TrainingSet:
    """Four neighbours, or six that are a little farther away."""
    rng = np.random.default_rng(seed)
    y = rng.choice(2, 240)
    r = 1.85 + 0.2 * y + 0.03 * rng.normal(size=240)
    damped = np.exp(-0.01 * K**2) * K / r[:, None] ** 2
    curves = (4.0 + 2 * y)[:, None] * damped * np.sin(2 * K * r[:, None])
    return TrainingSet(curves.astype(np.float32), y, np.arange(240) // 3, Columns(K), "classes")


def test_without_a_gpu_networks_are_trained_on_the_processor_in_32_bits() -> None:
    assert torch.cuda.is_available() or place() == Place(torch.device("cpu"), is_mixed=False)


@pytest.mark.parametrize(
    ("model", "module"),
    [
        (SpectralNetwork(epochs=8), "network_training"),
        (ConvolutionalNetwork(epochs=8), "network_training"),
        (MeasuredNetwork(epochs=8), "layers_training"),
    ],
    ids=["spectral_network", "convolutional_network", "measured_network"],
)
def test_layers_of_16_bits_learn_the_same(
    monkeypatch: pytest.MonkeyPatch, model: ModelBase, module: str
) -> None:
    mixed = Place(torch.device("cpu"), is_mixed=True)
    data, new = problem(0), problem(1)
    exact = model.fit(data, 0).predict_proba(new.X)  # type: ignore[union-attr]
    monkeypatch.setattr(f"exafscn_flows.models.{module}.place", lambda: mixed)
    rough = model.fit(data, 0).predict_proba(new.X)  # type: ignore[union-attr]
    assert rough.dtype == exact.dtype
    assert np.abs(rough - exact).max() > 0
    assert (rough.argmax(axis=1) == exact.argmax(axis=1)).mean() > 0.95
    assert (rough.argmax(axis=1) == new.y).mean() > 0.9


def test_random_numbers_of_the_caller_go_on_as_if_nothing_had_been_trained() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with place().forked_random_numbers():
        torch.rand(5)
    assert torch.equal(torch.rand(2), expected)
