"""Ways in which held-out spectra are changed, as measurements are, to see how a model stands it."""

from typing import Literal, NamedTuple

ChangeName = Literal["sigma2", "noise", "kmax", "e0", "rbkg", "edge_step"]


class Change(NamedTuple):
    """One way in which spectra are changed.

    Attributes
    ----------
    label
        What is changed, with its unit.
    values
        How much.
    """

    label: str
    values: tuple[float, ...]


CHANGES: dict[ChangeName, Change] = {
    "sigma2": Change("σ² on top, of all shells (Å²)", (0.0, 0.002, 0.005, 0.01, 0.015)),
    "noise": Change("Noise of χ(k)", (0.0, 0.001, 0.003, 0.01, 0.03)),
    "kmax": Change("End of χ(k) (1/Å)", (6.0, 8.0, 10.0, 12.0)),
    "e0": Change("E0 too high by (eV)", (-6.0, -3.0, 0.0, 3.0, 6.0, 10.0)),
    "rbkg": Change("rbkg (Å)", (1.0, 1.2, 1.4, 1.6)),
    "edge_step": Change("Edge step too high by (%)", (-30.0, -15.0, 0.0, 15.0, 30.0)),
}
"""A wrong normalisation range is a wrong edge step. Of R below 1 Å, models see nothing."""
