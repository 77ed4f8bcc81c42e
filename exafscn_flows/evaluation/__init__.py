"""Splits, out-of-fold predictions and their quality: arrays in, arrays and numbers out."""
