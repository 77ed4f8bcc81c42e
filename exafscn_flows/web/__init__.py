"""The page of `exafscn serve`: spectra, screening, sites and campaigns in a browser."""
