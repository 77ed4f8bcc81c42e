"""The documents of models: versions, metrics, experiments and predictions."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, computed_field

from exafscn_flows.store.base import Document, SiteStageDoc, Vector

OXIDE, NO_OXIDE, DISAGREES = "O", "no O", "disagrees"
"""Keywords of predictions that are no elements beside O and the absorber."""


class ModelStageDoc(Document):
    """Base of documents that describe one fitted model."""

    absorber: str = Field(description="Element symbol of the absorbing atom.")
    feature_set: str = Field(description="Name of the feature set.")
    model: str = Field(description="Name of the model in the campaign file.")

    @property
    def key(self) -> str:
        return f"{self.absorber}/{self.feature_set}/{self.model}"


class PromotionDoc(ModelStageDoc):
    """Which version of a model queries mean: writing this one document switches all of them."""

    collection: ClassVar[str] = "promotions"

    hash: str = Field(description="Version of the model, the hash of its other documents.")
    instead_of: str | None = Field(
        default=None,
        description="Version that the campaign file asked for when a user chose this one.",
    )


class ModelVersionDoc(ModelStageDoc):
    """Base of documents that describe one version of a model; their hash names it."""

    @property
    def key(self) -> str:
        return version_key(super().key, self.hash)


def version_key(model_key: str, version: str) -> str:
    """Key of the model and metrics documents of a version, from that of its model."""
    return f"{model_key}/{version}"


class ModelDoc(ModelVersionDoc):
    """A model fitted on all sites; its bytes are in GridFS."""

    collection: ClassVar[str] = "models"

    classes: list[int] = Field(description="Coordination numbers that the model can predict.")
    n_sites: int = Field(description="Number of training sites.")
    n_formulas: int = Field(description="Number of distinct formulas among them.")
    parameters: dict[str, Any] = Field(description="Parameters of the estimator.")
    importances: Vector | None = Field(
        description="Gini importance per feature, sum 1; None where trees do not decide."
    )
    axis: Vector = Field(description="Coordinate of each feature, e.g. R in Å.")
    axis_label: str = Field(description="What the axis is, with its unit.")
    file: str = Field(description="GridFS _id of the model's file.")
    sha256: str = Field(description="SHA-256 checksum of the file.")
    versions: dict[str, str] = Field(description="Library versions that made the model.")
    takes: str = Field(description="Hash of the settings of the feature vectors that it takes.")


class MetricsDoc(ModelVersionDoc):
    """Out-of-fold quality of one model, one formula on one side of every split."""

    collection: ClassVar[str] = "metrics"

    n_sites: int = Field(description="Number of sites.")
    n_formulas: int = Field(description="Number of distinct formulas.")
    classes: list[int] = Field(description="Coordination numbers, ascending.")
    class_counts: list[int] = Field(description="Sites per class.")
    rare: list[int] = Field(
        default=[],
        description="Classes with fewer formulas than folds: they count, but hardly, or not at "
        "all, can be learned.",
    )
    splits: dict[str, dict[str, Any]] = Field(
        description="By split ('grouped', 'random', and 'chemical_system' if asked for): "
        "accuracy, accuracy_std, fold_accuracy, "
        "balanced_accuracy, macro_f1, majority (baseline accuracy), confusion "
        "(rows: label, columns: prediction)."
    )


class ExperimentDoc(ModelStageDoc):
    """One experiment with a model: fitted anew on the folds of the split 'grouped'."""

    collection: ClassVar[str] = "experiments"

    experiment: str = Field(
        description="'importance', 'rmax', 'rmin' or 'learning_curve' of the study section."
    )
    value: float | None = Field(description="R limit, Å, or share of sites; None: importance.")
    n_train: float = Field(description="Sites that were learned from, mean over the folds.")
    accuracy: float = Field(description="Share of sites predicted right, out of fold.")
    accuracy_std: float = Field(description="Standard deviation of the folds' accuracies.")
    macro_f1: float = Field(description="Mean over the classes of F1.")
    bands: Vector | None = Field(
        default=None, description="Edges on the feature axis, shape (n_bands + 1,)."
    )
    drop: Vector | None = Field(
        default=None,
        description="Accuracy lost when the features of a band are permuted together, mean over "
        "the folds, shape (n_bands,).",
    )
    gradients: Vector | None = Field(
        default=None,
        description="Mean size of the integrated gradients by feature, sum 1, shape "
        "(n_features,); None where there are none.",
    )

    @property
    def key(self) -> str:
        return experiment_key(super().key, self.experiment, self.value)


def experiment_key(model_key: str, experiment: str, value: float | None) -> str:
    """Key of an experiment document, from the key of its model."""
    return f"{model_key}/{experiment}" + ("" if value is None else f"/{value}")


def prediction_ids(campaign: str, version: str, formula: str | None = None) -> dict[str, str]:
    """Return the range of ``_id`` of the predictions of a version, or of one formula among them."""
    start = "/".join([campaign, version, *([] if formula is None else [formula])])
    return {"$gte": f"{start}/", "$lt": f"{start}0"}  # "0" is what comes after "/"


Rounded = Annotated[float, AfterValidator(lambda value: round(value, 3))]
"""Number of three decimals: there are few, and an index goes from one to the next in one step."""


class PredictionDoc(SiteStageDoc):
    """Prediction for one site, out of fold: the model that made it never saw its formula.

    Of sites that came after its training, the model on all sites predicts; it never saw the site.
    """

    collection: ClassVar[str] = "predictions"

    cn: int = Field(description="Predicted coordination number.")
    cn_label: int = Field(description="CrystalNN coordination number.")
    probability: Rounded = Field(
        description="Probability of the predicted class, to three decimals."
    )
    expected_error: Rounded = Field(
        description="Mean of |CN - predicted CN| by these probabilities, in neighbours, to three "
        "decimals."
    )
    disagrees: bool = Field(description="Whether prediction and label differ.")
    oxide: bool = Field(description="Whether O is among the elements of the structure.")
    material_id: str = Field(description="Structure that holds the site.")
    formula: str = Field(description="Reduced chemical formula.")
    elements: list[str] = Field(description="Elements of the structure.")
    neighbours: list[str] = Field(description="Elements among the labelled neighbours.")
    feature_set: str = Field(description="Name of the feature set.")
    model: str = Field(description="Name of the model.")
    probabilities: dict[str, float] = Field(description="Probability of every class.")
    fold: int | None = Field(
        description="Fold in which the site was held out; None: it came after the training."
    )

    @property
    def key(self) -> str:
        return f"{self.hash}/{self.formula}/{self.site}"

    @computed_field(  # type: ignore[prop-decorator]
        description="What indexes find it by: 'O' or 'no O', 'disagrees' if it does, and the "
        "elements but O and the absorber."
    )
    @property
    def keywords(self) -> list[str]:
        found = [OXIDE if self.oxide else NO_OXIDE]
        if self.disagrees:
            found.append(DISAGREES)
        absorber = self.absorber
        return found + [one for one in self.elements if one != "O" and one != absorber]

    def to_mongo(self) -> dict[str, Any]:
        """Return the document as it is stored, with its ``_id``: its fields, as they are.

        Nothing in it needs serialising, which would take longer than encoding it. What indexes hold
        comes first: for each of them, the server reads a document from its beginning.
        """
        return {
            "_id": f"{self.campaign}/{self.key}",
            "campaign": self.campaign,
            "hash": self.hash,
            "keywords": self.keywords,
            "site": self.site,
            **self.__dict__,
        }
