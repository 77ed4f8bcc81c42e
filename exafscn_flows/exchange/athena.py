"""Athena projects, written by larch, as Athena and Larix read them."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from exafscn_flows.exchange.curves import Curve
from exafscn_flows.features.larch_xafs import undisturbed

with undisturbed():
    from larch import Group
    from larch.io.athena_project import AthenaProject

_UNSAFE = re.compile(r"[^\w .:,+()\[\]-]")
"""What Perl could take for something else in a quoted text, and characters that larch loses."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def athena_project(curves: Sequence[Curve]) -> bytes:
    """Return curves as the content of an Athena project, a record each.

    Parameters
    ----------
    curves
        One at least.
    """
    project = AthenaProject()
    for number, curve in enumerate(curves):
        key = _key(number)
        is_chi = curve.kind == "chi"
        # Larch would fit a pre-edge, also to chi(k); E0 and edge step spare it that.
        e0 = 0.0 if is_chi else curve.e0
        group = Group(energy=curve.x, mu=curve.y, e0=e0, edge_step=1.0)
        group.id, group.filename = key, _UNSAFE.sub("_", curve.name)
        group.atsym, group.edge = curve.absorber, curve.edge
        project.add_group(group)
        project.groups[key].args |= {
            "is_xmu": int(not is_chi),
            "is_chi": int(is_chi),
            "is_nor": int(not is_chi),
            "bkg_z": curve.absorber,
            "fft_edge": curve.edge.lower(),
            "recordtype": "chi(k)" if is_chi else "normalized mu(E)",
            "titles": [_UNSAFE.sub("_", line) for line in curve.notes],
        }
    with tempfile.TemporaryDirectory(prefix="exafscn-") as folder:
        path = Path(folder, "project.prj")
        project.save(str(path))
        return path.read_bytes()


def _key(number: int) -> str:
    """Return the name of a record, five letters, as Athena's own have."""
    letters = []
    for _ in range(5):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return "".join(reversed(letters))
