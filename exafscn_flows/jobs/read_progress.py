"""How far the reading of structures is, against a total that stays as it is."""

from collections import Counter

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.context import watcher
from exafscn_flows.jobs.sampling import Outcome, ReadResult

_STAGE = "structures"


class ReadProgress:
    """Tells the watcher of structures that were read.

    Of a sample it is not known before how many have to be read: its places are counted, which are
    filled by those that can be used.

    Parameters
    ----------
    config
        Settings of the campaign.
    size
        Structures that its sources hold.
    """

    def __init__(self, config: CampaignConfig, size: int) -> None:
        sample = config.sample
        self._absorbers = frozenset(config.absorbers)
        self._of_each = None if sample is None else sample.per_absorber
        self._is_sample = sample is not None
        self._filled: Counter[str] = Counter()
        self._left = size
        if sample is not None and sample.structures is not None:
            self._left = min(size, sample.structures)
        elif sample is not None and sample.per_absorber is not None:
            self._left = sample.per_absorber * len(config.absorbers)
        watcher().expect(_STAGE, self._left)

    def take(self, result: ReadResult) -> None:
        """Take note of a structure."""
        failed = result.outcome is Outcome.FAILED
        if not self._is_sample:
            count = 1
        elif result.outcome is not Outcome.USABLE:
            count = 0
        elif self._of_each is None:
            count = min(1, self._left)
        else:
            held = result.absorbers & self._absorbers
            open_ = [one for one in held if self._filled[one] < self._of_each]
            self._filled.update(open_)
            count = len(open_)
        if count:
            self._left -= count
            watcher().advance(_STAGE, 0 if failed else count, count if failed else 0)

    def close(self) -> None:
        """Take back what is not there: the sources have too few for the sample."""
        if self._left:
            watcher().expect(_STAGE, -self._left)
