"""Out-of-fold outputs, importance, experiments, trust in labels: arrays in, numbers out."""
