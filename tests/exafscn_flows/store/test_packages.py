"""Campaigns with what packages add, where these are not installed."""

import pytest

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import CampaignError
from exafscn_flows.store.store import Store


def test_a_kind_of_a_package_that_is_missing_asks_for_the_package(store: Store) -> None:
    config = CampaignConfig.model_validate(
        {"campaign": "x", "absorbers": ["Cu"], "sources": [{"kind": "amcsd"}]}
    )
    store.save_config(config, None)
    store.database.campaigns.update_one({}, {"$set": {"config.sources.0.kind": "json_lines"}})
    with pytest.raises(CampaignError) as error:
        Store(store.database).config("x")
    assert str(error.value) == (
        "campaign x has sources.0 of kind 'json_lines', which nothing that is installed here adds: "
        "install its package"
    )
