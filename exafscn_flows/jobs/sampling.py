"""Which structures a campaign reads, and which of them it chooses; no input or output.

With `per_absorber`, the sample of an absorber is the first structures, in the seeded order, that
hold it and can be used. What other absorbers the campaign has makes no difference, so adding one
adds only its work.
"""

import hashlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from exafscn_flows.config.campaign import CampaignConfig, Sample

WAVE = 512
"""Structures read before the sample is counted again."""

_SMALLEST_WAVE = 64
"""Where elements are unknown before reading, fewer would leave processors without work."""


class Candidate(NamedTuple):
    """A structure that a campaign may use."""

    source: int
    """Position of its source in the campaign file."""
    entry: str
    """Its name in the source."""
    material_id: str
    """Its name in the campaign."""
    elements: frozenset[str] | None
    """None where only reading tells."""
    fingerprint: str
    """Changes with the content of the structure."""


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
    elements: frozenset[str] = frozenset()


def in_order(candidates: list[Candidate], sample: Sample | None) -> list[Candidate]:
    """Sort candidates into the random order of the sample's seed; by source without a sample."""
    if sample is None:
        return candidates

    def place(candidate: Candidate) -> bytes:
        return hashlib.sha256(f"{sample.seed}:{candidate.material_id}".encode()).digest()

    return sorted(candidates, key=place)


class Sampler:
    """Says what to read next until the sample is known.

    Parameters
    ----------
    config
        Settings of the campaign.
    candidates
        In the order of :func:`in_order`.
    """

    def __init__(self, config: CampaignConfig, candidates: Sequence[Candidate]) -> None:
        self._config = config
        self._candidates = candidates
        self._results: dict[str, ReadResult] = {}

    def waves(self) -> Iterator[list[Candidate]]:
        """Yield batches to read; give the results of each to :meth:`add` before the next."""
        if self._config.sample is None:
            for start in range(0, len(self._candidates), WAVE):
                yield list(self._candidates[start : start + WAVE])
            return
        while wave := self._missing():
            yield wave

    def add(self, result: ReadResult) -> None:
        """Take note of what came of reading one structure."""
        self._results[result.material_id] = result

    def chosen(self) -> dict[str, set[str]]:
        """Names of the chosen structures, by absorber."""
        chosen: dict[str, set[str]] = {}
        sample = self._config.sample
        for absorber in self._config.absorbers:
            if sample is not None and sample.per_absorber is not None:
                read, _ = self._walk(absorber, sample.per_absorber)
            else:
                read, _ = self._walk(None, sample.structures if sample else None)
            chosen[absorber] = {r.material_id for r in read if absorber in r.elements}
        return chosen

    def failed(self) -> set[str]:
        """Names of the structures that were read and cannot be used."""
        bad = (Outcome.FAILED, Outcome.NO_ABSORBER)
        return {name for name, result in self._results.items() if result.outcome in bad}

    def _missing(self) -> list[Candidate]:
        """Structures that must be read to know the sample, in order."""
        sample = self._config.sample
        if sample is None:
            return []
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
            elif result.outcome is Outcome.USABLE and absorber in result.elements:
                found.append(result)
        return found, unread
