"""Spectra of sites by a model of curves, from the structure alone, instead of by a program."""
