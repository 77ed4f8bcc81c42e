"""Curves whose axis is shifted or stretched."""

import torch


def moved(curves: torch.Tensor, points: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return curves as they are elsewhere, linear between points; beyond an end, its value.

    Parameters
    ----------
    curves
        Shape (n, n_axis).
    points
        Axis, ascending, shape (n_axis,).
    places
        Where each value of each curve is taken from, on the axis, shape (n, n_axis); or where
        those of all of them are, shape (n_axis,).
    """
    wanted = places.clamp(points[0], points[-1])
    above = torch.searchsorted(points, wanted).clamp(1, len(points) - 1)
    low, high = points[above - 1], points[above]
    weight = (wanted - low) / (high - low)
    if places.dim() == 1:
        return curves[:, above - 1] * (1 - weight) + curves[:, above] * weight
    return curves.gather(1, above - 1) * (1 - weight) + curves.gather(1, above) * weight
