"""A training that is killed goes on where it was, and ends as if nothing had happened."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from exafscn_flows.features.columns import Columns
from exafscn_flows.models import (
    Average,
    ConvolutionalNetwork,
    GraphAttention,
    SpectralNetwork,
    network_checkpoint,
)
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.checkpoint import kept_by, next_slot
from exafscn_flows.models.persistence import dump_model
from exafscn_flows.models.spectral_training import GUARD_EPOCHS
from exafscn_flows.models.training_set import TrainingSet

RNG = np.random.default_rng(0)
K = np.arange(2.0, 6.001, 0.05)
X = RNG.normal(size=(80, len(K))).astype(np.float32)
Y = (X[:, 3] + X[:, 40] > 0).astype(int)
SETTINGS: dict[str, Any] = {"epochs": 4, "n_networks": 2, "dropout": 0.3}
MODELS: list[ModelBase] = [
    SpectralNetwork(**SETTINGS, stretch=0.02),
    ConvolutionalNetwork(**SETTINGS, shift=0.1),
    GraphAttention(**SETTINGS, shake=0.05),
    Average(
        members=[
            {"kind": "spectral_network", "epochs": 3},
            {"kind": "extra_trees", "n_estimators": 2},
            {"kind": "convolutional_network", "epochs": 3},
        ]
    ),
]


class Killed(BaseException):
    """As nothing in a program expects it."""


class Memory:
    """Keeps what it is given, and kills the training at one of the times it is given something."""

    def __init__(self, kill_at: int = 0) -> None:
        self.kept: dict[str, bytes] = {}
        self.kill_at = kill_at
        self.writes = 0

    def read(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def write(self, name: str, data: bytes) -> None:
        self.writes += 1
        if self.writes == self.kill_at:
            raise Killed
        self.kept[name] = data


def data(task: Any, takes: str | None = None) -> TrainingSet:
    """Noise and what it says; as a site and four atoms, if graphs are taken."""
    y = {"classes": Y, "numbers": X[:, 3].astype(float), "curves": X[:, :3].astype(float)}[task]
    if takes != "site_graph":
        return TrainingSet(X, y, np.arange(80) // 4, Columns(K), task)
    graphs = X[:, :20].reshape(80, 5, 4).copy()
    graphs[:, :, 0] = [26, 8, 8, 16, 26]
    columns = Columns(np.arange(20.0))
    return TrainingSet(graphs.reshape(80, 20), y, np.arange(80) // 4, columns, task)


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_checkpoint, "SECONDS", 0.0)


CASES = [
    (model, task)
    for model in MODELS
    for task in (("curves",) if model.takes == "site_graph" else ("classes", "numbers"))
]


@pytest.mark.parametrize(("model", "task"), CASES, ids=[f"{m.kind}-{task}" for m, task in CASES])
def test_a_training_that_is_killed_again_and_again_ends_as_an_undisturbed_one(
    model: ModelBase, task: Any
) -> None:
    undisturbed = dump_model(model, model.fit(data(task, model.takes), 0))
    memory = Memory()
    kills = 0
    for kill_at in (1, 2, 4, 2, 3):
        memory.writes, memory.kill_at = 0, kill_at
        torch.manual_seed(kill_at)  # whatever else went on
        try:
            with kept_by(memory):
                model.fit(data(task, model.takes), 0)
        except Killed:
            kills += 1
    assert kills >= 3
    memory.kill_at = 0
    with kept_by(memory):
        fitted = model.fit(data(task, model.takes), 0)
    assert dump_model(model, fitted) == undisturbed


def test_what_is_done_is_not_done_again() -> None:
    model, memory = MODELS[0], Memory()
    with kept_by(memory):
        model.fit(data("classes"), 0)
    assert memory.writes == 8 + GUARD_EPOCHS  # epochs of two networks, and of their guard
    memory.writes = 0
    with kept_by(memory):
        model.fit(data("classes"), 0)
    assert memory.writes == 0


def test_states_are_kept_seldom_and_at_the_end_of_what_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(network_checkpoint, "SECONDS", 3600.0)
    memory = Memory()
    with kept_by(memory):
        MODELS[0].fit(data("classes"), 0)
    assert memory.writes == 0
    # Of what takes long in all, every network that is done is kept.
    monkeypatch.setattr(network_checkpoint, "SECONDS", 0.3)
    clock = iter(0.01 * step for step in range(10_000))
    # Its own alone: other threads ask for the time, too.
    own = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr(network_checkpoint, "time", own)
    with kept_by(memory):
        ConvolutionalNetwork(epochs=20, n_networks=3).fit(data("classes"), 0)
    # The first is done before that.
    assert {"part1-1", "part1-2"} == set(memory.kept)
    assert 3 <= memory.writes < 10


def test_random_numbers_elsewhere_are_as_they_were() -> None:
    memory = Memory()
    with kept_by(memory):
        MODELS[0].fit(data("classes"), 0)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with kept_by(memory):
        MODELS[0].fit(data("classes"), 0)
    assert torch.equal(before, torch.get_rng_state())


def test_nobody_keeps_what_nobody_asked_for() -> None:
    assert next_slot() is None
