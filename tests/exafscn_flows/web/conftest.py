import uuid
from collections.abc import Iterator

import pytest
from predictions import ABSORBERS, CN, config, made_predictions, metrics_of, of_target, promotions
from web_client import Client, clients

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.store.results import PredictionDoc
from exafscn_flows.store.store import Store


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    yield from clients()


@pytest.fixture(scope="package")
def screened(server_uri: str) -> Iterator[Store]:
    """Predictions of three targets, as the page finds them; not to be changed."""
    uri = f"{server_uri.rpartition('/')[0]}/test-{uuid.uuid4().hex[:12]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXAFSCN_MONGODB_URI", uri)
        store = Store.open()
        store.prepare()
        store.save_config(
            CampaignConfig.model_validate(
                {
                    "campaign": "test",
                    "absorbers": ABSORBERS,
                    "sources": [{"kind": "amcsd"}],
                    "targets": [CN, "environment", "bond_length"],
                }
            )
        )
        docs = list(made_predictions(600))
        for target in (CN, "environment", "bond_length"):
            of_this = docs if target == CN else list(of_target(target, docs))
            store.write(promotions(target))
            store.write(of_this)
            store.write(metrics_of(of_this))
        yield store
        store.database.client.drop_database(store.database.name)


@pytest.fixture
def two_campaigns(screened: Store) -> Iterator[list[PredictionDoc]]:
    """A second campaign with other predictions, and a third that learns something else."""
    other, lengths = (config(name) for name in ("other", "lengths"))
    own = {"campaign": "other"}
    screened.save_config(other)
    screened.write(doc.model_copy(update=own) for doc in promotions(CN))
    docs = [doc.model_copy(update=own) for doc in made_predictions(200, seed=5)]
    screened.write(docs)
    settings = lengths.model_dump(mode="json") | {"targets": [{"kind": "bond_length"}]}
    settings["models"] = [{"kind": "random_forest"}]
    screened.save_config(CampaignConfig.model_validate(settings))
    yield docs
    for name in ("other", "lengths"):
        for collection in ("campaigns", "predictions", "promotions"):
            key = "_id" if collection == "campaigns" else "campaign"
            screened.database[collection].delete_many({key: name})
