"""A campaign without and with faults, and the verdict on what they have in common."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from campaigns import Workspace
from crystals import polymorphs, write_cifs

from chaos.faults import Place
from chaos.ledger import differences, final_state
from chaos.network import Network
from chaos.run import Chaos, Planned
from chaos.scratch import Scratch
from exafscn_flows.store.embedded import EmbeddedServer

CORES = 2
_SETS = 2
"""Feature sets of the campaign, each with one model for each metal."""


def trial(
    metals: Sequence[str],
    planned: Sequence[Planned],
    *,
    cut_seconds: float,
    seed: int,
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Run a campaign undisturbed, then in another database amid faults, and compare.

    Parameters
    ----------
    metals
        Absorbers; eight sites for each.
    planned
        The faults, in order.
    cut_seconds
        How long the network is away when it is cut.
    seed
        Of what faults hit, and for how long.
    tell
        Is told how it goes on.

    Returns
    -------
    dict
        ``faults`` (that hit something), ``lost`` and ``double`` as numbers, what is behind them,
        and what differs in the end.
    """
    crystals = {name: c for metal in metals for name, c in polymorphs(metal).items()}
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        write_cifs(folder / "cifs", crystals)
        server = EmbeddedServer(folder / "data")
        base = server.start().rpartition("/")[0]
        stack.callback(server.stop)
        calm = Workspace(folder, f"{base}/calm", cores=CORES)
        scratch = Scratch(Path(calm.environment["EXAFSCN_SCRATCH_DIR"]))
        stack.callback(scratch.remove)
        # About a second of FEFF for each site.
        cards = {"RPATH": 7, "NLEG": 4}
        calm.write(absorbers=list(metals), spectra={"kind": "feff", "cards": cards})

        began = time.monotonic()
        with calm.start_program("run", str(calm.file)) as process:
            _, err = process.communicate()
        assert process.returncode == 0, err
        undisturbed = time.monotonic() - began
        tell(f"{undisturbed:5.0f} s  {len(crystals)} sites without faults")

        network = Network(server.status().socket)
        wild = Workspace(folder, f"mongodb://{network.address}/wild", cores=CORES)
        database = Workspace(folder, f"{base}/wild").database
        place = Place(server, network, scratch, cut_seconds)
        size = len(crystals) + _SETS * len(metals)
        chaos = Chaos(wild, place, database, size, planned, seed, tell)
        disturbed = chaos.run()
        differs = differences(final_state(database), final_state(calm.database))
        double = chaos.ledger.twice | chaos.feff.double | chaos.rockets.double
        return {
            "faults": chaos.faults.total(),
            "lost": len(chaos.ledger.lost),
            "double": len(double),
            "differs": len(differs),
            "by_kind": dict(chaos.faults),
            "sites": database.sites.count_documents({}),
            "acknowledged": len(chaos.ledger.entries),
            "looks_at_several_runs_of_feff": chaos.feff.looks,
            "launches": chaos.launches,
            "repairs": chaos.repairs,
            "seconds": {"undisturbed": round(undisturbed), "disturbed": round(disturbed)},
            "seed": seed,
            "what": {
                "lost": sorted(chaos.ledger.lost),
                "double": sorted(double),
                "differs": differs,
                "complaints": chaos.complaints,
            },
        }


def is_sound(result: dict[str, Any], planned: Sequence[Planned]) -> bool:
    """Whether every fault hit something, and none left a trace."""
    return result["faults"] == len(planned) and not any(result["what"].values())


@contextmanager
def _folder() -> Iterator[Path]:
    # Short, for the path of the server's socket.
    folder = Path(tempfile.mkdtemp(prefix="exafscn-chaos-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
