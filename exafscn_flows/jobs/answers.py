"""What the model that comes with the package says of measured spectra in a campaign.

It is the answer of `exafscn predict`, kept as predictions that queries find. They are a version of
their own for each absorber and target, which has no model or metrics in the database: the spectra
decide its name, so that a changed one has all of them answered again, in milliseconds each.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jobflow import job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure
from exafscn_flows.hashing import content_hash
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.context import watcher
from exafscn_flows.jobs.predictions import of_site
from exafscn_flows.jobs.unlabelled import predict_unlabelled
from exafscn_flows.keys import ModelKey, item_key
from exafscn_flows.prediction import Predictor, general
from exafscn_flows.prediction.answering import looked_at
from exafscn_flows.store.documents import FailureDoc, LabelDoc, SiteDoc, SpectrumDoc
from exafscn_flows.store.results import (
    ANSWERED,
    ANSWERING,
    ANSWERS,
    PredictionDoc,
    PromotionDoc,
)
from exafscn_flows.store.store import Store
from exafscn_flows.store.wanted import wanted_hashes
from exafscn_flows.targets import TargetBase
from exafscn_flows.tasks.classes import expected_errors
from exafscn_flows.tasks.fitted import has_seen
from exafscn_flows.tasks.numbers import is_apart

ALGORITHM_VERSION = 2
"""Raised when the same spectra would get other predictions."""

_BATCH = 500

_MEAN_OF_NORMAL = float(np.sqrt(2 / np.pi))
"""Mean absolute value over standard deviation."""

KINDS = ("coordination_number", "bond_length")
"""Targets that the model knows."""


class _Row(NamedTuple):
    """A measured spectrum that can be answered, with its labels by target."""

    site: SiteDoc
    spectrum: SpectrumDoc
    labels: dict[str, LabelDoc]


@job
def answer_measured(campaign: str, after: Any = None) -> dict[str, int]:
    """Let the model of the package answer for the measured spectra of a campaign.

    And the models of the campaign predict those of them that have no label, which they have not
    learned.

    Parameters
    ----------
    campaign
        Name of the campaign.
    after
        Output of the jobs that must have ended before.

    Returns
    -------
    dict
        Number of spectra answered anew by the model of the package, by absorber.
    """
    store = Store.open()
    config = store.config(campaign)
    model = general()
    targets = [target for target in config.targets if target.kind in KINDS]
    counts: dict[str, int] = {}
    meant: list[PromotionDoc] = []
    for absorber in config.absorbers:
        predict_unlabelled(store, config, absorber)
        digest = _digest(store, config, absorber)
        if digest is None:
            continue
        keys = [ModelKey(target.name, absorber, ANSWERED, ANSWERING) for target in targets]
        if absorber not in model.absorbers:
            store.write([_unknown(campaign, key, model) for key in keys])
            continue
        found = [
            PromotionDoc(
                campaign=campaign,
                hash=ANSWERS
                + content_hash(
                    "answers", ALGORITHM_VERSION, model.name, dict(model.card), digest, target.kind
                ),
                **key._asdict(),
            )
            for target, key in zip(targets, keys, strict=True)
        ]
        meant += found
        known = store.hashes(PromotionDoc, campaign, [str(key) for key in keys])
        new = [doc for doc in found if known.get(doc.key) != doc.hash]
        if new:
            wanted = {target.name: target for target in targets}
            pairs = [(doc, wanted[doc.target]) for doc in new]
            counts[absorber] = _answer(store, config, absorber, model, pairs)
            # Queries mean the new answers as soon as all of them are there.
            store.write(new)
    store.models.drop_answers(campaign, keep=[doc.hash for doc in meant])
    return counts


def _digest(store: Store, config: CampaignConfig, absorber: str) -> str | None:
    """Hash the measured spectra of an absorber, and their labels; None if there are none."""
    found: list[list[str]] = []
    way, targets = _names(config)
    for sites in _measured(store, config, absorber):
        keys = [item_key(site.site, way) for site in sites]
        spectra = store.hashes(SpectrumDoc, config.campaign, keys)
        keys = [item_key(site.site, name) for site in sites for name in targets]
        labels = store.hashes(LabelDoc, config.campaign, keys)
        for site in sites:
            wanted = wanted_hashes(config, site)
            if spectra.get(item_key(site.site, way)) == wanted.spectra[way]:
                own = [
                    hash_
                    for name, hash_ in wanted.labels.items()
                    if labels.get(item_key(site.site, name)) == hash_
                ]
                found.append([site.site, wanted.spectra[way], *own])
    return content_hash(found) if found else None


def _names(config: CampaignConfig) -> tuple[str, list[str]]:
    """Return the name of the stored spectrum, and of the targets that the model knows."""
    (way,) = (way.name for way in config.spectra if way.stored)
    return way, [target.name for target in config.targets if target.kind in KINDS]


def _measured(store: Store, config: CampaignConfig, absorber: str) -> Iterator[list[SiteDoc]]:
    """Yield the sites of an absorber whose spectra were measured, some at a time."""
    for batch in batches(store.active_sites(config.campaign, absorber), _BATCH):
        yield [site for site in batch if site.file is not None]


def _rows(store: Store, config: CampaignConfig, absorber: str) -> Iterator[_Row]:
    """Yield the measured spectra of an absorber that are up to date, ordered by site key."""
    way, targets = _names(config)
    for sites in _measured(store, config, absorber):
        keys = [item_key(site.site, way) for site in sites]
        spectra = store.read(SpectrumDoc, config.campaign, keys)
        keys = [item_key(site.site, name) for site in sites for name in targets]
        labels = store.read(LabelDoc, config.campaign, keys)
        for site in sites:
            wanted = wanted_hashes(config, site)
            spectrum = spectra.get(item_key(site.site, way))
            if spectrum is None or spectrum.hash != wanted.spectra[way]:
                continue
            own = {name: labels.get(item_key(site.site, name)) for name in targets}
            current = {
                name: label
                for name, label in own.items()
                if label is not None and label.hash == wanted.labels.get(name)
            }
            yield _Row(site, spectrum, current)


def _answer(
    store: Store,
    config: CampaignConfig,
    absorber: str,
    model: Predictor,
    wanted: list[tuple[PromotionDoc, TargetBase]],
) -> int:
    """Write the predictions of some targets; returns for how many spectra."""
    count = 0
    for batch in batches(_rows(store, config, absorber), _BATCH):
        watcher().expect("predictions", len(batch))
        store.write(_prediction(row, model, doc, target) for row in batch for doc, target in wanted)
        watcher().advance("predictions", len(batch), 0)
        count += len(batch)
    return count


def _prediction(
    row: _Row, model: Predictor, doc: PromotionDoc, target: TargetBase
) -> PredictionDoc:
    spectrum, absorber = row.spectrum, row.site.absorber
    assert spectrum.kmin is not None
    assert spectrum.kmax is not None
    kmin, kmax, _ = looked_at(model, spectrum.kmin, spectrum.kmax)
    inputs = (spectrum.k, spectrum.chi, kmin, kmax, absorber)
    formula = row.site.formula or spectrum.formula
    seen = formula is not None and bool(has_seen(model, [formula])[0])
    label = row.labels.get(target.name)
    truth = None if label is None else label.value
    found = _class(model, inputs) if target.kind == KINDS[0] else _length(model, inputs)
    if isinstance(truth, int | float) and target.task == "numbers":
        disagrees = is_apart(found["value"], truth, found["expected_error"])
    else:
        disagrees = truth is not None and truth != found["value"]
    return PredictionDoc(
        campaign=doc.campaign,
        hash=doc.hash,
        **doc.model_key._asdict(),
        **found,
        task=target.task,
        label=truth,
        disagrees=disagrees,
        neighbours=[] if label is None else sorted(label.neighbours or ()),
        kmin=kmin,
        kmax=kmax,
        fold=None,
        seen=seen,
        **of_site(row.site),
    )


_Inputs = tuple[np.ndarray, np.ndarray, float, float, str]


def _class(model: Predictor, inputs: _Inputs) -> dict[str, Any]:
    probabilities = model.probabilities(*inputs)
    best = int(np.argmax(probabilities))
    values = np.array(model.classes)
    (error,) = expected_errors(probabilities[None], values, values[[best]])
    names = map(str, model.classes)
    return {
        "value": model.classes[best],
        "probability": float(probabilities[best]),
        "probabilities": dict(zip(names, probabilities.tolist(), strict=True)),
        "expected_value": float(probabilities @ values),
        "expected_error": float(error),
        "prediction_set": list(model.prediction_set(probabilities, inputs[-1])),
    }


def _length(model: Predictor, inputs: _Inputs) -> dict[str, Any]:
    found = model.bond_length(*inputs)
    assert found is not None
    value, deviation = found
    return {
        "value": value,
        "probability": None,
        "probabilities": None,
        "expected_value": value,
        "expected_error": _MEAN_OF_NORMAL * deviation,
        "prediction_set": None,
    }


def _unknown(campaign: str, key: ModelKey, model: Predictor) -> FailureDoc:
    failure = ItemFailure(
        "unknown_absorber",
        f"model {model.name} does not know {key.absorber} as absorber, and answers for no measured "
        "spectrum of it",
        f"it knows {', '.join(model.absorbers)}",
    )
    return FailureDoc(
        campaign=campaign,
        hash=content_hash("answers", ALGORITHM_VERSION, dict(model.card)),
        stage="models",
        item=str(key),
        absorber=key.absorber,
        kind=failure.kind,
        message=failure.message,
        hint=failure.hint,
    )
