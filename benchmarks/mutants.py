"""Whether the tests see small faults: makes one after the other in a copy, and runs tests on it.

A fault is killed if one of the tests that are named with it fails, or does not end in time. Before
any fault is made, the same tests must pass. Only files that git knows are copied, so nothing of the
repository itself is touched:

    python benchmarks/mutants.py --json mutants.json
    python benchmarks/mutants.py --repo ../older --only "a password is shown"
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from faults import FAULTS, Fault
from provenance import provenance
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("exafscn_flows", "launcher", "workflows")

TIME_LIMIT = 300.0
"""Longest time that the tests of a fault may take, seconds."""
_END_SECONDS = 30.0
"""Time that interrupted tests have to put things away."""

_PASSED, _FAILED = 0, 1
"""Exit codes of pytest; all others say that it could not run the tests."""


class Run(NamedTuple):
    """How some tests ended; without an exit code they did not end in time."""

    code: int | None
    seconds: float
    output: str


class Result(NamedTuple):
    """What became of a fault: killed, timed out or survived; and the test that killed it."""

    fault: Fault
    outcome: str
    seconds: float
    by: str = ""


def main() -> None:
    """Make the faults and print a table; the exit code is 1 if one survived."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repo", type=Path, default=ROOT, help="checkout to look at")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="make these faults only")
    parser.add_argument("--list", action="store_true", help="print the faults and end")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    faults = [one for one in FAULTS if arguments.only is None or one.name in arguments.only]
    if unknown := {*(arguments.only or ())} - {one.name for one in faults}:
        parser.error(f"no fault is named {min(unknown)!r}: see --list")
    if arguments.list:
        for fault in faults:
            print(f"{fault.file}: {fault.name}")
        return
    # A shell that started this in the background has it ignored, also by the tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    repo = arguments.repo.resolve()
    with tempfile.TemporaryDirectory(prefix="exafscn-mutants-") as folder:
        results = try_all(copied(repo, Path(folder)), faults)
    show(results)
    if arguments.json:
        found = {
            **provenance(repo),
            "faults": [
                {
                    "name": fault.name,
                    "file": fault.file,
                    "outcome": outcome,
                    "seconds": round(seconds, 1),
                    "by": by,
                }
                for fault, outcome, seconds, by in results
            ],
        }
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    sys.exit(any(result.outcome == "survived" for result in results))


def copied(repo: Path, folder: Path) -> Path:
    """Copy what git knows, and compile it: from then on, no compiled file is written."""
    for name in filter(None, _git(repo, "ls-files", "-z").split("\0")):
        if (repo / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(repo / name, folder / name)
    subprocess.run([sys.executable, "-m", "compileall", "-q", *PACKAGES], cwd=folder, check=True)
    places = "; ".join(f"import {name}; print({name}.__file__)" for name in PACKAGES)
    told = subprocess.run(
        [sys.executable, "-c", places],
        cwd=folder.parent,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()
    assert [Path(place) for place in told] == [folder / one / "__init__.py" for one in PACKAGES]
    return folder


def try_all(copy: Path, faults: Sequence[Fault]) -> list[Result]:
    """Run the tests of all faults without any, and then with one fault after the other."""
    for fault in faults:
        found = (copy / fault.file).read_text().count(fault.before)
        if found != 1:
            sys.exit(f"{fault.name}: {fault.before!r} is {found} times in {fault.file}")
    for tests in dict.fromkeys(present(copy, fault) for fault in faults):
        if tests and (run := run_tests(copy, tests)).code != _PASSED:
            sys.exit(f"{' '.join(tests)} fail without a fault:\n{run.output[-3000:]}")
    results = []
    for fault in faults:
        results.append(try_fault(copy, fault))
        print(f"{results[-1].outcome:<10}{fault.name}  {results[-1].by}", flush=True)
    return results


def try_fault(copy: Path, fault: Fault) -> Result:
    """Run the tests of one fault with it."""
    tests = present(copy, fault)
    if not tests:
        return Result(fault, "survived", 0.0)
    with made(copy / fault.file, fault):
        run = run_tests(copy, tests)
    if run.code not in (None, _PASSED, _FAILED):
        sys.exit(f"{fault.name}: the tests could not be run:\n{run.output[-3000:]}")
    outcome = {None: "timed out", _PASSED: "survived", _FAILED: "killed"}[run.code]
    told = (line.partition(" ") for line in run.output.splitlines())
    by = next((name for what, _, name in told if what in ("FAILED", "ERROR")), "")
    return Result(fault, outcome, run.seconds, by.partition(" - ")[0])


def present(copy: Path, fault: Fault) -> tuple[str, ...]:
    """Return the tests of a fault whose files are there: a checkout may be older than some."""
    return tuple(one for one in fault.tests if (copy / one.partition("::")[0]).exists())


@contextmanager
def made(file: Path, fault: Fault) -> Iterator[None]:
    """Make a fault, and take it back."""
    text, status = file.read_text(), file.stat()
    file.write_text(text.replace(fault.before, fault.after))
    try:
        yield
    finally:
        file.write_text(text)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as it was compiled


def run_tests(copy: Path, tests: Sequence[str]) -> Run:
    """Run tests up to the first that fails, in a process group of their own."""
    began = time.monotonic()
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
            cwd=copy,
            env=_environment(copy),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        code: int | None = None
        try:
            code = process.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # servers of the tests are stopped
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        output.seek(0)
        return Run(code, time.monotonic() - began, output.read())


def _environment(copy: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}


def _git(repo: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=repo, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def show(results: Sequence[Result]) -> None:
    """Print a table, and how many faults were seen."""
    table = Table("fault", "file", "", "s")
    table.columns[3].justify = "right"
    for fault, outcome, seconds, _ in results:
        table.add_row(fault.name, fault.file, outcome, f"{seconds:.1f}")
    terminal = Console()
    terminal.print(table)
    seen = sum(result.outcome != "survived" for result in results)
    terminal.print(f"{seen} of {len(results)} faults are seen", highlight=False)


if __name__ == "__main__":
    main()
