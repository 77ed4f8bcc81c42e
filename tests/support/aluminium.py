"""XANES of a small crystal by FEFF 10, in little time, and what is left of it."""

import os
import time
from pathlib import Path
from typing import Any

import psutil
from crystals import fcc
from pymatgen.core import Structure

from exafscn_flows.spectra import Feff10Settings, feff10
from exafscn_flows.spectra.base import Spectrum

QUICK = {"FMS": 2.9, "SCF": "1 0 30 0.2 1", "XANES": "3 0.2 0"}
"""Two processor seconds for aluminium."""

ALUMINIUM = fcc("Al", 4.05)


def settings(cards: dict[str, Any] = QUICK, **keys: Any) -> Feff10Settings:
    return Feff10Settings.model_validate({"kind": "feff10", "radius": 4, "cards": cards, **keys})


def compute(structure: Structure, scratch: Path, site_index: int = 0, **keys: Any) -> Spectrum:
    return feff10.compute_spectrum(structure, site_index, settings(**keys), scratch)


def running_in(folder: Path) -> list[psutil.Process]:
    """Processes that work in a folder or below."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def wait_for_none(folder: Path) -> None:
    limit = time.monotonic() + 20
    while running_in(folder):
        assert time.monotonic() < limit
        time.sleep(0.02)
