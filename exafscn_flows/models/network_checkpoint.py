"""How far networks are in their training, as bytes in the safetensors format."""

import json
import time
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load, save
from torch import nn

from exafscn_flows.models.checkpoint import Slot
from exafscn_flows.models.torch_device import Place

SECONDS = 30.0
"""Between two times that the state is kept: a second of writing is little beside them, and no more
than this is done twice."""

_HEADER = "state"
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
"""AdamW's memory of each parameter."""


@dataclass
class Training:
    """One network in training, with all that its next step depends on.

    Attributes
    ----------
    network
        The network.
    optimizer
        Of its parameters, all in one group.
    cycle
        Of the learning rate.
    """

    network: nn.Module
    optimizer: torch.optim.AdamW
    cycle: torch.optim.lr_scheduler.OneCycleLR


class Progress:
    """Keeps the state of networks that are trained one after the other, and finds it again.

    Parameters
    ----------
    slot
        Where it is kept; None: nowhere.
    where
        Where they are trained.
    """

    def __init__(self, slot: Slot | None, where: Place) -> None:
        self._slot, self._where = slot, where
        self._begun = self._written = time.monotonic()

    def resume(self, number: int, training: Training) -> int:
        """Bring a network to where it was, and the random numbers of torch, too.

        Parameters
        ----------
        number
            Which network of the training it is, from 0.

        Returns
        -------
        int
            Number of epochs that are done.
        """
        data = None if self._slot is None else self._slot.read(str(number))
        if data is None:
            return 0
        header, tensors = _header(data), load(data)
        network = training.network.state_dict()
        shapes = {name: value.shape for name, value in network.items()}
        if shapes != {name: tensors[name].shape for name in shapes if name in tensors}:
            return 0  # of another version of this program
        training.network.load_state_dict({name: tensors[name] for name in network})
        training.optimizer.load_state_dict(
            {
                "state": {
                    place: {moment: tensors[f"{moment}.{name}"] for moment in _MOMENTS}
                    for place, (name, _) in enumerate(training.network.named_parameters())
                },
                "param_groups": training.optimizer.state_dict()["param_groups"],
            }
        )
        training.cycle.last_epoch = header["steps"]
        (group,) = training.optimizer.param_groups
        group["lr"], group["betas"] = header["lr"], tuple(header["betas"])
        torch.set_rng_state(tensors["random"])
        self._where.set_random_state(tensors.get("random.gpu"))
        return int(header["done"])

    def keep(self, number: int, done: int, epochs: int, training: Training) -> None:
        """Keep the state of a network after an epoch, if it is time to.

        Parameters
        ----------
        number
            Which network of the training it is, from 0.
        done, epochs
            Epochs that are done of it, of all. The end of a network is kept as soon as the whole
            training takes long.
        training
            The one in training.
        """
        now = time.monotonic()
        since = self._begun if done == epochs else self._written
        if self._slot is None or now - since < SECONDS:
            return
        (group,) = training.optimizer.param_groups
        header = {
            "done": done,
            "steps": training.cycle.last_epoch,
            "lr": group["lr"],
            "betas": group["betas"],
        }
        tensors = {"random": torch.get_rng_state(), **training.network.state_dict()}
        of_gpu = self._where.random_state()
        if of_gpu is not None:
            tensors["random.gpu"] = of_gpu
        for name, parameter in training.network.named_parameters():
            for moment in _MOMENTS:
                tensors[f"{moment}.{name}"] = training.optimizer.state[parameter][moment]
        self._slot.write(str(number), save(tensors, {_HEADER: json.dumps(header)}))
        self._written = time.monotonic()


def _header(data: bytes) -> Any:
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(json.loads(data[8:end])["__metadata__"][_HEADER])
