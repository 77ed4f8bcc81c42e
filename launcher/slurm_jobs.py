"""How many jobs of Slurm a run has: as many as there is work for, and no dead ones."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from dask_jobqueue.slurm import SLURMCluster, SLURMJob
from distributed.core import Status
from distributed.deploy.adaptive import Adaptive

_MOST_FAILURES = 3
"""Jobs that may end one after the other before one of their workers was ready."""


class Job(SLURMJob):
    """A job that knows how it ended: the cluster insists on that when it is closed."""

    async def start(self) -> None:
        """Submit it."""
        try:
            await SLURMJob.start(self)
        except BaseException:
            self.status = Status.failed
            raise

    async def close(self) -> None:
        """Cancel it."""
        await SLURMJob.close(self)
        self.status = Status.closed


class JobsCluster(SLURMCluster):
    """A SLURMCluster of such jobs."""

    job_cls = Job


class WholeJobs(Adaptive):
    """Dask's adaptive scaling, in whole jobs.

    Dask counts workers. Of jobs with several, it takes one back again as soon as there are fewer
    tasks than workers, even before it has started, and it does not notice that one has ended
    (distributed issue 9102): at its walltime, with its node, or by `scancel`.

    Parameters
    ----------
    cluster
        A SLURMCluster.
    failed
        Called with the reason when jobs do not come to work at all.
    **kwargs
        As of Dask's Adaptive.
    """

    def __init__(self, cluster: Any, failed: Callable[[str], None], **kwargs: Any) -> None:
        super().__init__(cluster, **kwargs)
        self.cluster: Any = cluster
        self._failed = failed
        self._worked: set[str] = set()
        self._failures = 0
        self._idle: Counter[str] = Counter()

    async def recommendations(self, target: int) -> dict[str, Any]:
        """Say what to do for a number of workers."""
        members = self._members()
        job_of = {worker: job for job, workers in members.items() for worker in workers}
        here = {job_of[name] for name in self.observed if name in job_of}
        self._worked |= here
        if here:
            self._failures = 0
        await self._forget_ended(members)
        members = self._members()
        wanted = math.ceil(target / len(next(iter(members.values())))) if members else target
        surplus = len(members) - wanted
        if surplus < 0:
            self._idle.clear()
            return {"status": "up", "n": target}
        workers = self.cluster.scheduler.workers.values()
        busy = {job_of.get(worker.name) for worker in workers if worker.processing}
        # Those that still wait in the queue first.
        idle = sorted(set(members) - busy, key=here.__contains__)[:surplus]
        self._idle = Counter({job: self._idle[job] + 1 for job in idle})
        close = [job for job, looks in self._idle.items() if looks >= self.wait_count]
        if not close:
            return {"status": "same"}
        return {"status": "down", "workers": [name for job in close for name in members[job]]}

    def _members(self) -> dict[str, list[str]]:
        """Names of the workers of each job."""
        return {
            job: [f"{job}{suffix}" for suffix in spec.get("group", [""])]
            for job, spec in self.cluster.worker_spec.items()
        }

    async def _forget_ended(self, members: dict[str, list[str]]) -> None:
        """Find jobs that Slurm has no longer, so that others take their place."""
        missing = [
            job for job in self.cluster.workers if not set(members.get(job, [])) <= self.observed
        ]
        if not missing:
            return
        queue = await SLURMJob._call(["squeue", "--me", "--noheader", "--format=%A"])
        alive = set(queue.split())
        for name in missing:
            job = self.cluster.workers.get(name)
            if job is None or job.job_id in alive:
                continue
            job.status = Status.closed
            del self.cluster.workers[name]
            self.cluster.worker_spec.pop(name, None)
            if name not in self._worked:
                self._failures += 1
            self._worked.discard(name)
        if self._failures >= _MOST_FAILURES and not self.cluster.workers:
            self._failed(f"{self._failures} jobs of Slurm ended before their workers were ready")
