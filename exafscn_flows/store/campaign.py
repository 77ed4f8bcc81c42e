"""A campaign as Python users meet it: tables as pandas data frames, models ready to predict."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.documents import FailureDoc
from exafscn_flows.store.pages import Order
from exafscn_flows.store.queries import (
    COLUMNS,
    Page,
    default_names,
    find_page,
    find_predictions,
)
from exafscn_flows.store.results import PromotionDoc, version_key
from exafscn_flows.store.store import Store
from exafscn_flows.store.versions import current_metrics, model_document, stored_model

if TYPE_CHECKING:
    import pandas as pd


class Campaign:
    """Results of one campaign.

    Parameters
    ----------
    name
        Name of the campaign.
    store
        Where it is kept; by default the database of the settings.

    Raises
    ------
    UsageError
        If there is no such campaign.

    Examples
    --------
    >>> Campaign("quickstart").predictions(absorber="Cu", cn=4, contains=["O"])  # doctest: +SKIP
    """

    def __init__(self, name: str, store: Store | None = None) -> None:
        self.name = name
        self._store = store or Store.open()
        self._store.campaign(name)

    @property
    def config(self) -> CampaignConfig:
        """Settings with which the campaign was last run."""
        return self._store.config(self.name)

    def predictions(
        self,
        *,
        absorber: str | None = None,
        cn: int | None = None,
        min_probability: float | None = None,
        max_expected_error: float | None = None,
        contains: Iterable[str] = (),
        excludes: Iterable[str] = (),
        neighbours: Iterable[str] = (),
        oxide: bool | None = None,
        formula: str | None = None,
        disagrees: bool | None = None,
        feature_set: str | None = None,
        model: str | None = None,
        version: str | None = None,
        sort: str = "probability",
        after: str | None = None,
        limit: int | None = None,
    ) -> "pd.DataFrame":
        """Out-of-fold predictions that meet conditions.

        Parameters
        ----------
        absorber
            Element symbol.
        cn
            Predicted coordination number, 0 to 999.
        min_probability
            Least probability of the predicted class, 0-1.
        max_expected_error
            Largest expected error, in neighbours, at least 0.
        contains, excludes
            Elements that the structure must all, or must not, contain; a text is one element.
        neighbours
            Elements that must all be among the neighbours that CrystalNN finds.
        oxide
            True for structures with O, False for those without.
        formula
            Formula, however it is written: ``"ZnFe2O4"``, ``"Zn(FeO2)2"``.
        disagrees
            True for sites where prediction and CrystalNN label differ, False for the others.
        feature_set, model
            Names from the campaign file; by default its first ones.
        version
            Version of a model; by default the one that was promoted last.
        sort
            ``"probability"`` (most certain first), ``"expected_error"`` (least first) or
            ``"doubtful"`` (largest expected error first).
        after
            Where the page begins: ``frame.attrs["after"]`` of the page before it.
        limit
            Most rows, at least 1; by default all.

        Returns
        -------
        pandas.DataFrame
            Columns as in :data:`exafscn_flows.store.queries.COLUMNS`. With a limit,
            ``attrs["after"]`` is where the next page begins, None if there is none.

        Raises
        ------
        UsageError
            If a value is not of its kind or out of range, or the campaign has no such absorber or
            model.
        """
        import pandas as pd

        query = PredictionQuery(
            campaign=self.name,
            feature_set=feature_set,
            model=model,
            version=version,
            absorber=absorber,
            cn=cn,
            min_probability=min_probability,
            max_expected_error=max_expected_error,
            contains=contains,
            excludes=excludes,
            neighbours=neighbours,
            oxide=oxide,
            formula=formula,
            disagrees=disagrees,
        )
        order = Order.named(sort)
        if limit is not None:
            page = find_page(self._store, query, order, after=after, limit=limit)
        else:
            page = Page(list(find_predictions(self._store, query, order, after=after)), None)
        frame = pd.DataFrame(page.rows, columns=list(COLUMNS))
        frame.attrs["after"] = page.after
        return frame

    def metrics(self) -> "pd.DataFrame":
        """Quality of every model in the version that queries mean, one row per model and split.

        Returns
        -------
        pandas.DataFrame
            Accuracies and scores are fractions, 0-1.
        """
        import pandas as pd

        rows = [
            {
                "absorber": doc.absorber,
                "feature_set": doc.feature_set,
                "model": doc.model,
                "version": doc.hash,
                "split": split,
                "n_sites": doc.n_sites,
                "n_formulas": doc.n_formulas,
                **{name: value for name, value in scores.items() if isinstance(value, float)},
            }
            for doc in current_metrics(self._store, self.name)
            for split, scores in doc.splits.items()
        ]
        return pd.DataFrame(rows)

    def failures(self) -> "pd.DataFrame":
        """Everything that failed: stage, item, reason and advice."""
        import pandas as pd

        columns = ["stage", "item", "absorber", "kind", "message", "hint"]
        docs = self._store.find(FailureDoc, {"campaign": self.name}, sort=[("_id", 1)])
        rows = [{name: getattr(doc, name) for name in columns} for doc in docs]
        return pd.DataFrame(rows, columns=columns)

    def model(self, absorber: str, feature_set: str | None = None, model: str | None = None) -> Any:
        """Load the model of one absorber, fitted on all its sites, in the version that is current.

        Returns
        -------
        Classifier
            With ``predict`` and ``predict_proba`` for feature vectors, shape (n, n_features).

        Raises
        ------
        UsageError
            If there is no such model.
        CampaignError
            If its bytes are not those that were stored.
        """
        key = "/".join([absorber, *default_names(self.config, feature_set, model)])
        promoted = self._store.hashes(PromotionDoc, self.name, [key])
        if key not in promoted:
            raise UsageError(f"campaign {self.name} has no model {key}")
        doc = model_document(self._store, self.name, version_key(key, promoted[key]))
        return stored_model(self._store, doc)
