"""The campaigns of a database: which there are, and how one is deleted."""

from dataclasses import dataclass
from datetime import datetime

from exafscn_flows.store.base import keys_of
from exafscn_flows.store.checkpoints import CHECKPOINTS
from exafscn_flows.store.connection import translate_errors
from exafscn_flows.store.documents import DOCUMENTS, CampaignDoc, SiteDoc, SpectrumDoc
from exafscn_flows.store.models import MODEL_FILES
from exafscn_flows.store.results import PredictionDoc
from exafscn_flows.store.store import Store


@dataclass(frozen=True)
class Overview:
    """One campaign in a few words.

    Attributes
    ----------
    absorbers
        Element symbols.
    targets
        Names of what is learned.
    n_sites
        Sites that the campaign file selects.
    n_spectra, n_predictions
        Documents of all versions.
    run_at
        Time of the last run, UTC.
    file
        Full path of the campaign file; None if there was none.
    """

    campaign: str
    absorbers: list[str]
    targets: list[str]
    n_sites: int
    n_spectra: int
    n_predictions: int
    run_at: datetime
    file: str | None


def overviews(store: Store) -> list[Overview]:
    """List the campaigns of a database, that which was run last first."""
    fields = ["config.absorbers", "config.targets", "run_at", "file"]
    query = {"config": {"$exists": True}}
    found = []
    for raw in store.project(CampaignDoc, query, fields, sort=[("run_at", -1), ("_id", 1)]):
        name, config = raw["_id"], raw["config"]
        of_campaign = {"campaign": name}
        found.append(
            Overview(
                campaign=name,
                absorbers=list(config.get("absorbers", [])),
                targets=[one["name"] for one in config.get("targets", []) if "name" in one],
                n_sites=store.count(SiteDoc, of_campaign | {"active": True}),
                n_spectra=store.count(SpectrumDoc, of_campaign),
                n_predictions=store.count(PredictionDoc, of_campaign),
                run_at=raw["run_at"],
                file=raw.get("file"),
            )
        )
    return found


@translate_errors()
def drop_campaign(store: Store, campaign: str) -> int:
    """Delete a campaign with all that was computed for it; nobody may be running it.

    What other campaigns have found here, they hold themselves. The document of the campaign goes
    last: if this is killed, the campaign is still there to be deleted.

    Returns
    -------
    int
        Number of documents that were deleted.

    Raises
    ------
    UsageError
        If there is no such campaign.
    """
    store.campaign(campaign)
    database, count = store.database, 0
    for kind in DOCUMENTS:
        count += database[kind.collection].delete_many({"campaign": campaign}).deleted_count
    for bucket in (MODEL_FILES, CHECKPOINTS):
        database[f"{bucket}.files"].delete_many({"_id": keys_of(campaign)})
        database[f"{bucket}.chunks"].delete_many({"files_id": keys_of(campaign)})
    return count + database.campaigns.delete_one({"_id": campaign}).deleted_count
