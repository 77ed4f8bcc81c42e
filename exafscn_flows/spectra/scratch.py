"""Folders for the temporary files of runs, which leave nothing behind."""

import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from exafscn_flows.errors import CampaignError
from exafscn_flows.limits import largest_file, too_large

_NAME = re.compile(r"exafscn-\d{1,9}-\w+")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_LEAST_FREE = 16 * 2**20
"""Less free space than this, bytes, is full: a run with default cards writes 1-3 MB."""

_kept: ContextVar[Path | None] = ContextVar("kept", default=None)


@contextmanager
def keeping(place: Path | None) -> Iterator[None]:
    """Have the folders of runs kept that are made in this context, also of those that fail.

    Parameters
    ----------
    place
        What becomes of the folder; of a second run, ``_2`` is added to it, and so on. None to keep
        none.
    """
    token = _kept.set(place)
    try:
        yield
    finally:
        _kept.reset(token)


def _keep(folder: Path, place: Path) -> None:
    """Copy the folder of a run to where it is kept.

    Raises
    ------
    CampaignError
        If it cannot be written there.
    """
    number, target = 1, place
    while target.exists():
        number += 1
        target = place.with_name(f"{place.name}_{number}")
    try:
        shutil.copytree(folder, target)
    except (OSError, shutil.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)[:200]
        raise CampaignError(
            f"the folder of a run cannot be kept as {target} ({why}): name another one by "
            "--keep-runs or EXAFSCN_KEEP_RUNS"
        ) from error


@contextmanager
def run_folder(scratch: Path) -> Iterator[Path]:
    """Make a private folder for one run and remove it afterwards, whatever happens.

    The folder is locked as long as it is in use: by that, `sweep_scratch` knows what was left
    behind, also in another container or on another node, where the process is not to be seen. The
    number of a process would not tell: it may be another one's by then, or nobody has waited for
    the process that was killed.

    Parameters
    ----------
    scratch
        Existing folder in which to make it.

    Raises
    ------
    CampaignError
        If the scratch folder is missing, not writable or full, or files may not become so large.
    """
    if _is_short(scratch):
        raise _full(scratch)
    try:
        folder, lock = _make_locked(scratch)
    except OSError as error:
        raise _full(scratch) if error.errno in _FULL else _unusable(scratch, error) from error
    try:
        try:
            yield folder
        finally:
            place = _kept.get()
            try:
                if place is not None:
                    _keep(folder, place)
            finally:
                os.close(lock)
    except OSError as error:
        if error.errno in _FULL:
            raise _full(scratch) from error
        if error.errno == errno.EFBIG:
            raise too_large("a run") from error
        if not folder.exists():
            raise _unusable(scratch, error) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_free(folder: Path) -> None:
    """Find out at little cost whether the file system of a run is full.

    Asked for at the end of a run alone, somebody might have made room since.

    Parameters
    ----------
    folder
        Folder of the run, inside the scratch folder.

    Raises
    ------
    CampaignError
        If the scratch folder is full or gone.
    """
    if _is_short(folder.parent):
        raise _full(folder.parent)


def check_space(folder: Path) -> None:
    """Find out whether a run failed because its file system is full, or its files are too large.

    FEFF does not say so: it loses what it writes and goes on, or hangs.

    Parameters
    ----------
    folder
        Folder of the run, inside the scratch folder.

    Raises
    ------
    CampaignError
        If the scratch folder is full or gone, or a file is as large as files may be.
    """
    check_free(folder)
    scratch = folder.parent
    limit = largest_file()
    if limit is not None:
        files = (file for file in folder.rglob("*") if file.is_file())
        if any(file.stat().st_size >= limit for file in files):
            raise too_large("a run")
    try:
        # Quotas do not show in the free space of a file system: reserve some.
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, _LEAST_FREE)
    except OSError as error:
        if error.errno in _FULL:
            raise _full(scratch) from error
        if not folder.exists():
            raise _unusable(scratch, error) from error


def sweep_scratch(scratch: Path) -> int:
    """Remove the folders of this user's runs that were killed.

    Parameters
    ----------
    scratch
        Folder in which runs make theirs.

    Returns
    -------
    int
        Number of folders removed.
    """
    removed = 0
    for folder in scratch.glob("exafscn-*"):
        if _NAME.fullmatch(folder.name):
            removed += _remove_abandoned(folder)
    return removed


def _make_locked(scratch: Path) -> tuple[Path, int]:
    """Make a folder and take its lock; returns the folder, and the file descriptor of the lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"exafscn-{os.getpid()}-", dir=scratch))
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            # It may have been swept before it had its lock.
            if folder.exists():
                return folder, lock
        except BaseException:
            os.close(lock)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        os.close(lock)


def _remove_abandoned(folder: Path) -> bool:
    """Remove a folder, if it is this user's own and nobody holds its lock."""
    try:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return False
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _is_short(scratch: Path) -> bool:
    try:
        space = os.statvfs(scratch)
    except OSError as error:
        raise _unusable(scratch, error) from error
    # A file system without limits reports 0 blocks or 0 files in all.
    return (space.f_blocks > 0 and space.f_bavail * space.f_frsize < _LEAST_FREE) or (
        space.f_files > 0 and space.f_favail == 0
    )


def _full(scratch: Path) -> CampaignError:
    return CampaignError(f"scratch folder {scratch} is full: free space or set EXAFSCN_SCRATCH_DIR")


def _unusable(scratch: Path, error: OSError) -> CampaignError:
    return CampaignError(
        f"scratch folder {scratch} cannot be used ({error.strerror}): "
        "make it writable or set EXAFSCN_SCRATCH_DIR"
    )
