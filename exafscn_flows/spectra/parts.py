"""What a spectrum may hold, for features to be made from; imports nothing."""

from typing import Literal

SpectrumType = Literal["EXAFS", "XANES"]

Part = Literal["chi(k)", "EXAFS in mu(E)", "the near edge in mu(E)"]
"""What features are made from, and what a spectrum may hold."""

EVERYTHING: frozenset[Part] = frozenset({"chi(k)", "EXAFS in mu(E)", "the near edge in mu(E)"})
NEAR_EDGE: frozenset[Part] = frozenset({"the near edge in mu(E)"})
