"""Files that were dropped on the page, what was read of them, and what was answered.

All of it is in the memory of the server, the last ones first: nothing is written anywhere.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, TypeVar

from exafscn_flows.elements import parse_elements
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.prediction import Answer, CampaignModels, Failed, ModelAnswer, Predictor, general
from exafscn_flows.prediction.files import answer_spectrum, failed_file
from exafscn_flows.prediction.given import processing_settings
from exafscn_flows.sources.measured import MeasuredSpectrum, Unreadable
from exafscn_flows.web.reading import HowToRead, Reader
from exafscn_flows.web.uploads import Upload

Found = Answer | ModelAnswer | Failed

MOST_KEPT = 200_000_000
"""Bytes of files that are kept; the oldest go."""

_MOST_ANSWERS = 2000
"""And answers, with their arrays some 100 kB each."""

_MOST_READ = 400

_MOST_CAMPAIGNS = 4
"""Campaigns whose models are kept; loading them takes longer than answering."""

_BY_ITSELF = HowToRead()

GONE = (
    "The page keeps the last files only, and this one no longer, or the server was started anew: "
    "drop it again"
)

T = TypeVar("T")


class Wish(NamedTuple):
    """What a user wants otherwise for one spectrum; what is empty or None is found by itself."""

    e0: float | None = None
    rbkg: float | None = None
    kmin: float | None = None
    kmax: float | None = None
    elements: str = ""
    campaign: str = ""
    how: HowToRead = HowToRead()

    def settings(self) -> dict[str, float]:
        """Return what is given of the settings of the processing."""
        values = {"e0": self.e0, "rbkg": self.rbkg, "kmin": self.kmin, "kmax": self.kmax}
        return {name: value for name, value in values.items() if value is not None}


class Kept:
    """The last things that were made."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def made(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what is kept under a key, or make it, while others are made, too."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                found: T = self._made[key]
                return found
        found = make()
        with self._lock:
            self._made[key] = found
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        return found


class Library:
    """Dropped files by what they are called here, a hash of name and content."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, Upload] = OrderedDict()
        self._read = Kept(_MOST_READ)
        self._answers = Kept(_MOST_ANSWERS)
        self._models = Kept(_MOST_CAMPAIGNS)
        self._lock = threading.Lock()
        self._reader = Reader()

    def warm_up(self) -> None:
        """Load what the first file would wait for."""
        self._reader.start()
        general()

    def close(self) -> None:
        """End what reads files."""
        self._reader.close()

    def add(self, uploads: Sequence[Upload]) -> list[str]:
        """Keep files; returns what they are called here."""
        keys = []
        with self._lock:
            for upload in uploads:
                key = hashlib.sha256(upload.name.encode() + b"\0" + upload.content).hexdigest()[:24]
                self._files[key] = upload
                self._files.move_to_end(key)
                keys.append(key)
            while sum(len(one.content) for one in self._files.values()) > MOST_KEPT:
                self._files.popitem(last=False)
        return keys

    def groups(self, key: str, how: HowToRead = _BY_ITSELF) -> list[str]:
        """Return the labels of the spectra of a file; empty if nothing of it can be used."""
        found = self._spectra(key, how)
        return [] if isinstance(found, ItemFailure) else [one.group for one in found]

    def answers(self, key: str, wishes: dict[str, Wish]) -> list[Found]:
        """Return what is answered for all spectra of a file.

        Parameters
        ----------
        key
            What the file is called here.
        wishes
            By label of a spectrum.

        Raises
        ------
        UsageError
            If the file is no longer here.
        """
        groups = self.groups(key)
        return [self._said(key, group, wishes.get(group, Wish())) for group in groups or [""]]

    def answer(self, key: str, group: str, wish: Wish) -> Found:
        """Return what is answered for one spectrum.

        Raises
        ------
        UsageError
            If what is wished for makes no sense, or the file is no longer here.
        CampaignError
            If there is no database with the campaign that is to answer.
        """
        named = _named(wish.campaign)
        return self._answers.made(
            (key, group, wish, named), lambda: self._new(key, group, wish, named)
        )

    def name(self, key: str) -> str:
        """Return the name of a file.

        Raises
        ------
        UsageError
            If it is no longer here.
        """
        return self._file(key).name

    def has(self, key: str) -> bool:
        """Whether a file is still kept."""
        with self._lock:
            return key in self._files

    def _file(self, key: str) -> Upload:
        with self._lock:
            if key not in self._files:
                raise UsageError(GONE)
            return self._files[key]

    def _said(self, key: str, group: str, wish: Wish) -> Found:
        try:
            return self.answer(key, group, wish)
        except UsageError as error:
            return Failed(self.name(key), group, str(error), "")

    def _spectra(
        self, key: str, how: HowToRead
    ) -> list[MeasuredSpectrum | Unreadable] | ItemFailure:
        return self._read.made((key, how), lambda: self._read_anew(key, how))

    def _read_anew(
        self, key: str, how: HowToRead
    ) -> list[MeasuredSpectrum | Unreadable] | ItemFailure:
        upload = self._file(key)
        try:
            return self._reader.read(upload, how)
        except ItemFailure as error:
            return error

    def _new(self, key: str, group: str, wish: Wish, named: tuple[str, ...]) -> Found:
        name = self.name(key)
        settings = processing_settings(wish.settings())
        try:
            elements = parse_elements(wish.elements) if wish.elements else frozenset()
        except ValueError as error:
            raise UsageError(f"elements: {error}") from None
        found = self._spectra(key, wish.how)
        if isinstance(found, ItemFailure):
            return failed_file(name, found)
        chosen = [one for one in found if one.group == group] or found[:1]
        model = self._models.made(named, lambda: _loaded(wish.campaign))
        return answer_spectrum(
            chosen[0], name, model, settings, elements=elements, is_alone=len(found) == 1
        )


def _named(campaign: str) -> tuple[str, ...]:
    """Return what names the models that answer: other versions are other models."""
    if not campaign:
        return ()
    # No database is started for the model of the package.
    from exafscn_flows.store.measured_models import meant_versions
    from exafscn_flows.store.store import Store

    return campaign, *meant_versions(Store.open(), campaign).values()


def _loaded(campaign: str) -> Predictor | CampaignModels:
    """Load what answers: the model of the package, or those of a campaign."""
    if not campaign:
        return general()
    from exafscn_flows.store.measured_models import campaign_models
    from exafscn_flows.store.store import Store

    return campaign_models(Store.open(), campaign)
