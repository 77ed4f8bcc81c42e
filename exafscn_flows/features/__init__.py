"""Feature vectors of spectra. Importing this package does not import larch."""

from typing import Self

from pydantic import Field, model_validator

from exafscn_flows.features.r_space import RSpace
from exafscn_flows.features.settings import AutobkSettings, LarchSettings, XftfSettings

__all__ = [
    "AutobkSettings",
    "FeatureSet",
    "FeatureSettings",
    "LarchSettings",
    "RSpace",
    "XftfSettings",
]

# A second kind makes this Annotated[RSpace | Other, Field(discriminator="kind")].
FeatureSet = RSpace


class FeatureSettings(LarchSettings):
    """Feature sets of a campaign, and the larch settings that they share."""

    sets: list[FeatureSet] = Field(
        default=[RSpace(input="mu"), RSpace(input="chi")],
        min_length=1,
        description="Feature sets; models are fitted on each.",
    )

    @model_validator(mode="after")
    def _unique_names(self) -> Self:
        names = [feature_set.name for feature_set in self.sets]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two feature sets are named {name!r}")
        return self
