"""Models of a campaign, made ready to answer for measured spectra."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.features import AutobkSettings, FeatureSet, LarchSettings, XftfSettings
from exafscn_flows.features.base import FeatureSetModel, vectors_hash
from exafscn_flows.keys import ModelKey
from exafscn_flows.prediction.campaign_model import CampaignModel, CampaignModels
from exafscn_flows.registry import kind_of
from exafscn_flows.spectra import SpectraSettings
from exafscn_flows.store.asked import default_names
from exafscn_flows.store.results import ModelDoc, PromotionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.store.versions import find_version, model_document, stored_model
from exafscn_flows.targets import TARGETS

_NAME = "CAMPAIGN/TARGET/ABSORBER/FEATURES/MODEL"


def named_model(
    store: Store, name: str, composition: Mapping[str, float] | None = None
) -> CampaignModels:
    """Load a model by its name.

    Parameters
    ----------
    name
        campaign/target/absorber/features/model, as `exafscn models list` names them; the version
        that queries mean, or the one whose hash stands behind another slash.
    composition
        As of `CampaignModels`.

    Raises
    ------
    UsageError
        If there is no such model, or it cannot answer for measured spectra.
    CampaignError
        If the model is not whole, or of another version of exafscn.
    """
    campaign, *names = name.split("/")
    if len(names) not in (4, 5):
        raise UsageError(f"model {name!r}: a name is {_NAME}, perhaps with /VERSION behind")
    store.config(campaign)
    key = ModelKey(*names[:4])
    if len(names) == 5:
        version = names[4]
        if find_version(store, campaign, version).model_key != key:
            raise UsageError(f"version {version} of campaign {campaign} is not one of {key}")
    else:
        promoted = store.hashes(PromotionDoc, campaign, [str(key)])
        if str(key) not in promoted:
            raise UsageError(
                f"campaign {campaign} has no model {key}: `exafscn models list {campaign}` shows "
                "those there are"
            )
        version = promoted[str(key)]
    model = _model(store, model_document(store, campaign, key.version(version)))
    return CampaignModels({key.absorber: model}, composition)


def campaign_models(
    store: Store, campaign: str, composition: Mapping[str, float] | None = None
) -> CampaignModels:
    """Load the models of a campaign that queries mean, for each absorber one.

    They are of its first target, on the first feature set and of the first model of its file.

    Parameters and errors are those of `named_model`.
    """
    config = store.config(campaign)
    target = config.targets[0].name
    names = default_names(config, target=target)
    keys = {absorber: ModelKey(target, absorber, *names) for absorber in config.absorbers}
    promoted = store.hashes(PromotionDoc, campaign, [str(key) for key in keys.values()])
    models = {
        absorber: _model(store, model_document(store, campaign, key.version(promoted[str(key)])))
        for absorber, key in keys.items()
        if str(key) in promoted
    }
    if not models:
        raise UsageError(
            f"campaign {campaign} has no model of {target} that is trained: run it first"
        )
    return CampaignModels(models, composition)


def _model(store: Store, doc: ModelDoc) -> CampaignModel:
    fset, settings = _features(doc)
    kinds = {kind_of(one): one for one in TARGETS}
    target = kinds.get(doc.learned["kind"])
    if target is None:
        raise CampaignError(
            f"model {doc.key} predicts {doc.learned['kind']}, which there is not: install what "
            "adds it"
        )
    return CampaignModel(
        name=f"{doc.campaign}/{doc.model_key}",
        version=doc.hash,
        target=doc.target,
        title=target.title,
        short=target.short,
        unit=doc.unit,
        task=doc.task,
        classes=tuple(doc.classes),
        fset=fset,
        settings=settings,
        absorber=doc.absorber,
        absorbers=tuple(doc.absorbers),
        fitted=stored_model(store, doc),
        doubt=doc.doubt,
    )


def _features(doc: ModelDoc) -> tuple[FeatureSetModel, LarchSettings]:
    """Return the features of a model, if this version of exafscn makes them as that of it did."""
    try:
        fset: FeatureSetModel = _validated(FeatureSet, doc.features["set"])
        settings = LarchSettings(
            autobk=_validated(AutobkSettings, doc.features["autobk"]),
            xftf=_validated(XftfSettings, doc.features["xftf"]),
        )
        ways = {
            name: _validated(SpectraSettings, way) for name, way in doc.features["spectra"].items()
        }
        made = vectors_hash(fset, settings, [ways[one or ""].parameters() for one in fset.spectra])
    except (KeyError, ValidationError) as error:
        raise _other_version(doc) from error
    if made != doc.takes:
        raise _other_version(doc)
    return fset, settings


def _validated(kind: Any, value: Any) -> Any:
    # From JSON, since lists stand for tuples in the database.
    return TypeAdapter(kind).validate_json(json.dumps(value))


def _other_version(doc: ModelDoc) -> CampaignError:
    return CampaignError(
        f"model {doc.campaign}/{doc.key} takes features as another version of exafscn made them: "
        "run the campaign again"
    )
