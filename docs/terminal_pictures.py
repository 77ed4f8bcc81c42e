"""Take the pictures of commands in a terminal from a finished campaign, as SVG.

python docs/terminal_pictures.py --campaign quickstart --absorber Zn

What commands print, with their colours, is drawn by rich. The spectra that `predict` reads are made
of those that FEFF has computed for sites of the campaign.
"""

import argparse
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from computed_spectra import write_spectra
from rich.console import Console
from rich.text import Text

from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.queries import find_page
from exafscn_flows.store.store import Store

IMAGES = Path(__file__).parent / "images"
WIDTH = 100
MOST = 3
"""Spectra that are answered."""

MOST_LINES = 36
"""Longer output is cut, which the last line says."""


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--campaign", default="quickstart")
    parser.add_argument("--absorber", default="Zn")
    arguments = parser.parse_args()
    campaign, absorber = arguments.campaign, arguments.absorber
    store = Store.open()
    query = PredictionQuery(campaign=campaign, absorber=absorber, disagrees=False)
    site = find_page(store, query, limit=1).rows[0]["site"]
    with tempfile.TemporaryDirectory(prefix="exafscn-terminal-") as folder:
        files = write_spectra(campaign, absorber, MOST, Path(folder))
        names = [Path(one).name for one in files]
        for name, line in {
            "status": f"status {campaign}",
            "failures": f"status {campaign} --failures",
            "query": f"query -c {campaign} --absorber {absorber} --sort doubtful --limit 8",
            "site": f"site {site}",
            "predict": shlex.join(["predict", *names]),
        }.items():
            take(name, line, Path(folder))


def take(name: str, line: str, folder: Path) -> None:
    """Draw what a command prints."""
    program = [sys.executable, "-c", "from launcher.cli import main; main()", *shlex.split(line)]
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    done = subprocess.run(
        program, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"exafscn {line}: {done.stderr}")
    lines = Text.from_ansi(done.stdout).split()
    cut = (
        [Text(f"({len(lines) - MOST_LINES} more lines)", "dim")] if len(lines) > MOST_LINES else []
    )
    terminal = Console(record=True, width=WIDTH, file=io.StringIO())
    for each in [Text(f"$ exafscn {line}", "bold"), *lines[:MOST_LINES], *cut]:
        terminal.print(each)
    path = IMAGES / f"terminal-{name}.svg"
    text = terminal.export_svg(title="exafscn", unique_id=name)
    # No font is loaded from elsewhere: each reader's own will do.
    text = re.sub(r"\s*@font-face \{.*?\}", "", text, flags=re.DOTALL)
    path.write_text("\n".join(one.rstrip() for one in text.splitlines()) + "\n")
    print(path)


if __name__ == "__main__":
    main()
