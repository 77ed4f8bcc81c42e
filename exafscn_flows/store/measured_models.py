"""Models of a campaign, made ready to answer for measured spectra."""

from collections.abc import Mapping

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.keys import ModelKey
from exafscn_flows.prediction.campaign_model import CampaignModel, CampaignModels
from exafscn_flows.registry import kind_of
from exafscn_flows.store.asked import default_names
from exafscn_flows.store.named_models import features_of, named_document
from exafscn_flows.store.results import ModelDoc, PromotionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.store.versions import model_document, stored_model
from exafscn_flows.targets import TARGETS


def named_model(
    store: Store, name: str, composition: Mapping[str, float] | None = None
) -> CampaignModels:
    """Load a model by its name.

    Parameters
    ----------
    name
        campaign/target/absorber/features/model, as `exafscn models list` names them; the version
        that queries use, or the one whose hash stands behind another slash.
    composition
        As of `CampaignModels`.

    Raises
    ------
    UsageError
        If there is no such model, or it cannot answer for measured spectra.
    CampaignError
        If the model is not whole, or of another version of exafscn.
    """
    doc = named_document(store, name)
    return CampaignModels({doc.absorber: _model(store, doc)}, composition)


def meant_versions(store: Store, campaign: str) -> dict[str, str]:
    """Return the keys of the models of a campaign that queries use, with version, by absorber.

    They are of its first target, on the first feature set and of the first model of its file.

    Raises
    ------
    UsageError
        If there is no such campaign, or no such model.
    """
    config = store.config(campaign)
    target = config.targets[0].name
    names = default_names(config, target=target)
    keys = {absorber: ModelKey(target, absorber, *names) for absorber in config.absorbers}
    promoted = store.hashes(PromotionDoc, campaign, [str(key) for key in keys.values()])
    found = {
        absorber: key.version(promoted[str(key)])
        for absorber, key in keys.items()
        if str(key) in promoted
    }
    if not found:
        raise UsageError(
            f"campaign {campaign} has no model of {target} that is trained: run it first"
        )
    return found


def campaign_models(
    store: Store, campaign: str, composition: Mapping[str, float] | None = None
) -> CampaignModels:
    """Load the models of `meant_versions`.

    Parameters and errors are those of `named_model`.
    """
    models = {
        absorber: _model(store, model_document(store, campaign, key))
        for absorber, key in meant_versions(store, campaign).items()
    }
    return CampaignModels(models, composition)


def _model(store: Store, doc: ModelDoc) -> CampaignModel:
    fset, settings = features_of(doc)
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
