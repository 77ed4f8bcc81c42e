"""How and where flows run: the command line, processes on this machine, templates."""
