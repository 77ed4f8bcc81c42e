"""How sure the labels are: numbers of the report, by element and for all together."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from exafscn_flows.evaluation.label_study import Agreement, CertaintyBin
from exafscn_flows.report.study_data import LabelReport


def label_study(labels: Sequence[LabelReport]) -> dict[str, Any] | None:
    """Set rivals of the labels of one target and their certainty side by side.

    Returns
    -------
    dict or None
        ``absorbers``: by element, the model whose predictions are counted, ``agreements`` by
        method and ``certainty`` by bin. ``all``: the same over the sites of all elements.
        ``methods``: names of the rivals. None without labels.
    """
    if not labels:
        return None
    agreements = [one for report in labels for one in report.agreements]
    methods = list(dict.fromkeys(one.method for one in agreements))
    pooled = [_pooled([a for a in agreements if a.method == method]) for method in methods]
    bins = zip(*(report.certainty for report in labels), strict=True)
    return {
        "methods": methods,
        "absorbers": {
            report.absorber: {
                "feature_set": report.feature_set,
                "model": report.model,
                "agreements": {one.method: asdict(one) for one in report.agreements},
                "certainty": [asdict(one) for one in report.certainty],
            }
            for report in labels
        },
        "all": {
            "agreements": {one.method: asdict(one) for one in pooled},
            "certainty": [asdict(_merged(column)) for column in bins],
        },
    }


def _pooled(found: Sequence[Agreement]) -> Agreement:
    n_sites = sum(one.n_sites for one in found)
    return Agreement(
        method=found[0].method,
        n_sites=n_sites,
        agree=sum(one.n_sites * one.agree for one in found) / n_sites,
        mean_difference=sum(one.n_sites * one.mean_difference for one in found) / n_sites,
    )


def _merged(column: Sequence[CertaintyBin]) -> CertaintyBin:
    n_sites = sum(one.n_sites for one in column)
    right = sum(one.n_sites * one.accuracy for one in column if one.accuracy is not None)
    return CertaintyBin(
        low=column[0].low,
        high=column[0].high,
        n_sites=n_sites,
        accuracy=right / n_sites if n_sites else None,
    )
