"""What a spectrum may hold, for features to be made from; imports nothing."""

from typing import Literal

SpectrumType = Literal["EXAFS", "XANES"]
"""What absorption spectra are."""

PatternType = Literal[SpectrumType, "PDF"]
"""What can be computed of a site."""

Part = Literal["chi(k)", "EXAFS in mu(E)", "the near edge in mu(E)", "G(r)"]
"""What features are made from, and what a spectrum may hold."""

EVERYTHING: frozenset[Part] = frozenset({"chi(k)", "EXAFS in mu(E)", "the near edge in mu(E)"})
"""All that absorption spectra may hold."""
NEAR_EDGE: frozenset[Part] = frozenset({"the near edge in mu(E)"})
PAIRS: frozenset[Part] = frozenset({"G(r)"})
