"""How far networks are in their training, as bytes in the safetensors format."""

import json
import time
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load, save
from torch import nn

from exafscn_flows.models.checkpoint import Slot

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
    """

    def __init__(self, slot: Slot | None) -> None:
        self._slot = slot
        self._written = time.monotonic()
        self._found = _read(slot)

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
        if self._found is None:
            return 0
        header, tensors = self._found
        if number > header["number"]:
            self._found = None
            return 0
        own = {name: tensors[f"{number}.{name}"] for name in training.network.state_dict()}
        training.network.load_state_dict(own)
        if number < header["number"]:
            return int(header["epochs"])
        self._found = None
        parameters = dict(training.network.named_parameters())
        training.optimizer.load_state_dict(
            {
                "state": {
                    place: {moment: tensors[f"{moment}.{name}"] for moment in _MOMENTS}
                    for place, name in enumerate(parameters)
                },
                "param_groups": training.optimizer.state_dict()["param_groups"],
            }
        )
        training.cycle.last_epoch = header["steps"]
        (group,) = training.optimizer.param_groups
        group["lr"], group["betas"] = header["lr"], tuple(header["betas"])
        torch.set_rng_state(tensors["random"])
        return int(header["done"])

    def keep(self, done: int, epochs: int, networks: list[nn.Module], training: Training) -> None:
        """Keep the state after an epoch, if it is time to, or the last epoch.

        Parameters
        ----------
        done, epochs
            Epochs that are done of the network in training, of all.
        networks
            Those that are trained.
        training
            The one in training.
        """
        soon = time.monotonic() - self._written < SECONDS
        if self._slot is None or (soon and done < epochs):
            return
        (group,) = training.optimizer.param_groups
        header = {
            "number": len(networks),
            "done": done,
            "epochs": epochs,
            "steps": training.cycle.last_epoch,
            "lr": group["lr"],
            "betas": group["betas"],
        }
        tensors = {"random": torch.get_rng_state()}
        for number, network in enumerate([*networks, training.network]):
            for name, value in network.state_dict().items():
                tensors[f"{number}.{name}"] = value
        for name, parameter in training.network.named_parameters():
            for moment in _MOMENTS:
                tensors[f"{moment}.{name}"] = training.optimizer.state[parameter][moment]
        self._slot.write(save(tensors, {_HEADER: json.dumps(header)}))
        self._written = time.monotonic()


def _read(slot: Slot | None) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
    data = None if slot is None else slot.read()
    if data is None:
        return None
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8:end])["__metadata__"][_HEADER])
    return header, load(data)
