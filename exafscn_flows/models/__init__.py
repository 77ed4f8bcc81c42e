"""Models that predict a label from features. Importing this package does not import sklearn."""

from exafscn_flows.models.random_forest import RandomForest

__all__ = ["ModelSettings", "RandomForest"]

# A second kind makes this Annotated[RandomForest | Other, Field(discriminator="kind")].
ModelSettings = RandomForest
