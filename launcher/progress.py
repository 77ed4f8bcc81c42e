"""Progress of a campaign in the terminal: a bar per stage, or a line now and then in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.progress_bar import ProgressBar
from rich.text import Text

from exafscn_flows.jobs.forecast import Forecast, time_text
from launcher.console import console

_LOG_SECONDS = 30.0


@dataclass
class _Count:
    """Work of a stage: what is expected, in named parts and beside them, and what has ended."""

    more: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    done: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.more + sum(self.parts.values())

    def expect(self, count: int, part: str | None) -> None:
        if part is None:
            self.more += count
        else:
            self.parts[part] = count

    def advance(self, done: int, failed: int) -> None:
        self.done += done + failed
        self.failed += failed
        if self.done > self.total:  # nobody has announced it
            self.more += self.done - self.total


class BarWatcher:
    """A bar per stage with count and failures; of a campaign, one with the time that is left."""

    def __init__(self, progress: Progress, title: str | None) -> None:
        self.forecast = Forecast()
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, _Count] = {}
        if title is not None:
            # Its total is that of the work, which the forecast knows.
            progress.add_task(title, total=None, forecast=self.forecast)

    def expect(self, stage: str, count: int, part: str | None = None) -> None:
        """Announce more work in a stage."""
        if count or part in self._counts.get(stage, _Count()).parts:
            self._counts.setdefault(stage, _Count()).expect(count, part)
            self._show(stage)

    def advance(self, stage: str, done: int, failed: int) -> None:
        """Report finished work."""
        self._counts.setdefault(stage, _Count()).advance(done, failed)
        self._show(stage)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(line, highlight=False)

    def _show(self, stage: str) -> None:
        count = self._counts[stage]
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, count=count)
        self._progress.update(self._tasks[stage], total=count.total, completed=count.done)


class _Work(BarColumn):
    """The bar of a stage, or of all work."""

    def render(self, task: Task) -> ProgressBar:
        """Draw it; of all work, by its share that is done."""
        forecast: Forecast | None = task.fields.get("forecast")
        share = None if forecast is None else forecast.share()
        if share is not None:
            task.total, task.completed = 1.0, share
        return super().render(task)


class _Figures(ProgressColumn):
    """Count and failures of a stage, or the time that all work will take yet."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """Write them."""
        forecast: Forecast | None = task.fields.get("forecast")
        if forecast is not None:
            return Text(f"left {time_text(forecast.seconds_left())}")
        count: _Count = task.fields["count"]
        text = Text(f"{count.done}/{count.total}")
        if count.failed:
            text.append(f" {count.failed} failed", style="red")
        return text


class LogWatcher:
    """Lines for a log file: all stages every half minute, and each when it is complete."""

    def __init__(self, console: Console, title: str | None) -> None:
        self.forecast = Forecast()
        self._console = console
        self._title = title
        self._counts: dict[str, _Count] = {}
        self._shown = time.monotonic()

    def expect(self, stage: str, count: int, part: str | None = None) -> None:
        """Announce more work in a stage."""
        self._counts.setdefault(stage, _Count()).expect(count, part)

    def advance(self, stage: str, done: int, failed: int) -> None:
        """Report finished work."""
        entry = self._counts.setdefault(stage, _Count())
        entry.advance(done, failed)
        if time.monotonic() - self._shown > _LOG_SECONDS:
            self._shown = time.monotonic()
            under_way = {
                name: count for name, count in self._counts.items() if 0 < count.done < count.total
            }
            parts = [_line(name, count) for name, count in under_way.items()]
            if self._title is not None:
                parts.append(f"left: {time_text(self.forecast.seconds_left())}")
            self.say("; ".join(parts))
        elif entry.done == entry.total:
            self.say(_line(stage, entry))

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, highlight=False, soft_wrap=True)


def _line(stage: str, count: _Count) -> str:
    failed = f", {count.failed} failed" if count.failed else ""
    return f"{stage}: {count.done} of {count.total}{failed}"


@contextmanager
def watching(title: str | None = None) -> Iterator[BarWatcher | LogWatcher]:
    """Show progress on standard error while the context lasts.

    Parameters
    ----------
    title
        What all work together is called, of which the time that is left is shown; by default it
        is not.
    """
    terminal = console(stderr=True)
    if not sys.stderr.isatty():
        yield LogWatcher(terminal, title)
        return
    columns = (TextColumn("{task.description:<11}"), _Work(), _Figures())
    with Progress(*columns, console=terminal) as progress:
        yield BarWatcher(progress, title)
