"""Campaigns on FireWorks: many processes and machines that work on one campaign.

As it is imported, FireWorks looks for settings in the current folder, then in ``~/.fireworks``, and
takes the first that it finds. Those are of other projects: they may be broken, or name another
class of database. This program gives FireWorks all that it needs, and so lets it find a file of its
own first. What FireWorks says about others, on standard output, is nobody's concern.
"""

import io
import os
from contextlib import chdir, redirect_stdout
from pathlib import Path

import launcher.templates

os.environ.pop("MONGOMOCK_SERVERSTORE_FILE", None)
# There is no module in that folder that could be imported instead of another one.
with chdir(Path(launcher.templates.__file__).parent), redirect_stdout(io.StringIO()):
    import fireworks as fireworks
