"""What every model offers."""

from abc import abstractmethod
from typing import Annotated, Any

from pydantic import StringConstraints

from exafscn_flows.config.base import StrictModel

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_+]+$", max_length=40)]


class ModelBase(StrictModel):
    """Base of models: the fields are what can be written in a campaign file."""

    kind: str
    name: ModelName

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Return everything that determines the fitted model, JSON-serialisable.

        This includes a number that grows whenever the code gives another model than before.
        """

    @abstractmethod
    def build(self, seed: int) -> Any:
        """Return an unfitted scikit-learn classifier that uses one thread.

        Parameters
        ----------
        seed
            Seed of everything random in the fit.
        """
