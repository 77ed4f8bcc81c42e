"""Where and when a figure was measured; stands in every file of benchmarks/results."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path


def provenance(repository: Path = Path(__file__).parents[1]) -> dict[str, str]:
    """Name the machine, the commit of a repository, and the day."""
    described = subprocess.run(
        ["git", "-C", str(repository), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "commit": described.stdout.strip(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
