"""Running a campaign in a database of a benchmark's own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exafscn_flows.store.embedded import EmbeddedServer


@contextmanager
def database(folder: Path | None) -> Iterator[Path]:
    """Start a database in a folder, by default one that is removed afterwards, for this process.

    Yields
    ------
    Path
        A folder for other files, which is removed afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="exafscn-bench-") as scratch:
        server = EmbeddedServer(folder or Path(scratch))
        os.environ["EXAFSCN_MONGODB_URI"] = server.start()
        try:
            yield Path(scratch)
        finally:
            server.stop()


def run(file: Path, *keys: str) -> None:
    """Run a campaign file by the command, with KEY=VALUE for `--set`; it must succeed."""
    exafscn = str(Path(sys.executable).with_name("exafscn"))
    options = [word for key in keys for word in ("--set", key)]
    subprocess.run([exafscn, "run", str(file), *options], check=True)
