"""Fitted models: their files in GridFS, and what goes when they are out of date."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from gridfs import GridFSBucket, NoFile
from gridfs.errors import CorruptGridFile
from pymongo.database import Database

from exafscn_flows.errors import CampaignError
from exafscn_flows.iteration import batches
from exafscn_flows.keys import ALL, ModelKey
from exafscn_flows.store.base import keys_of
from exafscn_flows.store.connection import translate_errors
from exafscn_flows.store.results import ANSWERING, ANSWERS, prediction_ids

MODEL_FILES = "model_files"

_BATCH = 1000
"""Versions that are named at once; no command may have more than 16 MB."""


class ModelStore:
    """Models of all campaigns in one MongoDB database.

    Parameters
    ----------
    database
        As :func:`exafscn_flows.store.connection.connect` returns it.
    """

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._database = database
        self._files = GridFSBucket(database, bucket_name=MODEL_FILES)

    @translate_errors()
    def write_file(self, campaign: str, file_id: str, data: bytes, sha256: str) -> None:
        """Keep the bytes of a model in GridFS, replacing what a killed writer left.

        Versions that differ in their evaluation alone may share a file.
        """
        # GridFS writes this document last.
        complete = {"_id": file_id, "metadata.sha256": sha256}
        if self._database[f"{MODEL_FILES}.files"].find_one(complete):
            return
        self._delete_files([file_id])
        self._files.upload_from_stream_with_id(
            file_id, file_id, data, metadata={"campaign": campaign, "sha256": sha256}
        )

    @translate_errors()
    def read_file(self, file_id: str) -> bytes:
        """Read the bytes of a model.

        Raises
        ------
        CampaignError
            If the file is not there, or not whole.
        """
        try:
            return self._files.open_download_stream(file_id).read()
        except NoFile:
            raise CampaignError(f"model file {file_id} is missing: run the campaign") from None
        except (CorruptGridFile, TypeError, ValueError) as error:
            raise CampaignError(f"model file {file_id} is damaged: fit it again") from error

    def _delete_files(self, file_ids: Iterable[str]) -> None:
        """Delete model files, and chunks that a killed writer left without a file."""
        for file_id in file_ids:
            try:
                self._files.delete(file_id)
            except NoFile:
                continue

    @translate_errors()
    def drop_unfinished(self, campaign: str, absorber: str) -> None:
        """Delete what is left of versions that were never complete.

        Metrics are the sign that a version is complete: they are written last.

        Parameters
        ----------
        absorber
            Whose versions are meant; `ALL` for those of every absorber, with the files of models
            that are fitted on all of them.
        """
        of_campaign = {"campaign": campaign}
        kept = set(self._database.metrics.distinct("hash", of_campaign))
        kept |= self._answers(campaign)
        of_absorber = {} if absorber == ALL else {"absorber": absorber}
        for collection in ("models", "predictions"):
            # One step in an index for each version, however many predictions it has.
            stored = set(self._database[collection].distinct("hash", of_campaign))
            for batch in batches(sorted(stored - kept), _BATCH):
                unfinished = of_campaign | {"hash": {"$in": batch}} | of_absorber
                self._database[collection].delete_many(unfinished)
        self._delete_unused_files(campaign, {absorber})

    @translate_errors()
    def drop_outdated_failures(self, campaign: str, absorber: str, keep: Mapping[str, str]) -> None:
        """Delete the failures of models of one absorber that are out of date.

        Parameters
        ----------
        keep
            Wanted version by key of the model.
        """
        failed = [{"item": key, "hash": version} for key, version in keep.items()]
        failures = {"campaign": campaign, "absorber": absorber, "stage": "models"}
        self._database.failures.delete_many(failures | ({"$nor": failed} if failed else {}))

    @translate_errors()
    def withdraw(self, campaign: str, absorber: str, keep: Collection[str] = ()) -> None:
        """Let queries use no version of the models of one absorber, but those of some keys."""
        ids = [f"{campaign}/{key}" for key in keep]
        query = {"campaign": campaign, "absorber": absorber, "_id": {"$nin": ids}}
        self._database.promotions.delete_many(query | {"model": {"$ne": ANSWERING}})

    @translate_errors()
    def drop_answers(self, campaign: str, keep: Collection[str]) -> None:
        """Delete predictions of the model that comes with the package.

        Parameters
        ----------
        keep
            Versions that stay.
        """
        dropped = sorted(self._answers(campaign).difference(keep))
        for batch in batches(dropped, _BATCH):
            query = {"campaign": campaign, "hash": {"$in": batch}}
            for collection in ("promotions", "predictions"):
                self._database[collection].delete_many(query)

    @translate_errors()
    def drop_predictions(self, campaign: str, version: str, sites: Collection[str]) -> None:
        """Delete the predictions of a version for some sites."""
        ids = {"_id": prediction_ids(campaign, version)}
        for batch in batches(sorted(sites), _BATCH):
            self._database.predictions.delete_many(ids | {"site": {"$in": batch}})

    def _answers(self, campaign: str) -> set[str]:
        """Return the versions of predictions of the model that comes with the package."""
        stored = self._database.predictions.distinct("hash", {"campaign": campaign})
        return {version for version in stored if version.startswith(ANSWERS)}

    @translate_errors()
    def drop_version(self, campaign: str, absorber: str, version: str) -> None:
        """Delete a version; what a killed caller leaves of it is unfinished, without metrics.

        Nothing of the campaign may be in training.
        """
        query = {"campaign": campaign, "absorber": absorber, "hash": version}
        for collection in ("metrics", "models", "predictions"):
            self._database[collection].delete_many(query)
        self._delete_unused_files(campaign, {absorber, ALL})

    @translate_errors()
    def drop_outdated_experiments(
        self, campaign: str, absorber: str, keep: Mapping[str, str]
    ) -> None:
        """Delete the experiments with models of one absorber that are out of date.

        Parameters
        ----------
        keep
            Hash of the up-to-date document by key.
        """
        of_absorber = {"campaign": campaign, "absorber": absorber}
        done = [{"_id": f"{campaign}/{key}", "hash": hash_} for key, hash_ in keep.items()]
        self._database.experiments.delete_many(of_absorber | ({"$nor": done} if done else {}))
        failed = [{"item": key, "hash": hash_} for key, hash_ in keep.items()]
        failures = of_absorber | {"stage": "experiments"}
        self._database.failures.delete_many(failures | ({"$nor": failed} if failed else {}))

    def _delete_unused_files(self, campaign: str, absorbers: set[str]) -> None:
        """Delete the files of models of some absorbers that no document names.

        Those of other absorbers stay: who trains writes the file before the document.
        """
        # Of a file that a kill left half written or half deleted, there are chunks only. One step
        # in an index for each file.
        chunks = self._database[f"{MODEL_FILES}.chunks"]
        stored = chunks.distinct("files_id", {"files_id": keys_of(campaign)})
        keys = {file: ModelKey.of_file(campaign, file) for file in stored}
        meant = {file for file, key in keys.items() if key and key.absorber in absorbers}
        # Documents of several absorbers may name one file.
        used = self._database.models.distinct("file", {"campaign": campaign}) if meant else []
        self._delete_files(meant.difference(used))
