"""Models of campaigns by their names, and the features that they take."""

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from exafscn_flows.config.ways import SpectraSettings
from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.features import AutobkSettings, FeatureSet, LarchSettings, XftfSettings
from exafscn_flows.features.base import FeatureSetModel, vectors_hash
from exafscn_flows.keys import ModelKey
from exafscn_flows.store.results import ModelDoc, PromotionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.store.versions import find_version, model_document

_NAME = "CAMPAIGN/TARGET/ABSORBER/FEATURES/MODEL"


def named_document(store: Store, name: str) -> ModelDoc:
    """Return the document of a model by its name.

    Parameters
    ----------
    name
        campaign/target/absorber/features/model, as `exafscn models list` names them; the version
        that queries mean, or the one whose hash stands behind another slash.

    Raises
    ------
    UsageError
        If there is no such model.
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
    return model_document(store, campaign, key.version(version))


def features_of(doc: ModelDoc) -> tuple[FeatureSetModel, LarchSettings]:
    """Return the features of a model.

    Raises
    ------
    CampaignError
        If this version of exafscn makes them otherwise than that of the model did.
    """
    return _features(doc, "set", doc.takes)


def learned_features_of(doc: ModelDoc) -> tuple[FeatureSetModel, LarchSettings]:
    """Return the feature set whose curve a model predicts; as `features_of`."""
    return _features(doc, "learned", doc.predicts)


def _features(
    doc: ModelDoc, which: str, hash_: str | None
) -> tuple[FeatureSetModel, LarchSettings]:
    try:
        fset: FeatureSetModel = _validated(FeatureSet, doc.features[which])
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
    if made != hash_:
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
