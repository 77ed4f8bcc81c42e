"""Reading and writing documents: the one way between exafscn and MongoDB.

Every document is written under a deterministic ``_id``, so that writing something twice, after a
kill or from two processes, leaves one document.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import ValidationError
from pymongo import ReplaceOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import LEFT_OUT, CampaignError, UsageError
from exafscn_flows.hashing import content_hash
from exafscn_flows.iteration import batches
from exafscn_flows.settings import Settings
from exafscn_flows.store.base import Document
from exafscn_flows.store.checkpoints import CheckpointStore
from exafscn_flows.store.connection import connect, translate_errors
from exafscn_flows.store.documents import CampaignDoc, FailureDoc, SiteDoc, SpectrumDoc
from exafscn_flows.store.indexes import ensure_indexes
from exafscn_flows.store.models import ModelStore
from exafscn_flows.store.schema import check_schema, write_schema

_WRITERS = 3
"""Batches that are on their way to the server at once."""

_DUPLICATE_KEY = 11000

COMPUTED = {"computed": True}
"""Spectra that cost time, unlike those that sources bring."""

D = TypeVar("D", bound=Document)
RawDatabase = Database[dict[str, Any]]

_BATCH = 1000
"""Documents that are read or written at once; left alone, a cursor takes 16 MB at a time."""


class Store:
    """Documents of all campaigns in one MongoDB database.

    Parameters
    ----------
    database
        As :func:`exafscn_flows.store.connection.connect` returns it.
    """

    def __init__(self, database: RawDatabase) -> None:
        self.database = database
        self.models = ModelStore(database)
        self.checkpoints = CheckpointStore(database)
        self._configs: dict[str, CampaignConfig] = {}  # by hash, which tells all of them apart

    @classmethod
    def open(cls, settings: Settings | None = None) -> Self:
        """Connect to the database of the settings; cheap after the first call in a process.

        Raises
        ------
        UsageError
            If the database is one of another version, or as `connect` says.
        CampaignError
            As `connect` says.
        """
        database = connect(settings)
        check_schema(database)
        return cls(database)

    @translate_errors()
    def prepare(self) -> None:
        """Make the database ready to be written: its schema, and missing indexes."""
        write_schema(self.database)
        ensure_indexes(self.database)

    # -- campaigns ---------------------------------------------------------------------------

    @translate_errors()
    def save_config(self, config: CampaignConfig, file: Path | None = None) -> None:
        """Store the settings of a campaign; its plan stays, for the planner to judge.

        Parameters
        ----------
        file
            Full path of the file that they are from.
        """
        settings = config.model_dump(mode="json")
        doc = CampaignDoc(
            campaign=config.campaign,
            hash=content_hash("config", settings),
            config=settings,
            file=None if file is None else str(file),
        )
        fields = {name: {"$literal": value} for name, value in doc.model_dump().items()}
        for name in ("created_at", "plan_hash", "filtered"):
            fields[name] = {"$ifNull": [f"${name}", fields[name]["$literal"]]}
        self.database.campaigns.update_one(
            {"_id": config.campaign}, [{"$set": fields}], upsert=True
        )

    @translate_errors()
    def campaign(self, name: str) -> CampaignDoc:
        """Read one campaign.

        Raises
        ------
        UsageError
            If there is none of that name; says which there are.
        """
        # No operator, if a caller in Python gives one.
        raw = self.database.campaigns.find_one({"_id": {"$eq": name}}, {"lock": 0})
        if raw is None or "config" not in raw:
            known = ", ".join(self.campaign_names()) or "none yet"
            raise UsageError(f"no campaign {name!r} in this database (there are: {known})")
        return _validated(CampaignDoc, raw)

    def config(self, name: str) -> CampaignConfig:
        """Read the settings of one campaign.

        Raises
        ------
        UsageError
            If there is none of that name.
        CampaignError
            If its settings are not such as this version writes.
        """
        doc = self.campaign(name)
        if doc.hash in self._configs:
            return self._configs[doc.hash]
        try:
            return self._configs.setdefault(doc.hash, CampaignConfig.model_validate(doc.config))
        except ValidationError as error:
            problem = error.errors()[0]
            key = ".".join(str(part) for part in problem["loc"])
            if problem["type"] == "union_tag_invalid":
                raise CampaignError(
                    f"campaign {name} has {key} of kind {problem['ctx']['tag']!r}, which nothing "
                    "that is installed here adds: install its package"
                ) from error
            raise CampaignError(
                f"campaign {name} was stored by another version of exafscn, whose setting {key} "
                "this one does not know: run its campaign file again"
            ) from error

    @translate_errors()
    def campaign_names(self) -> list[str]:
        """Names of all campaigns, alphabetically."""
        found = self.database.campaigns.find({"config": {"$exists": True}}, {"_id": 1})
        return sorted(raw["_id"] for raw in found)

    @translate_errors()
    def latest_campaign(self) -> str:
        """Name of the campaign that was run last.

        Raises
        ------
        UsageError
            If there is no campaign yet.
        """
        query = {"config": {"$exists": True}}
        raw = self.database.campaigns.find_one(query, {"_id": 1}, sort=[("run_at", -1)])
        if raw is None:
            raise UsageError(
                "no campaign in this database yet: begin with `exafscn run CAMPAIGN.yaml`"
            )
        return str(raw["_id"])

    @translate_errors()
    def has_workflow(self, campaign: str) -> bool:
        """Whether FireWorks has, or had, a workflow of a campaign in this database."""
        query = {"metadata.campaign": {"$eq": campaign}}
        return self.database.workflows.find_one(query, {"_id": 1}) is not None

    @translate_errors()
    def set_plan(self, campaign: str, plan_hash: str | None, filtered: int = 0) -> None:
        """Record for which settings and sources the active sites were chosen.

        Parameters
        ----------
        filtered
            Structures that the filters left out.
        """
        fields = {"plan_hash": plan_hash, "filtered": filtered}
        self.database.campaigns.update_one({"_id": campaign}, {"$set": fields})

    # -- documents ---------------------------------------------------------------------------

    @translate_errors()
    def write(self, docs: Iterable[Document]) -> None:
        """Insert or replace documents of any collections; returns when they are journaled.

        The keys should differ: of documents with the same one, any may stay.
        """
        # While the server is at some documents, others are made and sent.
        sent: deque[Future[None]] = deque()
        with ThreadPoolExecutor(_WRITERS) as writers:
            for batch in batches(docs, _BATCH):
                by_collection: dict[str, dict[str, dict[str, Any]]] = {}
                for doc in batch:
                    raw = doc.to_mongo()
                    by_collection.setdefault(doc.collection, {})[raw["_id"]] = raw
                if len(sent) == _WRITERS:
                    sent.popleft().result()
                sent.append(writers.submit(self._put, by_collection))
            for future in sent:
                future.result()

    def _put(self, by_collection: dict[str, dict[str, dict[str, Any]]]) -> None:
        for collection, by_key in by_collection.items():
            raws = list(by_key.values())
            # The server inserts many documents at once, but replaces them one by one.
            try:
                self.database[collection].insert_many(raws, ordered=False)
            except BulkWriteError as error:
                present = [raws[index] for index in _indexes_present(error)]
                self.database[collection].bulk_write(
                    [ReplaceOne({"_id": raw["_id"]}, raw, upsert=True) for raw in present],
                    ordered=False,
                )

    @translate_errors()
    def drop_failures(self, ids: Iterable[str]) -> None:
        """Delete failure documents that are out of date."""
        for batch in batches(ids, _BATCH):
            self.database.failures.delete_many({"_id": {"$in": batch}})

    @translate_errors()
    def drop_listing(self, campaign: str, listing_hash: str, absorber: str) -> None:
        """Delete the pages of a listing that is out of date."""
        query = {"campaign": campaign, "hash": listing_hash, "absorber": absorber}
        self.database.listings.delete_many(query)

    @translate_errors()
    def forget_failures(self, campaign: str) -> None:
        """Delete all failure documents of a campaign, so that its next run tries them again."""
        # Without a plan the sources are read again, as far as they are not in the store.
        self.set_plan(campaign, None)
        self.database.failures.delete_many({"campaign": campaign})

    @translate_errors()
    def read(self, kind: type[D], campaign: str, keys: Iterable[str]) -> dict[str, D]:
        """Read documents by key; those that are not there are left out."""
        found: dict[str, D] = {}
        for batch in batches(keys, _BATCH):
            ids = [f"{campaign}/{key}" for key in batch]
            for raw in self.database[kind.collection].find({"_id": {"$in": ids}}):
                doc = _validated(kind, raw)
                found[doc.key] = doc
        return found

    @translate_errors()
    def hashes(self, kind: type[Document], campaign: str, keys: Iterable[str]) -> dict[str, str]:
        """Read only the hashes of documents, by key."""
        found: dict[str, str] = {}
        for batch in batches(keys, _BATCH):
            ids = [f"{campaign}/{key}" for key in batch]
            cursor = self.database[kind.collection].find({"_id": {"$in": ids}}, {"hash": 1})
            found.update((raw["_id"].split("/", 1)[1], raw["hash"]) for raw in cursor)
        return found

    def find(
        self,
        kind: type[D],
        query: Mapping[str, Any],
        *,
        sort: list[tuple[str, int]] | None = None,
        limit: int = 0,
    ) -> Iterator[D]:
        """Stream validated documents of one collection."""
        with translate_errors():
            cursor = self.database[kind.collection].find(dict(query), limit=limit, sort=sort)
            for raw in cursor.batch_size(_BATCH):
                yield _validated(kind, raw)

    def project(
        self,
        kind: type[Document],
        query: Mapping[str, Any],
        fields: Iterable[str],
        *,
        sort: list[tuple[str, int]] | None = None,
        limit: int = 0,
    ) -> Iterator[dict[str, Any]]:
        """Stream some fields of documents as they are stored, by default ordered by ``_id``."""
        with translate_errors():
            cursor = self.database[kind.collection].find(
                dict(query), dict.fromkeys(fields, 1), sort=sort or [("_id", 1)], limit=limit
            )
            yield from cursor.batch_size(_BATCH)

    @translate_errors()
    def count(self, kind: type[Document], query: Mapping[str, Any], *, limit: int = 0) -> int:
        """Count documents, no further than a limit if it is not 0."""
        options: dict[str, Any] = {"limit": limit} if limit else {}
        return self.database[kind.collection].count_documents(dict(query), **options)

    @translate_errors()
    def distinct(self, kind: type[Document], field: str, query: Mapping[str, Any]) -> list[Any]:
        """Distinct values of a field, sorted."""
        return sorted(self.database[kind.collection].distinct(field, dict(query)))

    @translate_errors()
    def aggregate(
        self, kind: type[Document], pipeline: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Run an aggregation with a small result."""
        return list(self.database[kind.collection].aggregate(pipeline))

    @translate_errors()
    def known_spectra(self, hashes: Iterable[str]) -> set[str]:
        """Tell which spectra `computed` would read."""
        return {
            hash_
            for batch in batches(hashes, _BATCH)
            for hash_ in self.database[SpectrumDoc.collection].distinct(
                "hash", {"hash": {"$in": batch}, **COMPUTED}
            )
        }

    @translate_errors()
    def computed(self, hashes: Iterable[str]) -> dict[str, SpectrumDoc]:
        """Read computed spectra by their content, whichever campaign had them computed.

        Returns
        -------
        dict of str to SpectrumDoc
            One of each hash; hashes of which there is none are left out.
        """
        found: dict[str, SpectrumDoc] = {}
        spectra = self.database[SpectrumDoc.collection]
        for batch in batches(hashes, _BATCH):
            # Several campaigns may have one: their vectors stay on the server.
            wanted = {"hash": {"$in": batch}, **COMPUTED}
            ids = {raw["hash"]: raw["_id"] for raw in spectra.find(wanted, {"hash": 1})}
            for raw in spectra.find({"_id": {"$in": [*ids.values()]}}):
                found[raw["hash"]] = _validated(SpectrumDoc, raw)
        return found

    # -- sites -------------------------------------------------------------------------------

    def active_sites(
        self,
        campaign: str,
        absorber: str | None = None,
        first: str | None = None,
        last: str | None = None,
    ) -> Iterator[SiteDoc]:
        """Stream the sites that the campaign selects, ordered by key.

        Parameters
        ----------
        absorber
            Only this one.
        first, last
            Only keys in this closed range.
        """
        query: dict[str, Any] = {"campaign": campaign, "active": True}
        if absorber is not None:
            query["absorber"] = absorber
        if first is not None and last is not None:
            query["site"] = {"$gte": first, "$lte": last}
        return self.find(SiteDoc, query, sort=[("site", 1)])

    @translate_errors()
    def put_aside(self, campaign: str, sites: Iterable[str]) -> None:
        """Deselect sites; their results are kept."""
        for batch in batches(sites, _BATCH):
            ids = [f"{campaign}/{site}" for site in batch]
            self.database.sites.update_many({"_id": {"$in": ids}}, {"$set": {"active": False}})

    @translate_errors()
    def failures_left_out(self, campaign: str) -> list[dict[str, Any]]:
        """Count what is recorded like a failure and is left out, by stage, absorber and kind."""
        key = {name: f"${name}" for name in ("stage", "absorber", "kind")}
        found = self.aggregate(
            FailureDoc,
            [
                {"$match": {"campaign": campaign, "kind": {"$in": [*LEFT_OUT]}}},
                {"$group": {"_id": key, "count": {"$sum": 1}}},
                {"$sort": {"_id": 1}},
            ],
        )
        return [{**raw["_id"], "count": raw["count"]} for raw in found]


def _indexes_present(error: BulkWriteError) -> list[int]:
    """Which of the documents to insert are there already; raises what else went wrong."""
    details = error.details
    failed = details["writeErrors"]
    others = [one for one in failed if one["code"] != _DUPLICATE_KEY]
    if others or details["writeConcernErrors"]:
        raise BulkWriteError({**details, "writeErrors": others}) from error
    return [one["index"] for one in failed]


def _validated(kind: type[D], raw: dict[str, Any]) -> D:
    try:
        return kind.from_mongo(raw)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise CampaignError(
            f"{raw.get('_id')} in {kind.collection} was stored by another version of exafscn "
            f"({field}): run its campaign file again"
        ) from error
