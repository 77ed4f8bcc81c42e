"""Whether the self-consistent potentials of FEFF 10 are to be trusted."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

HINT = "check the structure; if it is sound, exclude it"

_BAD_COUNTS = "Found bad counts"
"""What ``pot`` prints where its electrons are too many or too few. It then takes other states for
core than before, and begins anew."""

_MISPLACED = 3.0
"""Electrons of one angular momentum that an atom may have more or fewer than the free one. In
oxides of Fe, sound potentials differed by at most 1, and unsound ones by 3 to 6: their 3d states
had gone into the core, those of 3s and 3p had come in their place, and the Fermi level lay in the
white line."""

_CHANNEL = re.compile(r"^ +(\d+) +([012]) +(-?\d+\.\d+)$", re.MULTILINE)
"""Of what ``pot`` prints after each iteration: potential, angular momentum, electrons."""

_MOMENTS = tuple(int(one) for one in "001101122011223301122334401122")
"""Angular momentum of the first orbitals in ``config.dat``, 1s to 6d."""


class Fault(NamedTuple):
    """Why potentials are not to be trusted."""

    text: str
    bad_counts: bool = False
    """Whether electrons were missing, or there were too many."""


def potentials_fault(folder: Path, log: str, status: int) -> Fault | None:
    """Say why the potentials of a run are not to be trusted; None if they are.

    ``pot`` lists its iterations in a file; the last number of a line is 1 if it has converged. That
    it has not is no error to it, nor that electrons were missing on the way, after which another
    solution may be found, with edges eV off. Others end it, which it puts down to mixing itself.

    Parameters
    ----------
    folder
        Where ``pot`` has run.
    log
        What it printed.
    status
        Its exit status.

    Raises
    ------
    OSError, ValueError, IndexError
        If there is no list of iterations.
    """
    _, *lines = (folder / "convergence.scf").read_text(errors="replace").splitlines()
    words = lines[-1].split()
    last, converged = int(words[0]), words[-1] == "1"
    if _BAD_COUNTS in log:
        # Why is not known before another parting, or slower mixing, has cured it.
        text = f"electrons were missing, or too many, about iteration {last}"
        return Fault(text, bad_counts=True)
    if status:
        return Fault(f"pot failed after iteration {last}")
    if not converged:
        return Fault(f"not in {last} iterations")
    return _misplaced(folder, electrons(log))


def electrons(log: str) -> dict[tuple[int, int], float]:
    """Return the electrons that ``pot`` found last, by potential and angular momentum."""
    found = _CHANNEL.findall(log)
    return {(int(potential), int(moment)): float(number) for potential, moment, number in found}


def free_atom(folder: Path) -> dict[tuple[int, int], float]:
    """Return the valence electrons of free atoms, by potential and angular momentum.

    ``config.dat`` has two rows for a potential: its number, atomic number, symbol and the
    electrons of each orbital, and those of them that are valence.
    """
    found: dict[tuple[int, int], float] = {}
    lines = [
        line.split()
        for line in (folder / "config.dat").read_text(errors="replace").splitlines()
        if not line.lstrip().startswith("#")
    ]
    for head, valence in zip(lines[::2], lines[1::2], strict=False):
        for moment, number in zip(_MOMENTS, valence, strict=False):
            place = int(head[0]), moment
            found[place] = found.get(place, 0.0) + float(number)
    return found


def _misplaced(folder: Path, found: Mapping[tuple[int, int], float]) -> Fault | None:
    try:
        free = free_atom(folder) if found else {}
    except (OSError, ValueError, IndexError):
        free = {}
    for (potential, moment), number in found.items():
        expected = free.get((potential, moment))
        if expected is None:
            return Fault(f"config.dat does not say what a free atom of potential {potential} has")
        if abs(number - expected) > _MISPLACED:
            shell = "spd"[moment]
            text = f"potential {potential} has {number:.1f} {shell} electrons, not {expected:.1f}"
            return Fault(text)
    return None
