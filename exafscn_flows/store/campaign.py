"""A campaign as Python users meet it: tables as pandas data frames, models ready to predict."""

import html
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.keys import ModelKey, item_key
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.store.asked import default_names
from exafscn_flows.store.columns import check_columns, with_columns
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.documents import (
    FailureDoc,
    SiteDoc,
    SpectrumDoc,
    StructureDoc,
    spectrum_of,
)
from exafscn_flows.store.fitted import FittedModel
from exafscn_flows.store.learning import LearningSet, label_table, learning_set
from exafscn_flows.store.overview import overviews
from exafscn_flows.store.pages import Order
from exafscn_flows.store.queries import COLUMNS, find_page, find_predictions
from exafscn_flows.store.results import PromotionDoc
from exafscn_flows.store.sites import SiteRecord, find_site, site_record, stored_crystal
from exafscn_flows.store.store import Store
from exafscn_flows.store.values import texts
from exafscn_flows.store.versions import current_metrics, model_document, stored_model

if TYPE_CHECKING:
    import pandas as pd
    from pymatgen.core import Structure

_SHOWN = (
    *("target", "absorber", "feature_set", "model", "n_sites", "n_formulas"),
    *("accuracy", "majority", "macro_f1", "rmse", "mean_rmse", "r2"),
)
"""Columns of `Campaign.metrics` that a notebook shows of a campaign."""


