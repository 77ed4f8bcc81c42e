"""The crystal around a site, in three dimensions."""

from typing import TYPE_CHECKING, Any

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets.surroundings import Surroundings
from exafscn_flows.web.style import COLORS, INK, Figure

if TYPE_CHECKING:
    from pymatgen.core import Structure

_AROUND = 4.5
"""Atoms that are shown around the site, Å."""

_MOST = 150
"""Of them, the nearest."""

_ABSORBER = 20
_NEIGHBOUR = 15
_OTHER = 7
"""Diameters of spheres."""


def crystal_figure(structure: "Structure", site_index: int) -> tuple[Figure, str]:
    """Draw the atoms around a site: those that count as neighbours large and with bonds.

    Returns
    -------
    dict and str
        The figure, and what it shows, in words.
    """
    site = structure[site_index]
    try:
        found = Surroundings(structure).coordination(site_index)
        near, near_sites = found.shell[: found.cn], found.shell_sites[: found.cn]
        names = ", ".join(f"{count} {element}" for element, count in found.neighbours.items())
        says = (
            f"{found.cn} neighbours by CrystalNN: {names}; mean distance {found.bond_length:.3f} Å"
        )
    except ItemFailure as error:
        near, near_sites = np.empty((0, 3)), np.empty(0, dtype=int)
        says = error.message
    around, around_sites = _atoms_around(structure, site_index)
    # Those that count are drawn once.
    if len(near):
        apart = np.linalg.norm(around[:, None] - near[None], axis=2).min(axis=1) > 1e-3
        around, around_sites = around[apart], around_sites[apart]
    symbols = [one.specie.symbol for one in structure]
    colors = {element: COLORS[n % len(COLORS)] for n, element in enumerate(dict.fromkeys(symbols))}
    own = site.specie.symbol
    traces = [
        *_bonds(near),
        _atoms(f"{own}, the absorber", np.zeros((1, 3)), _ABSORBER, INK, 1.0),
    ]
    for size, opacity, coords, sites, kind in (
        (_NEIGHBOUR, 1.0, near, near_sites, "neighbour"),
        (_OTHER, 0.35, around, around_sites, "around"),
    ):
        of_element = np.array([symbols[int(one)] for one in sites])
        for element, color in colors.items():
            part = coords[of_element == element] if len(coords) else coords
            if len(part):
                traces.append(_atoms(f"{element}, {kind}", part, size, color, opacity))
    axis = {"visible": False, "showspikes": False}
    layout = {
        "scene": {
            "xaxis": axis,
            "yaxis": axis,
            "zaxis": axis,
            "aspectmode": "data",
            "camera": {
                "eye": {"x": 0.8, "y": 0.65, "z": 0.45},
                "projection": {"type": "orthographic"},
            },
        },
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "legend": {"orientation": "h", "y": 0, "font": {"size": 11}},
        "paper_bgcolor": "white",
        "uirevision": "kept",
    }
    return {"data": traces, "layout": layout}, says


def _atoms_around(structure: "Structure", site_index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors from the site, Å, shape (n, 3), and indices in the structure, shape (n,)."""
    center = structure[site_index].coords
    found = structure.get_sites_in_sphere(center, _AROUND)
    nearest = sorted(found, key=lambda one: (one.nn_distance, one.index))
    kept = [one for one in nearest if one.nn_distance > 1e-3][:_MOST]
    coords = np.array([one.coords - center for one in kept]).reshape(-1, 3)
    return coords, np.array([one.index for one in kept], dtype=int)


def _atoms(name: str, coords: np.ndarray, size: int, color: str, opacity: float) -> dict[str, Any]:
    distances = np.linalg.norm(coords, axis=1)
    x, y, z = coords.round(4).T.tolist()
    return {
        "type": "scatter3d",
        "mode": "markers",
        "name": name,
        "x": x,
        "y": y,
        "z": z,
        "text": [f"{name}: {distance:.3f} Å" for distance in distances],
        "hoverinfo": "text",
        "marker": {
            "size": size,
            "color": color,
            "opacity": opacity,
            "line": {"width": 1, "color": "white"},
        },
    }


def _bonds(near: np.ndarray) -> list[dict[str, Any]]:
    """Return lines from the absorber to its neighbours."""
    if not len(near):
        return []
    lines: list[list[Any]] = [[], [], []]
    for one in near.round(4).tolist():
        for axis, values in enumerate(lines):
            values += [0, one[axis], None]
    return [
        {
            "type": "scatter3d",
            "mode": "lines",
            "name": "bonds",
            "showlegend": False,
            "hoverinfo": "skip",
            "x": lines[0],
            "y": lines[1],
            "z": lines[2],
            "line": {"color": "#9aa5b1", "width": 7},
        }
    ]
