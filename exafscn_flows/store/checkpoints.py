"""How far fits are that have not ended: kept so that none is begun again from nothing."""

from collections.abc import Collection
from typing import Any

from gridfs import GridFSBucket, NoFile
from gridfs.errors import CorruptGridFile
from pymongo.database import Database

from exafscn_flows.store.base import keys_of
from exafscn_flows.store.connection import translate_errors

CHECKPOINTS = "checkpoints"


class CheckpointStore:
    """Checkpoints of all campaigns in one MongoDB database, in GridFS.

    Parameters
    ----------
    database
        As :func:`exafscn_flows.store.connection.connect` returns it.
    """

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._bucket = GridFSBucket(database, bucket_name=CHECKPOINTS)
        self._entries = database[f"{CHECKPOINTS}.files"]

    def of(self, campaign: str, version: str, part: str) -> "FitCheckpoints":
        """Return those of one part of the training of a version.

        Parameters
        ----------
        version
            Key of the version, so that what is kept fits to settings and data.
        part
            Name of the part.
        """
        return FitCheckpoints(self, campaign, f"{campaign}/{version}/{part}")

    @translate_errors()
    def read(self, name: str) -> bytes | None:
        """Return what was kept last under a name; None if that is nothing, or not whole."""
        try:
            return self._bucket.open_download_stream_by_name(name).read()
        except (NoFile, CorruptGridFile):
            return None

    @translate_errors()
    def write(self, campaign: str, name: str, data: bytes) -> None:
        """Keep bytes under a name, and then delete what was kept there before."""
        new = self._bucket.upload_from_stream(name, data, metadata={"campaign": campaign})
        self._delete({"filename": name, "_id": {"$ne": new}})

    @translate_errors()
    def drop(self, campaign: str, model: str) -> None:
        """Delete the checkpoints of all versions of a model, by its key."""
        self._delete({"filename": keys_of(f"{campaign}/{model}")})

    @translate_errors()
    def drop_outdated(self, campaign: str, absorber: str, keep: Collection[str]) -> None:
        """Delete the checkpoints of an absorber, or of `ALL`, that nobody goes on with.

        Parameters
        ----------
        keep
            Keys of the versions that are wanted.
        """
        starts = tuple(f"{campaign}/{version}/" for version in keep)
        for name in self._entries.distinct("filename", {"filename": keys_of(campaign)}):
            # Target and absorber come first in a key.
            of_absorber = name.removeprefix(f"{campaign}/").split("/")[1] == absorber
            if of_absorber and not name.startswith(starts):
                self._delete({"filename": name})

    def _delete(self, query: dict[str, Any]) -> None:
        for entry in self._entries.find(query, ["_id"]):
            try:
                self._bucket.delete(entry["_id"])
            except NoFile:
                continue


class FitCheckpoints:
    """Checkpoints of one part of a training, by name within it."""

    def __init__(self, store: CheckpointStore, campaign: str, start: str) -> None:
        self._store, self._campaign, self._start = store, campaign, start

    def read(self, name: str) -> bytes | None:
        """Return what was kept last; None if that is nothing."""
        return self._store.read(f"{self._start}/{name}")

    def write(self, name: str, data: bytes) -> None:
        """Keep bytes instead of what was kept before."""
        self._store.write(self._campaign, f"{self._start}/{name}", data)
