import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crystals import fcc
from pymatgen.core import Lattice, Structure

from exafscn_flows.spectra import feff

MakeFeff = Callable[..., None]


@pytest.fixture(scope="session")
def copper() -> Structure:
    """Fcc copper, nearest neighbours at 2.553 Å."""
    return fcc("Cu", 3.61)


@pytest.fixture(scope="session")
def rutile() -> Structure:
    """TiO2 in its own low symmetry; every coordinate has an exact sixth decimal, in Å."""
    return Structure.from_spacegroup(
        "P4_2/mnm",
        Lattice.tetragonal(4.594, 2.9586),
        ["Ti", "O"],
        [[0, 0, 0], [0.305, 0.305, 0]],
    )


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let no file of this process and its children become larger than 40 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40 * 1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def fake_feff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeFeff:
    """Replace programs of FEFF by shell scripts; the others stay what they are.

    In a script, $REAL is the folder of the real programs.
    """
    real = feff._home()
    home = tmp_path / "fake-feff"

    def make(**scripts: str) -> None:
        home.mkdir()
        for file in real.iterdir():
            (home / file.name).symlink_to(file)
        for name, script in scripts.items():
            program = home / f"feff8l_{name}"
            program.unlink()
            program.write_text(f"#!/bin/sh\nREAL={real}\nPATH=/usr/bin:/bin\n{script}\n")
            os.chmod(program, 0o755)
        monkeypatch.setattr(feff, "_home", lambda: home)

    return make
