"""The JSON schema of the campaign file, by which editors complete and check it."""

from copy import deepcopy
from typing import Any

from pydantic import TypeAdapter, ValidationError

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.features import FeatureSettings
from exafscn_flows.strict import StrictModel

_TEXT = "Cu"
"""What every list of texts takes, such as absorbers."""

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def campaign_schema() -> dict[str, Any]:
    """Return the schema, with the kinds that installed packages add.

    It knows keys, kinds, types and limits. Whether models, feature sets and targets go together,
    and whether elements and files are there, only `load_campaign_file` finds out.
    """
    schema = CampaignConfig.model_json_schema()
    schema |= {"$schema": _DRAFT, "title": "Campaign of exafscn"}
    found = {"CampaignConfig": schema, **schema["$defs"]}
    models: dict[str, type[StrictModel]] = {
        "CampaignConfig": CampaignConfig,
        "FeatureSettings": FeatureSettings,
    }
    for name, model in models.items():
        for key, field in found[name]["properties"].items():
            _allow_short_forms(model, key, field)
    return schema


def _allow_short_forms(model: type[StrictModel], key: str, field: dict[str, Any]) -> None:
    """Let the schema of a list take what the model takes in its place: one item, or a kind alone.

    The schema that pydantic makes does not show what is rewritten before it is validated.
    """
    items = field.get("items")
    if field.get("type") != "array" or items is None:
        return
    kinds = sorted(items.get("discriminator", {}).get("mapping", {}))
    info = model.model_fields[key]
    adapter: TypeAdapter[Any] = TypeAdapter(info.rebuild_annotation())

    def takes(value: Any) -> bool:
        try:
            adapter.validate_python(value)
        except ValidationError:
            return False
        return True

    # Some kinds need keys: one that needs none shows whether the form is known.
    alone = [kind for kind in kinds if takes([{"kind": kind}])]
    if any(takes([kind]) for kind in alone):
        field["items"] = items = {"anyOf": [{"enum": alone}, deepcopy(items)]}
    if any(takes({"kind": kind}) for kind in alone) or (not kinds and takes(_TEXT)):
        rest = {name: field[name] for name in ("description", "default", "title") if name in field}
        array = {name: field[name] for name in field if name not in rest}
        field.clear()
        field |= rest | {"anyOf": [array, deepcopy(items)]}
