"""Progress of a campaign in the terminal: a bar per stage, or a line now and then in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from launcher.console import console

_LOG_SECONDS = 30.0


class BarWatcher:
    """A bar per stage with count, failures and time left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._failed: dict[str, int] = {}

    def expect(self, stage: str, count: int) -> None:
        """Announce more work in a stage."""
        if count == 0:
            return
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=0, failed="")
        task = self._progress.tasks[self._tasks[stage]]
        self._progress.update(task.id, total=(task.total or 0) + count)

    def advance(self, stage: str, done: int, failed: int) -> None:
        """Report finished work."""
        if stage not in self._tasks:
            self.expect(stage, done + failed)
        self._failed[stage] = self._failed.get(stage, 0) + failed
        shown = f"{self._failed[stage]} failed" if self._failed[stage] else ""
        self._progress.update(self._tasks[stage], advance=done + failed, failed=shown)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(line, highlight=False)


@dataclass
class _Count:
    total: int = 0
    done: int = 0
    failed: int = 0
    started: float = 0.0


class LogWatcher:
    """Lines for a log file: each stage every half minute, and when it is complete."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._counts: dict[str, _Count] = {}
        self._shown = time.monotonic()

    def expect(self, stage: str, count: int) -> None:
        """Announce more work in a stage."""
        entry = self._counts.setdefault(stage, _Count(started=time.monotonic()))
        entry.total += count

    def advance(self, stage: str, done: int, failed: int) -> None:
        """Report finished work."""
        entry = self._counts.setdefault(stage, _Count(started=time.monotonic()))
        entry.done += done + failed
        entry.failed += failed
        late = time.monotonic() - self._shown > _LOG_SECONDS
        if late:
            self._shown = time.monotonic()
            for name, count in self._counts.items():
                if 0 < count.done < count.total:
                    self._print(name, count)
        elif entry.done == entry.total:
            self._print(stage, entry)

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, highlight=False, soft_wrap=True)

    def _print(self, stage: str, count: _Count) -> None:
        line = f"{stage}: {count.done} of {count.total}"
        if count.failed:
            line += f", {count.failed} failed"
        if count.done < count.total:
            left = (time.monotonic() - count.started) / count.done * (count.total - count.done)
            line += f", about {left:.0f} s left"
        self._console.print(line, highlight=False)


@contextmanager
def watching() -> Iterator[BarWatcher | LogWatcher]:
    """Show progress on standard error while the context lasts."""
    terminal = console(stderr=True)
    if not sys.stderr.isatty():
        yield LogWatcher(terminal)
        return
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("[red]{task.fields[failed]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=terminal) as progress:
        yield BarWatcher(progress)
