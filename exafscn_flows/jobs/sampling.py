"""Which structures a campaign reads, and which of them it chooses; others do the reading.

With `per_absorber`, the sample of an absorber is the first structures, in the seeded order, that
hold it and can be used. What other absorbers the campaign has makes no difference, so adding one
adds only its work.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from exafscn_flows.config.campaign import CampaignConfig, Sample
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.catalog import Candidate

WAVE = 512
"""Structures read before the sample is counted again."""

_SMALLEST_WAVE = 64
"""Where elements are unknown before reading, fewer would leave processors without work."""


class Outcome(StrEnum):
    """What came of reading a structure."""

    USABLE = "usable"
    FAILED = "failed"
    FILTERED = "filtered"
    NO_ABSORBER = "no absorber"


class ReadResult(NamedTuple):
    """What the planner has to know of a structure that was read."""

    material_id: str
    outcome: Outcome
    absorbers: frozenset[str] = frozenset()
    """Elements that have a site which can absorb."""


Reading = Callable[[list[Candidate]], Iterable[ReadResult]]
"""Says what comes of reading some structures."""


def chosen_structures(
    config: CampaignConfig, candidates: Iterable[Candidate], read: Reading
) -> Iterator[dict[str, set[str]]]:
    """Choose the structures of a campaign, reading only those that it needs to know.

    Yields
    ------
    dict of set of str
        Absorbers that are taken of some structures, by name of the structure.
    """
    if config.sample is None:
        for wave in batches(candidates, WAVE):
            usable = [result for result in read(wave) if result.outcome is Outcome.USABLE]
            yield _by_structure(
                config, ((a, one.material_id) for one in usable for a in one.absorbers)
            )
        return
    sampler = Sampler(config, config.sample, in_order(candidates, config.sample))
    for wave in sampler.waves():
        for result in read(wave):
            sampler.add(result)
    for selected in batches(sampler.chosen(), WAVE):
        yield _by_structure(config, selected)


def _by_structure(
    config: CampaignConfig, selected: Iterable[tuple[str, str]]
) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {}
    for absorber, material in selected:
        if absorber in config.absorbers:
            wanted.setdefault(material, set()).add(absorber)
    return wanted


def in_order(candidates: Iterable[Candidate], sample: Sample) -> list[Candidate]:
    """Sort candidates into the random order of the sample's seed."""

    def place(candidate: Candidate) -> bytes:
        return hashlib.sha256(f"{sample.seed}:{candidate.material_id}".encode()).digest()

    return sorted(candidates, key=place)


class Sampler:
    """Says what to read next until the sample is known.

    It keeps what there is to choose from in memory, about 0.5 kB for each structure.

    Parameters
    ----------
    config
        Settings of the campaign.
    sample
        Its sample.
    candidates
        In the order of :func:`in_order`.
    """

    def __init__(
        self, config: CampaignConfig, sample: Sample, candidates: Sequence[Candidate]
    ) -> None:
        self._config = config
        self._sample = sample
        self._candidates = candidates
        self._results: dict[str, ReadResult] = {}

    def waves(self) -> Iterator[list[Candidate]]:
        """Yield batches to read; give the results of each to :meth:`add` before the next."""
        while wave := self._missing():
            yield wave

    def add(self, result: ReadResult) -> None:
        """Take note of what came of reading one structure."""
        self._results[result.material_id] = result

    def chosen(self) -> Iterator[tuple[str, str]]:
        """Yield absorber and name of every chosen structure."""
        for absorber in self._config.absorbers:
            if self._sample.per_absorber is not None:
                read, _ = self._walk(absorber, self._sample.per_absorber)
            else:
                read, _ = self._walk(None, self._sample.structures)
            yield from ((absorber, r.material_id) for r in read if absorber in r.absorbers)

    def _missing(self) -> list[Candidate]:
        """Structures that must be read to know the sample, in order."""
        sample = self._sample
        if sample.structures is not None:
            _, unread = self._walk(None, sample.structures)
            return unread[:WAVE]
        missing = {
            candidate.material_id: candidate
            for absorber in self._config.absorbers
            for candidate in self._walk(absorber, sample.per_absorber)[1]
        }
        return list(missing.values())[:WAVE]

    def _walk(
        self, absorber: str | None, size: int | None
    ) -> tuple[list[ReadResult], list[Candidate]]:
        """Go through the order until `size` structures are found, read or still to read."""
        found: list[ReadResult] = []
        unread: list[Candidate] = []
        for candidate in self._candidates:
            if size is not None:
                missing = size - len(found)
                blind = bool(unread) and candidate.elements is None
                enough = max(missing, _SMALLEST_WAVE) if blind and missing > 0 else missing
                if len(unread) >= enough:
                    break
            result = self._results.get(candidate.material_id)
            if result is None:
                elements = candidate.elements
                if absorber is None or elements is None or absorber in elements:
                    unread.append(candidate)
            elif absorber is None:
                if result.outcome in (Outcome.USABLE, Outcome.FAILED):
                    found.append(result)
            elif result.outcome is Outcome.USABLE and absorber in result.absorbers:
                found.append(result)
        return found, unread
