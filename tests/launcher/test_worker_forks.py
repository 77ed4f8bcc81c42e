"""What workers on other machines begin with."""

import asyncio
from typing import Any

import distributed
import pytest

from launcher import worker_forks


def test_workers_keep_the_memory_that_they_will_need_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_forks, "set_preload", lambda: None)
    monkeypatch.setattr(worker_forks, "keep_preload", lambda: None)

    async def prepared() -> Any:
        nanny = distributed.Nanny("tcp://127.0.0.1:1")
        before = dict(nanny.pre_spawn_env)
        worker_forks.dask_setup(nanny)
        return before, nanny

    before, nanny = asyncio.run(prepared())
    assert before["MALLOC_TRIM_THRESHOLD_"] == "65536"
    assert not any(name.startswith("MALLOC") for name in (*nanny.pre_spawn_env, *nanny.env))
    assert nanny.env["OMP_NUM_THREADS"] == "1"
