"""Cauchy wavelet transform: which R contributes at which k."""

from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.features.base import FeatureName, transform_parameters
from exafscn_flows.features.k_space import weighted_label
from exafscn_flows.features.ranges import KRange
from exafscn_flows.features.settings import WAVELET_KSTEP, LarchSettings, wavelet_r
from exafscn_flows.spectra.base import Spectrum


class Wavelet(KRange):
    """Magnitude of larch's Cauchy wavelet, as means over n_r times n_k equal cells of R and k.

    Larch computes it at 326 R up to 10 Å (which makes the order of the wavelet 326) and in steps
    of 0.05 1/Å of k, from chi(k) up to kmax. The values are ordered by k, then by R.
    """

    kind: Literal["wavelet"] = "wavelet"
    name: FeatureName = "wavelet"
    kweight: int | None = Field(
        default=None, ge=0, le=4, description="Power of k that weights chi; None: that of xftf."
    )
    # Further down, the wavelet is wider than any range of k.
    rmin: float = Field(default=1.0, ge=0.5, description="Smallest R, Å.")
    rmax: float = Field(default=6.0, le=10, description="Largest R, Å.")
    n_r: int = Field(default=40, ge=1, le=326, description="Cells along R.")
    n_k: int = Field(default=10, ge=1, le=400, description="Cells along k.")

    @model_validator(mode="after")
    def _check_r(self) -> Self:
        if self.rmin >= self.rmax:
            raise ValueError(f"rmin ({self.rmin:g}) must be less than rmax ({self.rmax:g})")
        return self

    def check(self, settings: LarchSettings) -> None:
        super().check(settings)
        kmin, kmax = self.limits(settings)
        for name, cells, grid, low, high in (
            ("n_r", self.n_r, wavelet_r(), self.rmin, self.rmax),
            ("n_k", self.n_k, _k_grid(kmax), kmin, kmax),
        ):
            if not _means(grid, low, high, cells).any(axis=1).all():
                points = int(((grid >= low) & (grid <= high)).sum())
                raise ValueError(f"{name} ({cells}) is too many: larch has {points} points there")

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        parameters = {
            "version": 1,
            **self._curve_parameters(settings),
            "limits": list(self.limits(settings)),
            "kweight": self._weight(settings),
            "cells": self.model_dump(include={"rmin", "rmax", "n_r", "n_k"}),
        }
        if self.curve == "normalised":
            # The background is judged by its chi(R).
            parameters["xftf"] = transform_parameters(settings)
        return parameters

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return the R in the middle of every value's cell, shape (n_k n_r,), and its label."""
        edges = np.linspace(self.rmin, self.rmax, self.n_r + 1)
        return np.tile((edges[:-1] + edges[1:]) / 2, self.n_k), "R (Å), at one k after the other"

    def value_label(self, settings: LarchSettings) -> str:
        """Return the magnitude of the wavelet with its unit, which depends on the k weight."""
        return f"|wavelet of {weighted_label('χ(k)', self._weight(settings))}|"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        from exafscn_flows.features import larch_xafs
        from exafscn_flows.features.transformed import Transformed

        kmin, kmax = self.limits(settings)
        k = _k_grid(kmax)
        chi = Transformed(spectrum, settings).chi_on(self.curve, k, kmin, kmax)
        wavelet = np.abs(larch_xafs.cauchy_wavelet(k, chi, self._weight(settings)))
        along_r = _means(wavelet_r(), self.rmin, self.rmax, self.n_r)
        along_k = _means(k, kmin, kmax, self.n_k)
        vector: np.ndarray = (along_k @ wavelet.T @ along_r.T).astype(np.float32).ravel()
        return vector

    def _weight(self, settings: LarchSettings) -> int:
        return settings.xftf.kweight if self.kweight is None else self.kweight


def _k_grid(kmax: float) -> np.ndarray:
    return WAVELET_KSTEP * np.arange(int(kmax / WAVELET_KSTEP + 1e-6) + 1)


def _means(grid: np.ndarray, low: float, high: float, cells: int) -> np.ndarray:
    """Return the matrix that takes the mean over equal cells, shape (cells, n_grid).

    The last cell holds its upper edge too; the row of a cell without points is 0.
    """
    # Rounding must not move a point that lies on an edge.
    place = np.floor((grid - low) / (high - low) * cells + 1e-9)
    place[np.isclose(grid, high)] = cells - 1
    member = place == np.arange(cells)[:, None]
    means: np.ndarray = member / np.maximum(member.sum(axis=1, keepdims=True), 1)
    return means
