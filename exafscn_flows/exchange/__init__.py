"""Spectra as files that other programs read."""
