"""What starting costs: processor seconds of commands on a finished campaign, and of a worker.

With ``--before``, each is run in turn with the packages of another checkout, for a ratio that does
not depend on how fast the machine is at the moment.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from provenance import provenance

ROOT = Path(__file__).parents[1]
EXAFSCN = str(Path(sys.executable).with_name("exafscn"))
WORKER = (
    "import importlib\n"
    "from launcher import worker_forks\n"
    "for name in worker_forks._PRELOAD: importlib.import_module(name)"
)


def main() -> None:
    """Measure, print a table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "file", type=Path, nargs="?", default=ROOT / "configs" / "quickstart.yaml",
        help="campaign file of a campaign that is complete in the database of the settings",
    )  # fmt: skip
    parser.add_argument("--before", type=Path, help="another checkout, to compare with")
    parser.add_argument(
        "--before-data", type=Path, help="data folder of its database, if documents have changed"
    )
    parser.add_argument("--runs", type=int, default=7, help="runs of each; the median counts")
    parser.add_argument("--json", type=Path, help="file to write")
    arguments = parser.parse_args()
    file = str(arguments.file.resolve())
    commands = {
        "query": [EXAFSCN, "query"],
        "status": [EXAFSCN, "status"],
        "models list": [EXAFSCN, "models", "list"],
        "report": [EXAFSCN, "report", "-o", os.devnull],
        "run, nothing to do": [EXAFSCN, "run", file],
        "worker": [sys.executable, "-c", WORKER],
    }
    trees = {"now": {"PYTHONPATH": str(ROOT)}}
    if arguments.before:
        trees["before"] = {"PYTHONPATH": str(arguments.before.resolve())}
    if arguments.before_data:
        trees["before"]["EXAFSCN_DATA_DIR"] = str(arguments.before_data.resolve())
    rows = {}
    print(f"{'processor seconds':20}{''.join(f'{name:>10}' for name in trees)}")
    for what, command in commands.items():
        found: dict[str, list[float]] = {name: [] for name in trees}
        for run in range(arguments.runs + 1):
            for name, environment in trees.items():
                seconds = _processor_seconds(command, environment)
                if run:  # the first may have to compile
                    found[name].append(seconds)
        rows[what] = {name: round(statistics.median(each), 2) for name, each in found.items()}
        print(f"{what:20}{''.join(f'{seconds:10.2f}' for seconds in rows[what].values())}")
    if arguments.json:
        result = {**provenance(), "processor_seconds": rows, "runs": arguments.runs}
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


def _processor_seconds(command: list[str], environment: dict[str, str]) -> float:
    """Run a command with the packages of a checkout; user and system time of all its processes."""
    process = subprocess.Popen(
        command,
        cwd="/",  # where there are no other packages of these names
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: {errors}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
