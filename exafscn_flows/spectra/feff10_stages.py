"""Runs stages of FEFF 10 in the current folder: ``python feff10_stages.py rdinp atomic pot``.

Never imported by exafscn, but started as a program: so nothing of FEFF stays in our process, its
output can be caught, and it can be killed. It imports nothing of exafscn.
"""

import re
import sys

from feff10 import FeffConfig, FeffError, FeffPipeline, Stage

_SHELL_OFFSET = 128


def run(stages: list[str]) -> None:
    """Run stages one after the other, each in a process of its own.

    Parameters
    ----------
    stages
        Names, as FEFF has them.

    Raises
    ------
    FeffError
        If a stage fails, or ``feff.inp`` is wrong.
    """
    chosen = [Stage.from_name(name) for name in stages]
    FeffPipeline(FeffConfig.from_file(".", "feff.inp", stages=chosen)).run()


def main() -> int:
    """Run the stages that are named, and return what a shell would: 128 more than a signal."""
    try:
        run(sys.argv[1:])
    except FeffError as error:
        line = str(error).partition("\n")[0]
        print(f"\n{line}", file=sys.stderr)
        signal = re.search(r"worker exited with signal: (\d+)", line)
        return _SHELL_OFFSET + int(signal[1]) if signal else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
