"""The documents of models: versions, metrics, experiments and predictions."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, computed_field

from exafscn_flows.keys import ModelKey
from exafscn_flows.store.base import Document, SiteStageDoc, Vector, keys_of, vector_to_bson
from exafscn_flows.targets.base import TaskName

NO_OXIDE, DISAGREES, ONE_CLASS = "no O", "disagrees", "one class"
MEASURED, UNKNOWN = "measured", "elements not known"
OUTSIDE = "out of distribution"
"""Keywords of predictions that are no elements."""

ANSWERING, ANSWERED = "general", "measured"
"""What stands for model and feature set in predictions by the model that comes with the package."""
ANSWERS = "general-"
"""Beginning of the versions of such predictions, for which there are no metrics."""

OOD = "ood_score"
"""Field of predictions, and what `doubt` of a model has where these have it."""


def around(element: str) -> str:
    """Return the keyword of an element that is among the neighbours; else it is its symbol."""
    return f"{element}*"


class ModelStageDoc(Document):
    """Base of documents that describe one fitted model."""

    target: str = Field(description="Name of the target in the campaign file.")
    absorber: str = Field(description="Element symbol of the absorbing atom.")
    feature_set: str = Field(description="Name of the feature set.")
    model: str = Field(description="Name of the model in the campaign file.")

    @property
    def model_key(self) -> ModelKey:
        """What the model is named by, whatever its version."""
        return ModelKey(self.target, self.absorber, self.feature_set, self.model)

    @property
    def key(self) -> str:
        return str(self.model_key)


class PromotionDoc(ModelStageDoc):
    """Which version of a model queries use: writing this one document switches all of them."""

    collection: ClassVar[str] = "promotions"

    hash: str = Field(description="Version of the model, the hash of its other documents.")
    instead_of: str | None = Field(
        default=None,
        description="Version that the campaign file asked for when a user chose this one.",
    )


class ModelVersionDoc(ModelStageDoc):
    """Base of documents that describe one version of a model; their hash names it."""

    task: TaskName = Field(description="'classes', 'numbers' or 'curves': the kind of the target.")
    unit: str = Field(description="Unit of the target's numbers.")

    @property
    def key(self) -> str:
        return self.model_key.version(self.hash)


class ModelDoc(ModelVersionDoc):
    """A model fitted on all sites; its bytes are in GridFS.

    It holds all that is needed to apply the model to other sites.
    """

    collection: ClassVar[str] = "models"

    learned: dict[str, Any] = Field(
        description="Settings of the target, with all defaults: what the labels were."
    )
    classes: list[int | str] = Field(
        description="Classes that the model can predict, in the order of its numbers for them; "
        "empty for numbers and curves."
    )
    absorbers: list[str] = Field(
        description="Absorbers that one model is fitted on together: as many inputs after the "
        "features say, with 0 and 1, which of them a site is of; empty for one absorber."
    )
    features: dict[str, Any] = Field(
        description="Settings of the features that it takes, with all defaults: `set`, and the "
        "`autobk` and `xftf` that all sets share; `spectra`, by name, are those they are made "
        "from; `learned` is the set of which a curve is predicted."
    )
    doubt: dict[str, float] = Field(
        description="What turns the model's outputs into what is said of new sites: of classes, "
        "the temperature and by class the least probability in a prediction set; of numbers and "
        "curves, what makes expected errors of spreads."
    )
    comes_trained: bool = Field(
        default=False,
        description="Whether it, or a member of it, had learned before the campaign.",
    )
    n_sites: int = Field(description="Number of training sites.")
    n_formulas: int = Field(description="Number of distinct formulas among them.")
    parameters: dict[str, Any] = Field(description="Parameters of the estimator.")
    importances: Vector | None = Field(
        description="Importance per feature by impurity, sum 1, of a model of all absorbers less, "
        "for the rest is that of the absorber; None where trees do not decide."
    )
    explanation: dict[str, Any] | None = Field(
        default=None,
        description="Of a graph attention network, where it looks (`attention`) and which "
        "absorbers its neurons respond to (`neurons`), as of "
        "`exafscn_flows.evaluation.explanation`; None of other models.",
    )
    axis: Vector = Field(description="Coordinate of each feature, e.g. R in Å.")
    axis_label: str = Field(description="What the axis is, with its unit.")
    curve_axis: Vector | None = Field(
        default=None, description="Coordinate of each point of a curve; None of other targets."
    )
    curve_axis_label: str = Field(
        default="", description="What that axis is, with its unit; empty of other targets."
    )
    curve_label: str = Field(
        default="", description="What the values of a curve are, with their unit."
    )
    predicts: str | None = Field(
        default=None,
        description="Hash of the settings of the feature vectors that it predicts; None of what is "
        "no curve.",
    )
    file: str = Field(description="GridFS _id of the model's file.")
    sha256: str = Field(description="SHA-256 checksum of the file.")
    versions: dict[str, str] = Field(description="Library versions that made the model.")
    takes: str = Field(description="Hash of the settings of the feature vectors that it takes.")


class MetricsDoc(ModelVersionDoc):
    """Out-of-fold quality of one model, one formula on one side of every split."""

    collection: ClassVar[str] = "metrics"

    n_sites: int = Field(description="Number of sites.")
    n_formulas: int = Field(description="Number of distinct formulas.")
    n_seen: int = Field(
        default=0,
        description="Sites that are left out, since the model comes trained, on their formulas "
        "among others.",
    )
    classes: list[int | str] = Field(
        description="Classes, ascending; empty for numbers and curves."
    )
    class_counts: list[int] = Field(description="Sites per class.")
    rare: list[int | str] = Field(
        default=[],
        description="Classes with fewer formulas than folds: they count, but hardly, or not at "
        "all, can be learned.",
    )
    splits: dict[str, dict[str, Any]] = Field(
        description="By split ('grouped', 'random', and 'chemical_system' if asked for). Of "
        "classes: accuracy, accuracy_std, fold_accuracy, balanced_accuracy, macro_f1, "
        "fold_macro_f1, majority (baseline accuracy), fold_majority_f1 (its macro-F1), confusion "
        "(rows: label, columns: prediction), calibration, ece, n_certain and certain_accuracy (of "
        "sites with certain labels), coverage and set_size (of prediction sets). Of numbers: rmse, "
        "rmse_std, fold_rmse, mae, r2, mean_rmse, fold_mean_rmse and mean_mae (baselines: always "
        "the mean of the other folds), relative_rmse, relative_fold_rmse and "
        "relative_fold_mean_rmse (in the mean label), calibration. Of curves: rmse, rmse_std, "
        "fold_rmse, r2, r2_over_mean and fold_r2_over_mean (over the mean curve of the other "
        "folds), relative_mse (median, by that of the mean curve), gain (median error of the mean "
        "curve by that of the model), mean_rmse and fold_mean_rmse (of the mean curve), edge_error "
        "and mean_edge_error (eV, of n_edges), calibration."
    )


class ExperimentDoc(ModelStageDoc):
    """One experiment with a model: fitted anew on the folds of the split 'grouped'."""

    collection: ClassVar[str] = "experiments"

    experiment: str = Field(
        description="'importance', 'rmax', 'rmin', 'emax', 'emin', 'learning_curve', 'few_shot' or "
        "'few_shot_alone', or 'robustness' of the study section."
    )
    value: float | None = Field(
        description="Limit of R, Å, or of energy, eV, share of sites, or sites of a new element; "
        "None: importance."
    )
    n_train: float = Field(
        description="Sites that were learned from, of a new element its own, mean over the folds."
    )
    scores: dict[str, float] = Field(
        description="Out of fold. Of classes: accuracy, accuracy_std, macro_f1; of numbers: rmse, "
        "rmse_std, mae, r2; of curves: rmse, rmse_std, r2, r2_over_mean."
    )
    bands: Vector | None = Field(
        default=None, description="Edges on the feature axis, shape (n_bands + 1,)."
    )
    drop: Vector | None = Field(
        default=None,
        description="What is lost when the features of a band are permuted together, mean over "
        "the folds, shape (n_bands,): accuracy, or else how much RMSE grows.",
    )
    gradients: Vector | None = Field(
        default=None,
        description="Mean size of the integrated gradients by feature, sum 1, shape "
        "(n_features,); None where there are none.",
    )
    changed: dict[str, list[dict[str, float]]] | None = Field(
        default=None,
        description="Of robustness, by what is changed of held-out spectra: `value`, how much, in "
        "the unit that the report names, and the scores; None of others.",
    )

    @property
    def key(self) -> str:
        return self.model_key.experiment(self.experiment, self.value)


def prediction_ids(campaign: str, version: str, formula: str | None = None) -> dict[str, str]:
    """Return the range of ``_id`` of the predictions of a version, or of one formula among them."""
    return keys_of("/".join([campaign, version, *([] if formula is None else [formula])]))


Rounded = Annotated[float, AfterValidator(lambda value: round(value, 3))]
"""Number of three decimals: there are few, and an index goes from one to the next in one step."""


def _digits(value: float) -> float:
    # In some units, such errors are all that there are.
    return round(value, 3) if value >= 0.01 else float(f"{value:.2g}")


Error = Annotated[float, AfterValidator(_digits)]
"""Number of three decimals, or of two digits: few, too."""


class PredictionDoc(SiteStageDoc):
    """Prediction for one site, out of fold: the model that made it never saw its formula.

    Of sites that came after its training, the model on all sites predicts; it never saw the site.
    A model that comes trained may have seen the formula before: `seen` says so.
    """

    collection: ClassVar[str] = "predictions"

    target: str = Field(description="Name of the target in the campaign file.")
    task: TaskName = Field(description="'classes', 'numbers' or 'curves': the kind of the target.")
    value: int | float | str | None = Field(
        description="Predicted class, or number; None of curves."
    )
    label: int | float | str | None = Field(
        description="Label of the site, computed from its structure; None without one, and of "
        "curves, whose labels are features."
    )
    curve: Vector | None = Field(
        default=None,
        description="Predicted curve, shape (n_axis,), on the `curve_axis` of the model; left out "
        "of others.",
    )
    error: Error | None = Field(
        default=None,
        description="Root of the mean squared difference of a predicted curve from the site's own; "
        "left out of others.",
    )
    probability: Rounded | None = Field(
        description="Calibrated probability of the predicted class, to three decimals; None of "
        "numbers and curves."
    )
    expected_error: Error = Field(
        description="Of classes that are numbers, the mean of |class - predicted class| by their "
        "probabilities; of named classes, the probability of all others; of numbers, the expected "
        "|label - prediction|; of curves, the expected `error`. To three decimals, below 0.01 to "
        "two digits."
    )
    expected_value: Rounded | None = Field(
        default=None,
        description="Of classes that are numbers, their mean by these probabilities; of numbers, "
        "the prediction; None of named classes and curves. To three decimals.",
    )
    prediction_set: list[int | str] | None = Field(
        default=None,
        description="Classes among which the label of nine sites in ten is, ascending; None of "
        "numbers and curves.",
    )
    ood_score: Rounded | None = Field(
        default=None,
        description="Out-of-distribution score: how probable it is that the spectrum is not such "
        "as the model has learned of this absorber, to three decimals; None of a model without.",
    )
    in_distribution: bool | None = Field(
        default=None,
        description="Whether that score is one that 99 in 100 sites do not exceed; None without.",
    )
    disagrees: bool = Field(
        description="Whether prediction and label differ; of numbers and curves, by more than "
        "three times the expected error; False without a label."
    )
    oxide: bool | None = Field(
        description="Whether O is among the elements of the structure; None if it is not known."
    )
    kmin: Rounded | None = Field(
        default=None, description="Start of the measured chi(k) that was looked at, 1/Å."
    )
    kmax: Rounded | None = Field(default=None, description="End of it, 1/Å.")
    measured: bool = Field(default=False, description="Whether the spectrum was measured.")
    file: str | None = Field(
        default=None, description="File of the measured spectrum; None of any other."
    )
    group: str | None = Field(
        default=None, description="Label of the measured spectrum in that file; None of any other."
    )
    features: str | None = Field(
        default=None,
        description="Of a measured spectrum without a label that a model of the campaign has "
        "predicted, the hash of the features that it was predicted from; left out of others.",
    )
    material_id: str = Field(description="Structure that holds the site.")
    formula: str | None = Field(
        description="Reduced chemical formula; None of a measured spectrum without a structure."
    )
    elements: list[str] = Field(
        description="Elements of the structure; without one, the absorber alone."
    )
    neighbours: list[str] = Field(
        description="Elements among the labelled neighbours; none of curves."
    )
    feature_set: str = Field(description="Name of the feature set.")
    model: str = Field(description="Name of the model.")
    probabilities: dict[str, float] | None = Field(
        description="Calibrated probability of every class; None of numbers and curves."
    )
    fold: int | None = Field(
        description="Fold in which the site was held out; None: it came after the training, or its "
        "formula was seen."
    )
    seen: bool = Field(
        default=False,
        description="Whether the model comes trained, on this formula among others: the prediction "
        "may be recalled, and the site is left out of metrics and of calibration.",
    )

    @property
    def key(self) -> str:
        return f"{self.hash}/{self.formula or ''}/{self.site}"

    @computed_field(  # type: ignore[prop-decorator]
        description="What indexes find it by: each element, with * where it is among the "
        "neighbours, of an absorber other than O only then; 'no O' without O; 'elements not "
        "known' if they are not; 'measured' if it was; 'disagrees' if it does; 'one class' if "
        "there is one in its prediction set; 'out of distribution' if it is."
    )
    @property
    def keywords(self) -> list[str]:
        absorber, near = self.absorber, self.neighbours
        found = [] if self.oxide else [UNKNOWN if self.oxide is None else NO_OXIDE]
        if self.measured:
            found.append(MEASURED)
        if self.disagrees:
            found.append(DISAGREES)
        if self.prediction_set is not None and len(self.prediction_set) == 1:
            found.append(ONE_CLASS)
        if self.in_distribution is False:
            found.append(OUTSIDE)
        return found + [
            around(one) if one in near else one
            for one in self.elements
            if one != absorber or one in near or one == "O"
        ]

    def to_mongo(self) -> dict[str, Any]:
        """Return the document as it is stored, with its ``_id``: its fields, as they are.

        But for a curve, nothing in it needs serialising, which would take longer than encoding it.
        What indexes hold comes first: for each of them, the server reads a document from its
        beginning.
        """
        found = {
            "_id": f"{self.campaign}/{self.key}",
            "campaign": self.campaign,
            "hash": self.hash,
            "keywords": self.keywords,
            "site": self.site,
            **self.__dict__,
        }
        if self.curve is None:
            del found["curve"], found["error"]
        else:
            found["curve"] = vector_to_bson(self.curve)
        if self.features is None:
            del found["features"]
        return found
