"""Where rockets leave what their jobs return: ranges of site keys, and counts."""

from maggma.stores import MongoStore

from exafscn_flows.settings import Settings
from exafscn_flows.store.connection import connect

COLLECTION = "job_outputs"


class OutputStore(MongoStore):
    """Outputs of jobs, in the database of the settings.

    Every rocket carries it along, and FireWorks writes rockets into files that others can read:
    so it holds no address, and finds the database where it is used.
    """

    def __init__(self) -> None:
        super().__init__(database="", collection_name=COLLECTION)

    @property
    def name(self) -> str:
        return COLLECTION

    def connect(self, force_reset: bool = False) -> None:
        """Connect to the database of the settings."""
        if self._coll is None or force_reset:
            self._coll = connect(Settings())[COLLECTION]  # type: ignore[assignment]
