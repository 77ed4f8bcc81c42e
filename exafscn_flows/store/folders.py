"""Folders that only the user can open, and locks between processes on files in them."""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from exafscn_flows.errors import CampaignError


def make_private(*folders: Path) -> None:
    """Make folders that only the user can open, or close the user's own to others.

    Raises
    ------
    CampaignError
        If one cannot be made, or belongs to somebody else.
    """
    for folder in folders:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                raise CampaignError(
                    f"{folder} is not a folder of the user who runs exafscn: run it as the owner, "
                    "or set EXAFSCN_DATA_DIR to another folder"
                )
            if found.st_mode & 0o077:
                folder.chmod(0o700)
        except OSError as error:
            raise CampaignError(
                f"{folder} cannot be used for the database: {error.strerror}; set "
                "EXAFSCN_DATA_DIR to a folder that you can write to"
            ) from error


@contextmanager
def locked(path: Path, timeout: float) -> Iterator[None]:
    """Hold a lock that one process at a time can have, and that ends with it.

    Raises
    ------
    CampaignError
        If another process has not let go of it after `timeout` seconds.
    """
    with path.open("a") as file:
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise CampaignError(
                        f"another process has held {path} for {timeout:.0f} s: look for it and "
                        "end it"
                    ) from None
                time.sleep(0.02)
        try:
            yield
        finally:
            # Explicitly: a child that was forked meanwhile has a copy of the open file.
            fcntl.flock(file, fcntl.LOCK_UN)


def is_locked(path: Path) -> bool:
    """Whether a process has locked a file; False if there is no such file."""
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def size_on_disk(folder: Path) -> int:
    """Return the bytes that the files of a folder take on the disk."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return size
