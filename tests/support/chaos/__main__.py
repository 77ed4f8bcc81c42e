"""`make chaos`: 64 sites, 34 faults; writes chaos.json."""

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from random import Random

from chaos.run import Planned
from chaos.trial import is_sound, trial

METALS = ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Zn")
WHILE_SITES = {
    "feff": 7,
    "worker": 6,
    "rocket": 7,
    "mongod": 4,
    "scratch": 3,
    "cut": 2,
    "freeze": 1,
}
"""Faults while sites are worked on."""
WHILE_MODELS = {"worker": 1, "rocket": 1, "mongod": 1, "cut": 1}
"""Faults while models are trained."""
SITES_SHARE = 0.8
"""Of spectra and metrics, those that are spectra: eight for each metal, with two models."""

LATEST_SITE = 0.6
"""Share of the sites that are done when the last of their faults is due."""


def main() -> None:
    """Run the campaigns, write what came out, and fail where a fault has left a trace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the faults")
    parser.add_argument("--json", type=Path, default=Path("chaos.json"), help="file to write")
    arguments = parser.parse_args()
    planned = plan(arguments.seed)
    tell = partial(print, flush=True)
    result = trial(METALS, planned, cut_seconds=20, seed=arguments.seed, tell=tell)
    arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    for kind, found in result["what"].items():
        for line in found:
            print(f"{kind}: {line}")
    print(", ".join(f"{name} {result[name]}" for name in ("faults", "lost", "double", "differs")))
    sys.exit(not is_sound(result, planned))


def plan(seed: int) -> list[Planned]:
    """Shuffle the faults, and spread them over the campaign."""
    random = Random(seed)
    sites, models = (
        random.sample([*counts], k=sum(counts.values()), counts=[*counts.values()])
        for counts in (WHILE_SITES, WHILE_MODELS)
    )
    # The first as soon as there is something to hit; the last while many sites are left, or FEFF,
    # which some need, would be done before those that are late.
    early = LATEST_SITE * SITES_SHARE
    planned = [Planned(kind, i / len(sites) * early) for i, kind in enumerate(sites)]
    rest = 1 - SITES_SHARE
    planned += [
        Planned(kind, SITES_SHARE + i / len(models) * rest) for i, kind in enumerate(models)
    ]
    return planned


if __name__ == "__main__":
    main()
