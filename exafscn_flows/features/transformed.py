"""chi(k) and chi(R) of one spectrum, made once for all feature sets that need them."""

import hashlib
from typing import Any

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import larch_xafs
from exafscn_flows.features.background import (
    CHI_LIMIT,
    Background,
    check_background,
    largest_chi,
)
from exafscn_flows.features.base import Curve, check_points, transform_parameters
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum

_HINT = "look at the stored spectrum of this site"

_HALF_STEP = 0.025
"""Half a step of FEFF's k grid, 1/Å, for rounding."""

_last: tuple[Any, dict[str, Any]] = (None, {})
"""What larch made of the last spectrum, by what it depends on; never more than one spectrum's."""


class Transformed:
    """What larch makes of one spectrum; each step is done at most once.

    Feature sets are transformed one after the other, and autobk takes longer than all else. So
    the results for the last spectrum are kept, by content, until another spectrum comes.

    Parameters
    ----------
    spectrum
        Spectrum of one site.
    settings
        Parameters of autobk and xftf.

    Raises
    ------
    ItemFailure
        ``bad_spectrum`` if it is no EXAFS, or its arrays cannot be used.
    """

    def __init__(self, spectrum: Spectrum, settings: LarchSettings) -> None:
        _check(spectrum)
        self._spectrum = spectrum
        self._autobk = settings.autobk
        # The whole of chi(R), so that nothing depends on where a feature set ends.
        self._xftf = settings.xftf.model_copy(
            update={"rmax_out": np.pi / (2 * settings.xftf.kstep)}
        )
        self._results = _results(spectrum, settings)

    def chi(self, curve: Curve, kmin: float, kmax: float) -> tuple[np.ndarray, np.ndarray]:
        """Return k and chi(k), of which the part from kmin to kmax is checked.

        Parameters
        ----------
        curve
            Which chi(k).
        kmin, kmax
            Range that is used, 1/Å.

        Returns
        -------
        k, chi
            Shape (n_k,); to be left unchanged.

        Raises
        ------
        ItemFailure
            ``bad_spectrum`` or ``background_failed``. With curve ``as_published``, which the
            published study used whatever came out, only if the numbers are not finite.
        """
        if curve == "as_published":
            background = self._background(curve)
            return background.k, background.chi
        if curve == "chi":
            k, chi = self._spectrum.k, self._spectrum.chi
            if not len(k):
                raise ItemFailure(
                    "bad_spectrum", "the source has no chi(k) of this site", "take input mu"
                )
            if k[-1] < kmax - _HALF_STEP:
                raise ItemFailure(
                    "bad_spectrum",
                    f"chi(k) ends at {k[-1]:.2f} 1/Å, before kmax = {kmax:g}",
                    "lower kmax, or raise FEFF's EXAFS card",
                )
            if (largest := largest_chi(k, chi, kmin, kmax)) > CHI_LIMIT:
                raise ItemFailure(
                    "bad_spectrum", f"|chi(k)| reaches {largest:.3g}, above {CHI_LIMIT:g}", _HINT
                )
            return k, chi
        background = self._background(curve)
        if "checked" not in self._results:
            chir_program = self.chir("chi") if len(self._spectrum.k) else None
            check_background(background, self._chir(curve), chir_program, self._xftf)
            self._results["checked"] = True
        if background.k[-1] < kmax - _HALF_STEP:
            raise ItemFailure(
                "background_failed",
                f"mu(E) ends at k = {background.k[-1]:.2f} 1/Å, before kmax = {kmax:g}",
                "lower kmax, or raise FEFF's EXAFS card",
            )
        return background.k, background.chi

    def chi_on(self, curve: Curve, k: np.ndarray, kmin: float, kmax: float) -> np.ndarray:
        """Return chi at other k, shape (n_k,), in between linear, and 0 beyond the data."""
        k_data, chi = self.chi(curve, kmin, kmax)
        return np.where(k <= k_data[-1] + _HALF_STEP, np.interp(k, k_data, chi), 0.0)

    def chir(self, curve: Curve) -> np.ndarray:
        """Return the whole of chi(R), complex, shape (nfft / 2,), of a chi(k) that is checked."""
        self.chi(curve, self._xftf.kmin, self._xftf.kmax)
        return self._chir(curve)

    def _background(self, curve: Curve) -> Background:
        if not len(self._spectrum.mu):
            raise ItemFailure(
                "bad_spectrum", "the source has no mu(E) of this site", "take input chi"
            )
        if curve not in self._results:
            take_off = (
                larch_xafs.autobk if curve == "normalised" else larch_xafs.autobk_as_published
            )
            s = self._spectrum
            self._results[curve] = take_off(s.energy_rel, s.mu, s.e0, self._autobk)
        background: Background = self._results[curve]
        return background

    def _chir(self, curve: Curve) -> np.ndarray:
        key = f"chi(R) {curve}"
        if key not in self._results:
            source = self._spectrum if curve == "chi" else self._background(curve)
            self._results[key] = larch_xafs.xftf(source.k, source.chi, self._xftf)
        chir: np.ndarray = self._results[key]
        return chir


def _results(spectrum: Spectrum, settings: LarchSettings) -> dict[str, Any]:
    global _last
    digest = hashlib.blake2b(np.float64(spectrum.e0).tobytes(), digest_size=16)
    for array in (spectrum.energy_rel, spectrum.mu, spectrum.k, spectrum.chi):
        digest.update(f"{array.dtype}{len(array)}".encode() + array.tobytes())
    key = digest.digest(), settings.autobk, transform_parameters(settings)
    known, results = _last
    if known != key:
        results = {}
        _last = key, results
    return results


def _check(spectrum: Spectrum) -> None:
    if spectrum.spectrum_type != "EXAFS":
        raise ItemFailure(
            "bad_spectrum",
            f"the spectrum is {spectrum.spectrum_type}, and the feature set is made of EXAFS",
            "take feature sets of kind xanes",
        )
    if len(spectrum.energy_rel) or len(spectrum.mu):
        check_points("mu(E)", spectrum.energy_rel, spectrum.mu)
    if len(spectrum.k) or len(spectrum.chi):
        check_points("chi(k)", spectrum.k, spectrum.chi)
    if not np.isfinite(spectrum.e0) or spectrum.e0 <= 0:
        raise ItemFailure("bad_spectrum", f"E0 is {spectrum.e0:g} eV", _HINT)
