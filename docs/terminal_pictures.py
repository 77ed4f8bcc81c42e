"""Take the pictures of commands in a terminal, as SVG: of a run, and of what is asked afterwards.

python docs/terminal_pictures.py

Runs a campaign in a database of its own, some minutes long: minerals of copper and zinc, and a
folder of CIFs some of which are damaged, as those that people have are. What commands print, with
their colours, is drawn by rich; of the run, what its terminal shows at half of its time. The
spectra that `predict` reads are made of those that FEFF has computed for sites of the campaign.
"""

import io
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from computed_spectra import write_spectra
from rich.console import Console
from rich.text import Text

from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.queries import find_page
from exafscn_flows.store.store import Store

IMAGES = Path(__file__).parent / "images"
WIDTH = 100
ABSORBER = "Zn"
MOST = 3
"""Spectra that are answered."""

MOST_LINES = 36
"""Longer output is cut, which the last line says."""

CAMPAIGN = """\
campaign: minerals
absorbers: [Cu, Zn]
sources: [{kind: amcsd}, {kind: files, path: cifs}]
filters: {max_atoms: 12}
sites: {max_per_absorber: 2}
models: [{kind: random_forest, n_estimators: 300}]
"""

CIF = """\
data_{name}
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M '{group}'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
{atoms}
"""

CIFS = {
    "cuprite": (4.27, "P n -3 m", "Cu1 0 0 0 1\nO1 0.25 0.25 0.25 1"),
    "brass": (2.95, "P m -3 m", "Cu1 0 0 0 0.6\nZn1 0 0 0 0.4"),
    "zincite-draft": (4.28, "F m -3 m", "Zn1 0 0 0 1\nO1 0.11 0 0 1"),
    "halite": (5.64, "F m -3 m", "Na1 0 0 0 1\nCl1 0.5 0.5 0.5 1"),
    "beamline-7": (5.41, "F -4 3 m", "Zn1 0 0 0 1\nS1 ? ? ? 1"),
}
"""By name: cell, space group, and atoms. Two are as they should be; one has no absorber."""

_FRAME = re.compile(r"\r\x1b\[2K((?:\x1b\[1A\x1b\[2K)*)")
"""What rich sends before it draws its bars again: the cursor goes up, and lines are erased."""


def main() -> None:
    """Run the campaign and take all pictures."""
    with tempfile.TemporaryDirectory(prefix="exafscn-terminal-") as scratch:
        server = EmbeddedServer(Path(scratch))
        folder = Path(scratch) / "here"
        (folder / "cifs").mkdir(parents=True)
        (folder / "minerals.yaml").write_text(CAMPAIGN)
        for name, (a, group, atoms) in CIFS.items():
            text = CIF.format(name=name, a=a, group=group, atoms=atoms)
            (folder / "cifs" / f"{name}.cif").write_text(text)
        os.environ["EXAFSCN_MONGODB_URI"] = server.start()
        try:
            draw("run", "run minerals.yaml", screen_at_half("run minerals.yaml", folder))
            for name, line in asked(folder).items():
                draw(name, line, printed(line, folder))
        finally:
            server.stop()


def asked(folder: Path) -> dict[str, str]:
    """Return commands by the names of their pictures, when the campaign is there."""
    query = PredictionQuery(campaign="minerals", absorber=ABSORBER, disagrees=False)
    site = find_page(Store.open(), query, limit=1).rows[0]["site"]
    files = write_spectra("minerals", ABSORBER, MOST, folder)
    return {
        "status": "status minerals",
        "failures": "status minerals --failures",
        "query": f"query -c minerals --absorber {ABSORBER} --sort doubtful --limit 8",
        "site": f"site {site}",
        "predict": shlex.join(["predict", *(Path(one).name for one in files)]),
    }


def command(line: str) -> list[str]:
    """Return the arguments of a process that does a command of exafscn."""
    return [sys.executable, "-c", "from launcher.cli import main; main()", *shlex.split(line)]


def printed(line: str, folder: Path) -> list[Text]:
    """Return what a command prints."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    done = subprocess.run(
        command(line), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"exafscn {line}: {done.stderr}")
    return list(Text.from_ansi(done.stdout).split())


def screen_at_half(line: str, folder: Path) -> list[Text]:
    """Return what a terminal shows of a command when half of its time has passed."""
    mine, its = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": "40"}
    began = time.monotonic()
    program = subprocess.Popen(
        command(line), cwd=folder, env=environment, stdin=its, stdout=its, stderr=its
    )
    os.close(its)
    seen: list[tuple[float, bytes]] = []
    try:
        while piece := os.read(mine, 65536):
            seen.append((time.monotonic() - began, piece))
    except OSError:  # all who wrote there have ended
        pass
    os.close(mine)
    if program.wait():
        raise SystemExit(f"exafscn {line} ended with {program.returncode}")
    half = seen[-1][0] / 2
    return screen(b"".join(piece for at, piece in seen if at <= half).decode(errors="ignore"))


def screen(sent: str) -> list[Text]:
    """Return the lines that a terminal shows when this was sent to it by rich."""
    first, *rest = _FRAME.split(sent)
    lines = first.splitlines()
    for up, drawn in zip(rest[::2], rest[1::2], strict=True):
        del lines[len(lines) - 1 - up.count("\x1b[1A") :]
        lines += drawn.splitlines()
    return [Text.from_ansi(one) for one in lines]


def draw(name: str, line: str, lines: list[Text]) -> None:
    """Draw a command with its output."""
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
