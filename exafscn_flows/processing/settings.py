"""Settings of the processing of measured spectra, under larch's own names."""

from typing import Self

from pydantic import Field, model_validator

from exafscn_flows.strict import StrictModel

KSTEP = 0.05
"""Step of k, 1/Å."""


class ProcessingSettings(StrictModel):
    """From mu(E) to chi(k). What is None is chosen for each spectrum.

    Energies but ``e0`` are relative to E0.
    """

    e0: float | None = Field(default=None, gt=0, description="Energy where k = 0, eV.")
    edge_step: float | None = Field(default=None, gt=0, description="Height of the edge of mu.")
    pre1: float = Field(default=-200.0, description="Start of the pre-edge range, eV.")
    pre2: float = Field(default=-25.0, lt=0, description="End of the pre-edge range, eV.")
    norm1: float = Field(default=60.0, gt=0, description="Start of the post-edge range, eV.")
    norm2: float | None = Field(
        default=None,
        gt=0,
        description="End of the post-edge range, eV; None: 5 eV before the end, at most 1000.",
    )
    nnorm: int | None = Field(
        default=None,
        ge=0,
        le=3,
        description="Degree of the post-edge polynomial; None: 2, or 1 in ranges below 350 eV.",
    )
    rbkg: float = Field(default=1.0, gt=0, le=3, description="R below which all is background, Å.")
    kweight: int = Field(
        default=2, ge=0, le=4, description="Power of k that weights chi(k) in the background fit."
    )
    dk: float = Field(default=0.1, gt=0, description="Width of the edges of its window, 1/Å.")
    nclamp: int = Field(default=3, ge=0, description="Points at each end that are held near zero.")
    clamp_lo: float = Field(default=0.0, ge=0, description="Weight of the clamp at low k.")
    clamp_hi: float = Field(default=1.0, ge=0, description="Weight of the clamp at high k.")
    kmin: float = Field(default=3.0, ge=0, le=5, description="Start of the usable chi(k), 1/Å.")
    kmax: float | None = Field(
        default=None,
        gt=0,
        le=30,
        description="End of the usable chi(k), 1/Å; None: where noise takes over, at most 13.",
    )
    rebin: bool = Field(default=True, description="Average the points of dense scans.")
    cut_other_edges: bool = Field(default=True, description="End before another element's edge.")
    deglitch: bool = Field(default=True, description="Replace glitches.")

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        for low, high in (("pre1", "pre2"), ("norm1", "norm2"), ("kmin", "kmax")):
            begin, end = getattr(self, low), getattr(self, high)
            if end is not None and begin >= end:
                raise ValueError(f"{low} ({begin:g}) must be less than {high} ({end:g})")
        return self
