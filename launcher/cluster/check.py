"""`exafscn cluster check`: whether campaigns can run here, and in jobs of the queue."""

import json
import platform
import shlex
import shutil
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

from fireworks import Firework, FWorker, LaunchPad, PyTask
from rich.markup import escape
from rich.table import Table

from exafscn_flows.errors import CampaignError, ExafscnError
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.scratch import check_space, run_folder
from exafscn_flows.store.connection import connect, redact, translate_errors
from launcher.cluster.files import LAUNCHPAD, program, queue_adapter, use_folder
from launcher.cluster.launchpad import database_uri, open_launchpad, prepare_launchpad
from launcher.cluster.queue import send
from launcher.console import console
from launcher.run import open_store

_HERE, _QUEUE = "here", "queue"
_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    where
        ``here``, or ``queue`` for a job of the queue.
    found
        One line: what is there, or what is wrong.
    """

    where: str
    what: str
    ok: bool
    found: str


def check_cluster(folder: Path | None, *, queue: bool, time_limit: int, as_json: bool) -> None:
    """Check whether campaigns can run, and print what was found.

    Parameters
    ----------
    folder
        Folder of `exafscn cluster init`, whose database is used; by default that of the settings.
    queue
        Whether to send a job to the queue that checks the same there.
    time_limit
        Longest wait for that job, s.
    as_json
        Whether to print JSON.

    Raises
    ------
    CampaignError
        If a check failed.
    """
    if folder is not None:
        use_folder(folder)
    checks = checks_here(_HERE)
    if queue and folder is not None:
        checks += _check_queue(folder.absolute(), checks, time_limit)
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        console().print(_table(checks))
    failed = [check for check in checks if not check.ok]
    if failed:
        raise CampaignError(f"{len(failed)} of {len(checks)} checks failed")


def checks_here(where: str) -> list[Check]:
    """Check this machine."""
    checks = [Check(where, "versions", True, _versions())]
    for what, look in (("database", _database), ("scratch folder", _scratch), ("FEFF", _feff)):
        checks.append(_looked(where, what, look))
    return checks


def check_job(folder: str) -> list[dict[str, Any]]:
    """Check the machine that a job of the queue runs on; returns what FireWorks can keep."""
    use_folder(Path(folder))
    return [asdict(check) for check in checks_here(_QUEUE)]


def _looked(where: str, what: str, look: Callable[[], str]) -> Check:
    try:
        return Check(where, what, True, look())
    except ExafscnError as error:
        return Check(where, what, False, str(error))
    except Exception as error:  # whatever is wrong, the table says so
        line = " ".join(str(error).split())[:200]
        return Check(where, what, False, f"{type(error).__name__}: {line}")


def _versions() -> str:
    return (
        f"exafscn {version('exafscn')}, FireWorks {version('fireworks')}, "
        f"Python {platform.python_version()}"
    )


def _database() -> str:
    settings = Settings()
    server = connect(settings).client.server_info()["version"]
    return f"MongoDB {server} at {redact(database_uri(settings))}"


def _scratch() -> str:
    scratch = Settings().SCRATCH_DIR
    with run_folder(scratch) as folder:
        check_space(folder)
    return f"{scratch}, {shutil.disk_usage(scratch).free / 2**30:.1f} GB free"


def _feff() -> str:
    """Compute the EXAFS of fcc copper by the FEFF that comes with exafscn."""
    from pymatgen.core import Lattice, Structure

    from exafscn_flows.spectra.feff import compute_spectrum
    from exafscn_flows.spectra.settings import FeffSettings

    copper = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.615), ["Cu"], [[0, 0, 0]])
    cards = FeffSettings(cards={"RPATH": 4, "NLEG": 2})
    began = time.monotonic()
    spectrum = compute_spectrum(copper, 0, cards, Settings().SCRATCH_DIR)
    return f"FEFF {spectrum.version}: fcc Cu in {time.monotonic() - began:.1f} s"


def _check_queue(folder: Path, here: list[Check], time_limit: int) -> list[Check]:
    """Send a job that makes the same checks, and wait until they are in the database."""
    if not all(check.ok for check in here if check.what == "database"):
        return [Check(_QUEUE, "job", False, "not tried without a database")]
    settings = Settings()
    store = open_store(settings)
    launchpad = open_launchpad(store, settings)
    prepare_launchpad(launchpad)
    task = PyTask(
        func=f"{__name__}.{check_job.__name__}", args=[str(folder)], stored_data_varname="checks"
    )
    # Of no category that a worker takes: it is for this job alone.
    canary = Firework(task, name="exafscn cluster check", spec={"_category": "check"})
    try:
        with translate_errors():
            (number,) = launchpad.add_wf(canary).values()
            try:
                return _checked_by_job(launchpad, folder, number, here, time_limit)
            finally:
                with redirect_stdout(StringIO()):
                    launchpad.delete_wf(number)
    except ExafscnError as error:
        return [Check(_QUEUE, "job", False, str(error))]


def _checked_by_job(
    launchpad: LaunchPad, folder: Path, number: int, here: list[Check], time_limit: int
) -> list[Check]:
    adapter = queue_adapter(folder)
    launch = [program("rlaunch"), "-l", str(folder / LAUNCHPAD), "singleshot", "-f", str(number)]
    adapter["rocket_launch"] = shlex.join(launch)
    job = send(launchpad, FWorker(), adapter, folder)
    began = time.monotonic()
    ended = {"fw_id": number, "state": {"$in": ["COMPLETED", "FIZZLED"]}}
    while not launchpad.get_fw_ids(ended):
        if time.monotonic() - began > time_limit:
            raise CampaignError(
                f"job {job} did not answer within {time_limit} s: look into {folder / 'jobs'}, "
                "and at the queue"
            )
        time.sleep(_POLL_SECONDS)
    data = launchpad.get_fw_dict_by_id(number)["launches"][-1]["action"]["stored_data"]
    if "checks" not in data:
        raise CampaignError(f"job {job} failed: look into {folder / 'jobs'}")
    found = [Check(**check) for check in data["checks"]]
    waited = f"job {job} answered after {time.monotonic() - began:.0f} s"
    checks = [Check(_QUEUE, "job", True, waited), *found]
    if found[0].found != here[0].found:
        difference = "not the versions from here: install the same on both sides"
        checks.append(Check(_QUEUE, "same versions", False, difference))
    return checks


def _table(checks: list[Check]) -> Table:
    table = Table()
    for column in ("where", "what", "", "found"):
        table.add_column(column)
    for check in checks:
        mark = "ok" if check.ok else "[red]failed[/]"
        table.add_row(check.where, check.what, mark, escape(check.found))
    return table