def campaigns(store: Store | None = None) -> "pd.DataFrame":
    """List the campaigns of a database, that which was run last first.

    Parameters
    ----------
    store
        By default the database of the settings.

    Returns
    -------
    pandas.DataFrame
        Columns as the fields of :class:`exafscn_flows.store.overview.Overview`.
    """
    import pandas as pd

    return pd.DataFrame([asdict(one) for one in overviews(store or Store.open())])


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

    def __repr__(self) -> str:
        config = self.config
        n_sites = self._store.count(SiteDoc, {"campaign": self.name, "active": True})
        targets = ", ".join(target.name for target in config.targets)
        return (
            f"<Campaign {self.name}: {n_sites} sites of {', '.join(config.absorbers)}; {targets}>"
        )

    def _repr_html_(self) -> str:
        """HTML for notebooks: what the campaign is, and how good its models are."""
        metrics = self.metrics()
        table = ""
        if len(metrics):
            grouped = metrics[metrics["split"] == "grouped"]
            names = [name for name in _SHOWN if name in grouped]
            shown = grouped[names].rename(columns=lambda name: name.replace("_", " "))
            table = shown.to_html(index=False, float_format="{:.3f}".format, na_rep="")
        return f"<p>{html.escape(repr(self)[1:-1])}</p>{table}"

    def site(self, key: str) -> SiteRecord:
        """All that is known of one site, with the predictions of all versions of models.

        Parameters
        ----------
        key
            Of the site, such as ``"amcsd-18067:Cu:2"``.

        Raises
        ------
        UsageError
            If there is no such site.
        """
        return site_record(self._store, self.name, key)

    def structure(self, key: str) -> "Structure":
        """Return the cell of a site.

        Parameters
        ----------
        key
            Of the site.

        Raises
        ------
        UsageError
            If there is no such site, or its structure is not known.
        """
        site = find_site(self._store, self.name, key)
        doc = self._store.read(StructureDoc, self.name, [site.material_id])[site.material_id]
        if doc.structure is None:
            raise UsageError(f"the structure of {key} is not known: its spectrum was measured")
        return stored_crystal(doc.structure, site.material_id)

    def spectrum(self, key: str, name: str | None = None) -> Spectrum:
        """Return a spectrum of a site: k, chi, energy above E0 and mu as arrays.

        Parameters
        ----------
        key
            Of the site.
        name
            Of the spectrum in the campaign file; by default the first one.

        Raises
        ------
        UsageError
            If there is no such site or spectrum, or it is not computed.
        """
        site = find_site(self._store, self.name, key)
        known = [way.name for way in self.config.spectra]
        if name is not None and name not in known:
            raise UsageError(
                f"campaign {self.name} has no spectrum {name!r}; it has {', '.join(known)}"
            )
        item = item_key(site.site, name or known[0])
        doc = self._store.read(SpectrumDoc, self.name, [item]).get(item)
        if doc is None:
            raise UsageError(
                f"spectrum {name or known[0]} of {key} is not there: `exafscn site {key}` shows "
                "what is, and what failed"
            )
        return spectrum_of(doc)

    def labels(self, target: str | None = None, absorber: str | None = None) -> "pd.DataFrame":
        """Labels that are up to date, one row for each site and target.

        Parameters
        ----------
        target, absorber
            Only these; by default all.

        Returns
        -------
        pandas.DataFrame
            Columns as in :data:`exafscn_flows.store.learning.LABEL_COLUMNS`. `weight` is that which
            CrystalNN gives the label, `spread` the standard deviation of what it is a mean of, and
            `neighbours` the number of them by element.

        Raises
        ------
        UsageError
            If the campaign has no such target or absorber.
        """
        return label_table(self._store, self.config, target, absorber)

    def features(
        self,
        feature_set: str | None = None,
        target: str | None = None,
        absorber: str | None = None,
    ) -> LearningSet:
        """Feature vectors and labels, for models of your own: ``X, y, groups, *_ = ...``.

        Parameters
        ----------
        feature_set, target
            Names from the campaign file; by default its first ones.
        absorber
            Only this one; by default all.

        Returns
        -------
        LearningSet
            Sites that have both, ordered by site key; `groups` are their formulas, which belong on
            one side of a split.

        Raises
        ------
        UsageError
            If the campaign has no such feature set, target or absorber.
        """
        return learning_set(self._store, self.config, feature_set, target, absorber)

    def predictions(
        self,
        *,
        target: str | None = None,
        absorber: str | None = None,
        value: int | float | str | None = None,
        min_value: float | None = None,
        max_value: float | None = None,
        cn: int | None = None,
        label: int | float | str | None = None,
        min_probability: float | None = None,
        max_expected_error: float | None = None,
        min_expected_value: float | None = None,
        max_expected_value: float | None = None,
        max_set_size: int | None = None,
        in_distribution: bool | None = None,
        contains: Iterable[str] = (),
        excludes: Iterable[str] = (),
        neighbours: Iterable[str] = (),
        oxide: bool | None = None,
        formula: str | None = None,
        seen: bool | None = None,
        disagrees: bool | None = None,
        measured: bool | None = None,
        feature_set: str | None = None,
        model: str | None = None,
        version: str | None = None,
        sort: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        columns: Iterable[str] = (),
    ) -> "pd.DataFrame":
        """Out-of-fold predictions that meet conditions.

        Parameters
        ----------
        target
            What is predicted; by default the first target of the campaign file.
        absorber
            Element symbol.
        value
            Predicted class or number.
        min_value, max_value
            Least and largest predicted value, of numbers and of classes that are whole numbers.
        cn
            Short for the target of kind coordination_number and its value, 0 to 999.
        label
            Label of the site.
        min_probability
            Least probability of the predicted class, 0-1.
        max_expected_error
            Largest expected error, in the unit of the target, at least 0.
        min_expected_value, max_expected_value
            Least and largest mean of the classes by their probabilities, of classes that are whole
            numbers; of numbers, of what is predicted.
        max_set_size
            Most classes in the prediction set; 1 finds what is certain at the stated coverage.
        in_distribution
            True for spectra such as the model has learned, False for others.
        contains, excludes
            Elements that the structure must all, or must not, contain; a text is one element.
        neighbours
            Elements that must all be among the neighbours that CrystalNN finds.
        oxide
            True for structures with O, False for those without.
        formula
            Formula, however it is written: ``"ZnFe2O4"``, ``"Zn(FeO2)2"``.
        seen
            True for formulas that a model which comes trained has learned, False for others.
        disagrees
            True for sites where prediction and label differ (of numbers, by more than three times
            the expected error), False for the others with a label.
        measured
            True for measured spectra, False for others.
        feature_set, model
            Names from the campaign file; by default its first ones.
        version
            Version of a model; by default the one that was promoted last.
        sort
            ``"probability"`` (most certain first; default for classes), ``"expected_error"``
            (least first; default for numbers), ``"doubtful"`` (largest expected error first), and
            of numbers ``"value"`` (least first) and ``"largest"``.
        after
            Where the page begins: ``frame.attrs["after"]`` of the page before it.
        limit
            Most rows, at least 1; by default all.
        columns
            Of :data:`exafscn_flows.store.columns.FURTHER`: what other collections hold of each
            site, which takes longer.

        Returns
        -------
        pandas.DataFrame
            Columns as in :data:`exafscn_flows.store.queries.COLUMNS`, and those asked for. With a
            limit, ``attrs["after"]`` is where the next page begins, None if there is none.

        Raises
        ------
        UsageError
            If a value is not of its kind or out of range, or the campaign has no such target,
            absorber, model or column.
        """
        import pandas as pd

        further = check_columns(texts("columns", columns, "the name of a column"))
        query = PredictionQuery(
            campaign=self.name,
            target=target,
            feature_set=feature_set,
            model=model,
            version=version,
            absorber=absorber,
            value=value,
            min_value=min_value,
            max_value=max_value,
            cn=cn,
            label=label,
            min_probability=min_probability,
            max_expected_error=max_expected_error,
            min_expected_value=min_expected_value,
            max_expected_value=max_expected_value,
            max_set_size=max_set_size,
            in_distribution=in_distribution,
            contains=contains,
            excludes=excludes,
            neighbours=neighbours,
            oxide=oxide,
            formula=formula,
            seen=seen,
            disagrees=disagrees,
            measured=measured,
        )
        order = None if sort is None else Order.named(sort)
        following = None
        if limit is None:
            rows = list(find_predictions(self._store, query, order, after=after))
        else:
            page = find_page(self._store, query, order, after=after, limit=limit)
            rows, following = page.rows, page.after
        rows = list(with_columns(self._store, self.name, rows, further))
        frame = pd.DataFrame(rows, columns=list(dict.fromkeys((*COLUMNS, *further))))
        frame.attrs["after"] = following
        return frame

    def metrics(self) -> "pd.DataFrame":
        """Quality of every model in the version that queries use, one row per model and split.

        Returns
        -------
        pandas.DataFrame
            Accuracies and scores of classes are fractions, 0-1; errors of numbers are in the unit
            of the target.
        """
        import pandas as pd

        rows = [
            {
                "target": doc.target,
                "task": doc.task,
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

    def model(
        self,
        absorber: str,
        feature_set: str | None = None,
        model: str | None = None,
        target: str | None = None,
    ) -> FittedModel:
        """Load the model of one absorber, fitted on all its sites, in the version that is current.

        Parameters
        ----------
        absorber
            Element symbol.
        feature_set, model, target
            Names from the campaign file; by default its first ones.

        Raises
        ------
        UsageError
            If there is no such model.
        CampaignError
            If its bytes are not those that were stored.
        """
        config = self.config
        target = target or config.targets[0].name
        if target not in (known := [one.name for one in config.targets]):
            raise UsageError(
                f"campaign {self.name} has no target {target!r}; it has {', '.join(known)}"
            )
        names = default_names(config, feature_set, model, target)
        key = ModelKey(target, absorber, *names)
        promoted = self._store.hashes(PromotionDoc, self.name, [str(key)])
        if str(key) not in promoted:
            raise UsageError(f"campaign {self.name} has no model {key}")
        doc = model_document(self._store, self.name, key.version(promoted[str(key)]))
        return FittedModel(doc, stored_model(self._store, doc))
