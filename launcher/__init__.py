"""How and where flows run: the command line, processes on this machine, templates.

A process that imports it looks for garbage in cycles more seldom than Python does by itself. There
is hardly any, and every full search goes through all objects there are, some 100,000 after the
imports of a campaign: that took a sixth of the time in which predictions are written.
"""

import gc
import os

gc.set_threshold(10_000)

# jobflow reads settings as it is imported, here and in worker processes. Those of a user are for
# other projects: they may be broken, or name another database. This program gives jobflow all that
# it needs, and no file can have this path.
for _name in [name for name in os.environ if name.upper().startswith("JOBFLOW_")]:
    del os.environ[_name]
os.environ["JOBFLOW_CONFIG_FILE"] = f"{os.devnull}/none"
