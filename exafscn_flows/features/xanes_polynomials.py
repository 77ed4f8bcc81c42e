"""The near edge, piece by piece, as polynomials."""

from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.features.base import FeatureName
from exafscn_flows.features.near_edge import NearEdge
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum


class XanesPolynomials(NearEdge):
    """Coefficients of polynomials fitted to normalised mu(E) in pieces of the grid.

    After Torrisi et al., npj Comput. Mater. 6, 109 (2020). The polynomials are Legendre's of a
    coordinate that goes from -1 to 1 in each piece, so that coefficient 0 is the mean of mu there,
    1 half its rise, and so on, whatever the width.
    """

    kind: Literal["xanes_polynomials"] = "xanes_polynomials"
    name: FeatureName = "xanes_polynomials"
    width: float = Field(
        default=5.0,
        ge=0.01,
        allow_inf_nan=False,
        description="Largest width of a piece, eV; as few pieces as possible, of equal width.",
    )
    degree: int = Field(default=3, ge=0, le=3, description="Degree of the polynomials.")

    @model_validator(mode="after")
    def _check_pieces(self) -> Self:
        n = min(map(len, self.pieces()))
        if n <= self.degree:
            raise ValueError(
                f"pieces of {self.width:g} eV have {n} points of the grid, and a polynomial of "
                f"degree {self.degree} takes {self.degree + 1}: raise width or lower estep"
            )
        return self

    def pieces(self) -> list[np.ndarray]:
        """Return the points of each piece, eV, each shape (n_points,), which may differ by one."""
        grid = self.grid()
        n_pieces = np.ceil((grid[-1] - grid[0]) / self.width - 1e-6)
        return np.array_split(grid, max(1, int(n_pieces)))

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        own = self.model_dump(include={"width", "degree"})
        return {"version": 2, **self._grid_parameters(), **own}

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return the middles of the pieces for each coefficient, shape (n_features,), and label."""
        middles = [(piece[0] + piece[-1]) / 2 for piece in self.pieces()]
        label = f"{self.energy_label()}, coefficients 0 to {self.degree} of the pieces"
        return np.tile(middles, self.degree + 1), label

    def value_label(self, settings: LarchSettings) -> str:
        """Return the coefficients, which have no unit."""
        return "Legendre coefficients of normalised μ(E)"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        from numpy.polynomial import legendre

        pieces = self.pieces()
        ends = np.cumsum([len(piece) for piece in pieces])[:-1]
        parts = np.split(self.normalised(spectrum), ends)
        coefficients = [
            legendre.legfit(np.linspace(-1, 1, len(part)), part, self.degree) for part in parts
        ]
        return np.transpose(coefficients).ravel().astype(np.float32)
