"""Collects from the store the predicted curves that the report shows."""

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.report_predictions import VersionPredictions
from exafscn_flows.keys import item_key
from exafscn_flows.report.data import CurveExample
from exafscn_flows.store.documents import FeatureDoc
from exafscn_flows.store.results import MetricsDoc, PredictionDoc, prediction_ids
from exafscn_flows.store.store import Store


def curve_examples(
    store: Store, config: CampaignConfig, metrics: MetricsDoc, predictions: VersionPredictions
) -> tuple[CurveExample, ...]:
    """Read the best, the median and the worst prediction of a model of curves; none of others."""
    (target,) = (one for one in config.targets if one.name == metrics.target)
    if target.vectors_of is None:
        return ()
    keys = [item_key(site, target.vectors_of) for site in predictions.sites]
    labels = store.read(FeatureDoc, config.campaign, keys)
    mean = np.mean([labels[key].vector for key in keys], axis=0)
    # Of equal ones, the first by its key.
    order = np.lexsort((np.array(predictions.sites), predictions.error))
    shown = {"Best": order[0], "Median": order[len(order) // 2], "Worst": order[-1]}
    sites = {name: predictions.sites[place] for name, place in shown.items()}
    query = {
        "_id": prediction_ids(metrics.campaign, metrics.hash),
        "site": {"$in": list(sites.values())},
    }
    docs = {doc.site: doc for doc in store.find(PredictionDoc, query)}
    return tuple(
        CurveExample(
            name,
            site,
            docs[site].formula or "",
            float(predictions.error[shown[name]]),
            np.asarray(docs[site].curve),
            labels[item_key(site, target.vectors_of)].vector,
            mean,
        )
        for name, site in sites.items()
    )
