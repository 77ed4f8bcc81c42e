"""What a campaign has acknowledged, and whether it kept to it."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bson import encode
from campaigns import TIMES
from gridfs import GridFSBucket

from exafscn_flows.store.documents import DOCUMENTS
from exafscn_flows.store.models import MODEL_FILES

_KEPT = [kind.collection for kind in DOCUMENTS if kind.collection != "failures"]
"""A failure goes when what failed is tried again."""

_ONCE = {"structures", "sites", "labels", "spectra", "features", "metrics"}
"""Collections in which a document is the sign that something is done. Models and predictions are
made again where a model's metrics were not written yet."""


@dataclass(frozen=True)
class Entry:
    """One acknowledged document: when it was written, and a hash of the rest of it."""

    written: datetime
    content: str


@dataclass
class Ledger:
    """Keeps what was acknowledged at some moments, and finds what went or changed since.

    Attributes
    ----------
    lost
        Documents that are gone, or have another content.
    twice
        Documents that were there and were made once more.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)

    def look(self, database: Any) -> None:
        """Compare with what is there now, and take note of it."""
        now = _entries(database)
        # What can be read may not be in the journal yet. This write is acknowledged once it is, and
        # with it all that was read.
        database["chaos"].replace_one({"_id": "seen"}, {"count": len(now)}, upsert=True)
        for key, entry in self.entries.items():
            if key not in now or now[key].content != entry.content:
                self.lost.add(key)
            elif now[key].written != entry.written and key.split()[0] in _ONCE:
                self.twice.add(key)
        self.entries.update(now)


def _entries(database: Any) -> dict[str, Entry]:
    found = {}
    for name in _KEPT:
        for document in database[name].find():
            rest = {key: value for key, value in document.items() if key not in TIMES}
            content = hashlib.sha256(encode(rest)).hexdigest()
            found[f"{name} {document['_id']}"] = Entry(document["created_at"], content)
    return found


def final_state(database: Any) -> dict[str, Any]:
    """All final documents without times, and the checksums of the models' files."""
    state: dict[str, Any] = {}
    for name in (*_KEPT, "failures", "campaigns"):
        for document in database[name].find():
            for key in (*TIMES, "lock"):
                document.pop(key, None)
            state[f"{name} {document['_id']}"] = document
    files = GridFSBucket(database, bucket_name=MODEL_FILES)
    for file in files.find():
        state[f"{MODEL_FILES} {file._id}"] = hashlib.sha256(file.read()).hexdigest()
    return state


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Keys of what is missing, not expected or different, each with a word on that."""
    lines = [f"{key} is missing" for key in sorted(expected.keys() - found.keys())]
    lines += [f"{key} is not expected" for key in sorted(found.keys() - expected.keys())]
    both = sorted(expected.keys() & found.keys())
    return lines + [f"{key} differs" for key in both if found[key] != expected[key]]
