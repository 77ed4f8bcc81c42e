"""What a simulator is, without its numbers."""

from typing import Any

from pydantic import Field

from exafscn_flows.features import AutobkSettings, FeatureSet, LarchSettings, XftfSettings
from exafscn_flows.hashing import content_hash
from exafscn_flows.strict import StrictModel, Symbol


class SimulatorCard(StrictModel):
    """What a model of curves takes and gives, and what is known about it."""

    name: str = Field(description="Name of the model.")
    title: str = Field(default="", description="What it predicts, in words.")
    model_kind: str = Field(description="Kind of the model, as in a campaign file.")
    absorbers: tuple[Symbol, ...] = Field(
        min_length=1, description="Absorbers that it knows, in the order of its inputs."
    )
    takes: FeatureSet = Field(description="The features that it takes, of the structure alone.")
    learned: FeatureSet = Field(description="The feature set whose curve it predicts.")
    autobk: AutobkSettings = Field(description="As of features in a campaign file.")
    xftf: XftfSettings = Field(description="As of features in a campaign file.")
    spectra: dict[str, dict[str, Any]] = Field(
        description="Settings of the spectra, by name, of which it has learned the curve."
    )
    doubt: dict[str, float] = Field(description="What makes expected errors of spreads.")
    sha256: str = Field(description="Checksum of the file of the model.")
    elements: tuple[Symbol, ...] = Field(
        default=(), description="Elements of the structures that it has learned; empty: unknown."
    )
    about: dict[str, Any] = Field(
        default={}, description="Where it comes from, its licence, how good it is, and the like."
    )

    @property
    def settings(self) -> LarchSettings:
        """What all feature sets share."""
        return LarchSettings(autobk=self.autobk, xftf=self.xftf)

    @property
    def version(self) -> str:
        """Hash of all that decides what it predicts."""
        content = self.model_dump(mode="json", exclude={"about", "name", "title"})
        return content_hash("simulator", 1, content)
