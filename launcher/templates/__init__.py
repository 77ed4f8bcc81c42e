"""Templates of the files that `exafscn cluster init` writes."""
