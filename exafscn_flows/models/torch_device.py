"""Where networks are trained: on a GPU if torch sees one, else on the processor."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Place:
    """Where a network is trained.

    Attributes
    ----------
    device
        Where its weights and its batches are.
    is_mixed
        Whether layers compute with numbers of 16 bits where that is safe (bfloat16); weights, their
        steps and the loss keep 32.
    """

    device: torch.device
    is_mixed: bool

    def precision(self) -> AbstractContextManager[object]:
        """Return the context in which layers compute."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_mixed)

    def forked_random_numbers(self) -> AbstractContextManager[None]:
        """Return the context after which random numbers are as they were."""
        gpus = [self.device] if self.device.type == "cuda" else []
        return torch.random.fork_rng(devices=gpus)

    def random_state(self) -> torch.Tensor | None:
        """Return the state of the random numbers of a GPU; None of the processor."""
        return torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None

    def set_random_state(self, state: torch.Tensor | None) -> None:
        """Have the random numbers of a GPU go on from a state, if both are there."""
        if state is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(state, self.device)


def place() -> Place:
    """Return where this process trains networks."""
    if torch.cuda.is_available():
        return Place(torch.device("cuda", torch.cuda.current_device()), is_mixed=True)
    return Place(torch.device("cpu"), is_mixed=False)
