"""Settings of this machine and user, read from ``EXAFSCN_*`` environment variables."""

import os
import tempfile
from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from exafscn_flows.errors import UsageError, problem_text


def _default_scratch() -> Path:
    # FEFF writes 3-150 MB per run and deletes it again: memory beats any disk.
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


class Settings(BaseSettings):
    """What differs between machines; campaigns themselves are described in YAML."""

    model_config = SettingsConfigDict(env_prefix="EXAFSCN_", extra="ignore")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            lines = [
                f"EXAFSCN_{problem['loc'][0]}: {problem_text(problem)}, not {problem['input']!r}"
                for problem in error.errors()
            ]
            raise UsageError("\n".join(lines)) from None

    MONGODB_URI: SecretStr | None = Field(
        default=None,
        description="MongoDB to use, e.g. mongodb://user:password@host/database. "
        "Without it, exafscn starts its own mongod under DATA_DIR.",
    )
    DATA_DIR: Path = Field(
        default_factory=lambda: user_data_path("exafscn"),
        description="Folder of the embedded database.",
    )
    SCRATCH_DIR: Path = Field(
        default_factory=_default_scratch,
        description="Folder for temporary files of FEFF and of training; a memory file system if "
        "there is one.",
    )
    KEEP_RUNS: Path | None = Field(
        default=None,
        description="Folder in which the folders of FEFF's runs are kept, by campaign, site and "
        "spectrum. By default they are deleted.",
    )
    CORES: int = Field(
        default_factory=lambda: len(os.sched_getaffinity(0)),
        ge=1,
        description="Cores that `exafscn run` keeps busy; by default those of this machine.",
    )
    DASK: str | None = Field(
        default=None,
        description="Where tasks run: the address (tcp:// or tls://) or the scheduler file of a "
        "running Dask scheduler, or `slurm` for workers in jobs of Slurm. By default, processes "
        "of this machine.",
    )
    DASHBOARD: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of this machine, on 127.0.0.1 alone, where Dask shows what the processes "
        "of a run do; 0 takes a free one. By default nowhere: nobody is asked to log in there.",
    )
    DEADLINE: float | None = Field(
        default=None,
        description="Unix time at which this process will be ended. In a job of Slurm, Slurm is "
        "asked.",
    )
