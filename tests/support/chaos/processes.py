"""The processes of a campaign: rockets, their workers, the programs of FEFF."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil


def of_session(session: int) -> list[psutil.Process]:
    """Living processes of a session: of a command and all that it has started."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def rockets_of(session: int) -> list[psutil.Process]:
    """Processes of an `exafscn launch` that launch rockets: its children, or itself."""
    spawned, itself = [], []
    for process in of_session(session):
        with suppress(psutil.Error):
            command = process.cmdline()
            if any("spawn_main" in part for part in command):
                spawned.append(process)
            elif process.pid == session and "--parallel" not in command:
                itself.append(process)
    return spawned + itself


def workers(rocket: psutil.Process) -> list[psutil.Process]:
    """Workers of a rocket's process: forks of the process that imports for all of them."""
    found = []
    with suppress(psutil.Error):
        for server in rocket.children():
            with suppress(psutil.Error):
                if "forkserver" in " ".join(server.cmdline()):
                    found += server.children()
    return found


def feff_programs(scratch: Path) -> Iterator[tuple[psutil.Process, Path]]:
    """Programs of FEFF that run in folders below a scratch folder, and these folders."""
    for process in psutil.process_iter(["name"]):
        if (process.info["name"] or "").startswith("feff8l_"):
            with suppress(psutil.Error):
                folder = Path(process.cwd())
                if folder.is_relative_to(scratch):
                    yield process, folder
