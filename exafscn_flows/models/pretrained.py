"""The model that comes with the package, as one of a campaign: it needs no training."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.models.base import ModelBase, ModelName
from exafscn_flows.models.measured_network import check_chi
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.strict import LocatedError
from exafscn_flows.targets.base import Class, TaskName
from exafscn_flows.tasks.fitted import Fitted

if TYPE_CHECKING:
    from exafscn_flows.models.pretrained_fitted import PretrainedClassifier

_KWEIGHT = 2
_LEAST_KMAX = 6.0
"""1/Å; below it, measured spectra are not answered, either."""


class PretrainedNetwork(ModelBase):
    """The general model of `exafscn predict`: coordination numbers around Ti to Zn from chi(k).

    Features are k^2 chi(k), a set of kind ``k_space`` from k = 0.05 on, alone or before others in a
    concatenation. It names the coordination numbers that it knows, whichever the campaign has.
    Formulas that it was trained on are predicted, but take no part in what is found out about it.
    """

    libraries = ("safetensors", "numpy", "scipy")
    tasks = frozenset[TaskName]({"classes"})
    comes_trained = True
    learns = "coordination_number"
    takes = "k_space"
    advice = (
        "add {kind: k_space, kmin: 0.05, kmax: 16, kweight: 2} to features.sets, and list it in "
        "feature_sets of this model"
    )

    kind: Literal["pretrained"] = "pretrained"
    name: ModelName = "pretrained"
    refine: bool = Field(
        default=False,
        description="Learn from the sites of the campaign how to correct its probabilities.",
    )

    @model_validator(mode="after")
    def _nothing_to_search(self) -> Self:
        if self.search is not None:
            message = "a model that comes trained has no parameters to search"
            raise LocatedError(("search",), message)
        return self

    def parameters(self) -> dict[str, Any]:
        from exafscn_flows.pretrained import card_sha256, general_card

        return {**super().parameters(), "card": card_sha256(general_card())}

    def check_features(self, fset: Any, settings: LarchSettings) -> None:
        check_chi(fset, settings, _KWEIGHT)
        last = float(fset.k(settings)[-1])
        if last < _LEAST_KMAX:
            raise ValueError(f"it must reach {_LEAST_KMAX:g} 1/Å, and ends at {last:g}")

    def classes_with(self, labels: Sequence[Class]) -> list[Class]:
        from exafscn_flows.pretrained import general_card
        from exafscn_flows.tasks import task_named

        return task_named("classes").classes([*labels, *general_card()["classes"]])

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        from exafscn_flows.models.pretrained_fitted import adapted

        return adapted(data.on_first_part(), _KWEIGHT, self.refine)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.pretrained_fitted import dump_pretrained

        return dump_pretrained(fitted)

    @classmethod
    def load(cls, data: bytes) -> "PretrainedClassifier":
        from exafscn_flows.models.pretrained_fitted import load_pretrained

        return load_pretrained(data)
