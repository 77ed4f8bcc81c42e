"""The magnitude of chi(R), from mu(E) or from the chi(k) that the program itself gives."""

from typing import Any, Literal

import numpy as np
from pydantic import model_validator

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.base import FeatureName, FeatureSetModel
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum

_VERSION = 1
"""Grows whenever the code below, or the version of larch, gives other values than before."""


class RSpace(FeatureSetModel):
    """|chi(R)| on larch's R grid, 326 values with the default settings.

    With input ``mu``, larch's autobk takes the background off mu(E), as for a measured spectrum;
    with input ``chi``, FEFF's chi(k) is transformed as it is.
    """

    kind: Literal["r_space"] = "r_space"
    input: Literal["mu", "chi"] = "mu"
    name: FeatureName = "r_space"

    @model_validator(mode="before")
    @classmethod
    def _default_name(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("input") == "chi":
            return {"name": "r_space_chi", **values}
        return values

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        """Return what determines the vector; autobk only where it is used."""
        parameters = {
            "kind": self.kind,
            "version": _VERSION,
            "input": self.input,
            "xftf": settings.xftf.model_dump(),
        }
        if self.input == "mu":
            parameters["autobk"] = settings.autobk.model_dump()
        return parameters

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return R, shape (n_r,), and its label."""
        return settings.xftf.r(), "R (Å)"

    def value_label(self, settings: LarchSettings) -> str:
        """Return |chi(R)| with its unit, which depends on the k weight."""
        power = str(settings.xftf.kweight + 1).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"|χ(R)| (Å⁻{power})"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        """Return |chi(R)|, float32, shape (n_r,), in units of 1/Å^(kweight + 1).

        Raises
        ------
        ItemFailure
            ``bad_spectrum`` for arrays that cannot be used, ``background_failed`` for a
            background that is not physical.
        """
        from exafscn_flows.features import larch_xafs
        from exafscn_flows.features.background import CHI_LIMIT, check_background, largest_chi

        _check_spectrum(spectrum, settings.xftf.kmax)
        if (largest := largest_chi(spectrum.k, spectrum.chi, settings.xftf)) > CHI_LIMIT:
            raise ItemFailure(
                "bad_spectrum", f"|chi(k)| reaches {largest:.3g}, above {CHI_LIMIT:g}", _HINT
            )
        chir = larch_xafs.xftf(spectrum.k, spectrum.chi, settings.xftf)
        if self.input == "mu":
            chir_program = chir
            background = larch_xafs.autobk(
                spectrum.energy_rel, spectrum.mu, spectrum.e0, settings.autobk
            )
            chir = larch_xafs.xftf(background.k, background.chi, settings.xftf)
            check_background(background, chir, chir_program, settings.xftf)
        vector: np.ndarray = np.abs(chir).astype(np.float32)
        return vector


def _check_spectrum(spectrum: Spectrum, kmax: float) -> None:
    for name, x, y in (
        ("mu(E)", spectrum.energy_rel, spectrum.mu),
        ("chi(k)", spectrum.k, spectrum.chi),
    ):
        if x.shape != y.shape or x.ndim != 1 or len(x) < 2:
            raise ItemFailure("bad_spectrum", f"{name} has no points or unequal lengths", _HINT)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ItemFailure("bad_spectrum", f"{name} has values that are not numbers", _HINT)
        if (np.diff(x) < 0).any():
            raise ItemFailure("bad_spectrum", f"the points of {name} are not in order", _HINT)
    if not np.isfinite(spectrum.e0) or spectrum.e0 <= 0:
        raise ItemFailure("bad_spectrum", f"E0 is {spectrum.e0:g} eV", _HINT)
    # Half a step of FEFF's k grid, 0.05 1/Å, for rounding.
    if spectrum.k[-1] < kmax - 0.025:
        raise ItemFailure(
            "bad_spectrum",
            f"chi(k) ends at {spectrum.k[-1]:.2f} 1/Å, before xftf.kmax = {kmax:g}",
            "lower xftf.kmax, or raise FEFF's EXAFS card",
        )


_HINT = "look at the stored spectrum; FEFF may have failed for this site"
