"""The Voronoi polyhedron of one site: solid angle and area of its faces."""

from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from pymatgen.core import Structure
from scipy.spatial import ConvexHull, QhullError, Voronoi

_FIRST_RADIUS = 5.0
"""Å; in nineteen crystals of twenty these surroundings do, and cost a quarter of those of 7 Å."""

_MOST_ATOMS = 500_000
"""Atoms that are looked at for one polyhedron: some seconds, and 700 Å of vacuum above a layer."""

_FARTHEST = 2000.0
"""Å; faces that would meet beyond half of this are parallel but for rounding, as on a surface."""


class Faces(NamedTuple):
    """Faces of a Voronoi polyhedron, each with the atom on its other side.

    Attributes
    ----------
    site_index
        Index in the structure of the atom; shape (n_faces,).
    vector
        From the site to the atom, Å; shape (n_faces, 3).
    distance
        Its length, Å.
    solid_angle
        Under which the site sees the face, sr.
    area
        Å².
    """

    site_index: np.ndarray
    vector: np.ndarray
    distance: np.ndarray
    solid_angle: np.ndarray
    area: np.ndarray


def voronoi_faces(structure: Structure, site_index: int, cutoff: float) -> Faces:
    """Build the Voronoi polyhedron of one site from the atoms around it.

    Parameters
    ----------
    structure
        Crystal structure.
    site_index
        0-based index of the site.
    cutoff
        Radius of the surroundings, Å. Less is tried first, and taken where no atom beyond could
        change anything; more, where they leave the polyhedron open.

    Returns
    -------
    Faces

    Raises
    ------
    ValueError
        If the polyhedron stays open, or reaches hundreds of Å into a vacuum.
    """
    lattice, center = structure.lattice, structure.cart_coords[site_index]
    signs = [[1, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]]
    largest = np.linalg.norm(lattice.get_cartesian_coords(signs), axis=1).max() + 0.01
    radius = min(_FIRST_RADIUS, cutoff)
    while True:
        found: Any = lattice.get_points_in_sphere(
            structure.frac_coords, center, radius, zip_results=False
        )
        frac, distance, index, _ = found
        order = np.argsort(distance, kind="stable")  # the first is the site itself
        points = lattice.get_cartesian_coords(frac[order])
        if radius > cutoff:
            chosen = _facing(points - center)
            order, points = order[chosen], points[chosen]
        with suppress(QhullError):  # too few atoms
            diagram = Voronoi(points)
            with_site = (diagram.ridge_points == 0).any(axis=1).nonzero()[0]
            vertices = [diagram.ridge_vertices[ridge] for ridge in with_site]
            corners = {corner for face in vertices for corner in face}
            # An atom as far as this cuts no corner off that is nearer than half the way.
            reach = 2 * np.linalg.norm(diagram.vertices[list(corners)] - center, axis=1)
            closed = bool(corners) and -1 not in corners and reach.max() < _FARTHEST
            if closed and (radius >= cutoff or reach.max() < radius):
                break
        if radius < cutoff:
            radius = cutoff
        elif radius < largest:
            radius = min(2 * radius, largest)
            if 4 / 3 * np.pi * radius**3 * len(structure) / structure.volume > _MOST_ATOMS:
                raise ValueError(f"it faces a vacuum of more than {radius / 2:.0f} Å")
        else:
            raise ValueError("its Voronoi polyhedron is open")
    other = diagram.ridge_points[with_site].max(axis=1)
    # Each face is a fan of triangles, which share its first corner.
    fans = [(n, face[0], a, b) for n, face in enumerate(vertices) for a, b in pairwise(face[1:])]
    face, *triangles = np.array(fans).T
    a, b, c = (diagram.vertices[corner] - center for corner in triangles)
    size_a, size_b, size_c = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    triple = np.abs(_dot(a, np.cross(b, c)))
    # Van Oosterom & Strackee, IEEE Trans. Biomed. Eng. 30, 125 (1983).
    tangent = (
        size_a * size_b * size_c + size_c * _dot(a, b) + size_b * _dot(a, c) + size_a * _dot(b, c)
    )
    solid_angle = np.bincount(face, 2 * np.arctan2(triple, tangent))
    vector = points[other] - center
    distance = np.linalg.norm(vector, axis=1)
    # A cone on a face has the volume (area x height) / 3, its height is half the distance.
    area = np.bincount(face, triple) / distance
    return Faces(index[order][other], vector, distance, solid_angle, area)


def _facing(around: np.ndarray) -> np.ndarray:
    """Choose the points that may share a face with the first one, which is the origin.

    Into a vacuum a polyhedron is closed by atoms beyond it, among thousands whose polyhedra nobody
    asks for. A plane half way to p bounds that of the origin only if p / |p|² is a corner of the
    convex hull of all of these (polar duality).

    Parameters
    ----------
    around
        Coordinates, Å; shape (n_points, 3).

    Returns
    -------
    numpy.ndarray
        Indices, ascending, the first point included.
    """
    others = around[1:]
    try:
        hull = ConvexHull(others / (others**2).sum(axis=1, keepdims=True))
    except (QhullError, ValueError):  # all in a plane, or next to none
        return np.arange(len(around))
    return np.append(0, 1 + np.sort(hull.vertices))


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    products: np.ndarray = (a * b).sum(axis=1)
    return products
