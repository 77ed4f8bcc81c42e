"""Campaigns on FireWorks: many processes and machines that work on one campaign.

FireWorks says on standard output where it found settings of its own, which is no place for that:
others read JSON there.
"""

import sys
from contextlib import redirect_stdout

with redirect_stdout(sys.stderr):
    import fireworks as fireworks
