"""How and where flows run: the command line, processes on this machine, templates.

A process that imports it looks for garbage in cycles more seldom than Python does by itself. There
is hardly any, and every full search goes through all objects there are, some 100,000 after the
imports of a campaign: that took a sixth of the time in which predictions are written.
"""

import gc

gc.set_threshold(10_000)
