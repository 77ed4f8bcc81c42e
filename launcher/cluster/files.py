"""The folder of a cluster: FireWorks' settings files, written by `exafscn cluster init`."""

import os
import re
import shlex
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import typer
from fireworks import FWorker
from fireworks.queue.queue_adapter import QueueAdapterBase
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
from jinja2 import Environment, PackageLoader, StrictUndefined
from ruamel.yaml import YAML

from exafscn_flows.errors import UsageError
from exafscn_flows.settings import Settings
from exafscn_flows.store.connection import redact
from launcher.cluster.launchpad import CATEGORIES, CLIENT, database_uri
from launcher.run import open_store

LAUNCHPAD = "my_launchpad.yaml"
FWORKER = "my_fworker.yaml"
QADAPTER = "my_qadapter.yaml"
SCRIPT = "job.txt"

GB_PER_PROCESS = 2
"""Memory that a process has room in: `benchmarks/progress.py` shows what they take."""

_PRIVATE, _PUBLIC = 0o600, 0o644

_TYPES = {"slurm": "SLURM", "pbs": "PBS", "sge": "SGE"}
_COMMANDS = {"slurm": "sbatch", "sge": "qconf", "pbs": "qsub"}
"""Programs by which a scheduler is known; SGE has a qsub, too."""


class _Question(NamedTuple):
    text: str
    default: Callable[[], str]
    pattern: str
    hint: str


_NAME = r"[\w.@:+-]*"
_QUESTIONS = {
    "scheduler": _Question(
        "Scheduler: slurm, pbs or sge", lambda: _scheduler(), "slurm|pbs|sge", "slurm, pbs or sge"
    ),
    "queue": _Question("Queue or partition (empty: the default)", str, _NAME, "a name"),
    "account": _Question("Account (empty: none)", str, _NAME, "a name"),
    "cores": _Question(
        "Cores of a job", lambda: str(Settings().CORES), r"[1-9]\d{0,4}", "a number above 0"
    ),
    "memory": _Question(
        "Memory of a job, GB (empty: 2 for each process)", str, r"([1-9]\d{0,4})?", "whole GB"
    ),
    "walltime": _Question(
        "Longest time of a job", lambda: "04:00:00", r"\d{1,4}:[0-5]\d:[0-5]\d", "HH:MM:SS"
    ),
}


def init_folder(folder: Path, given: Mapping[str, str | None], categories: list[str]) -> None:
    """Write FireWorks' settings for a cluster.

    Parameters
    ----------
    folder
        Where to write them; made if it is not there.
    given
        Answers by question; what is None is asked for at a terminal, and else taken as usual.
    categories
        Rockets that jobs of the queue take; by default all.

    Raises
    ------
    UsageError
        If an answer is wrong, or a file is there already.
    CampaignError
        If the database of the settings is not there.
    """
    for category in categories:
        if category not in CATEGORIES:
            raise UsageError(f"no category {category!r}: there are {', '.join(CATEGORIES)}")
    folder = folder.expanduser().absolute()
    paths = {name: folder / name for name in (LAUNCHPAD, FWORKER, QADAPTER, SCRIPT)}
    for path in paths.values():
        if path.exists():
            raise UsageError(f"{path} exists: remove it, or name another folder")
    answers = {name: _answer(name, given[name]) for name in _QUESTIONS}
    settings = Settings()
    store = open_store(settings)
    command = [program("exafscn"), "launch", "--cluster", str(folder)]
    uri = database_uri(settings)
    hours, minutes, seconds = map(int, answers["walltime"].split(":"))
    cores = int(answers["cores"])
    memory = int(answers["memory"] or GB_PER_PROCESS * (cores + (cores > 1)))
    values = {
        **answers,
        "memory": memory,
        # SGE multiplies it by the cores.
        "memory_per_core": f"{max(1024 * memory // cores, 1)}M",
        "seconds": 3600 * hours + 60 * minutes + seconds,
        "folder": str(folder),
        "uri": uri,
        "client": CLIENT,
        "name": store.database.name,
        "q_type": _TYPES[answers["scheduler"]],
        "command": shlex.join(command),
    }
    _write(paths[LAUNCHPAD], _PRIVATE, f"{LAUNCHPAD}.j2", values)
    worker = {"name": socket.gethostname(), "categories": categories or list(CATEGORIES)}
    _write(paths[FWORKER], _PUBLIC, f"{FWORKER}.j2", worker)
    _write(paths[QADAPTER], _PUBLIC, f"{QADAPTER}.j2", values)
    _write(paths[SCRIPT], _PUBLIC, f"{answers['scheduler']}.j2", values)
    print(f"{paths[LAUNCHPAD]}: {redact(uri)}; only you can read it")
    for name in (FWORKER, QADAPTER, SCRIPT):
        print(paths[name])
    if settings.MONGODB_URI is None:
        print(
            "exafscn's own MongoDB can be reached from this machine only: for jobs on others, set "
            "EXAFSCN_MONGODB_URI and write another folder"
        )
    print(f"Next, `exafscn cluster check --cluster {shlex.quote(str(folder))} --queue`")


def use_folder(folder: Path) -> FWorker:
    """Make the database of a cluster's folder that of this process and its children.

    Returns
    -------
    FWorker
        FireWorks' worker of the folder.

    Raises
    ------
    UsageError
        If the folder or its files are not as `exafscn cluster init` writes them.
    """
    launchpad = _load(folder / LAUNCHPAD, _load_yaml)
    if not isinstance(launchpad, dict) or not isinstance(launchpad.get("host"), str):
        raise _unreadable(folder / LAUNCHPAD, "it has no host")
    os.environ["EXAFSCN_MONGODB_URI"] = launchpad["host"]
    return _load(folder / FWORKER, FWorker.from_file)


def queue_adapter(folder: Path) -> QueueAdapterBase:
    """Load FireWorks' queue adapter of a cluster's folder.

    Raises
    ------
    UsageError
        If the file is not there, or not such as FireWorks reads.
    """
    return _load(folder / QADAPTER, _load_adapter)


def program(name: str) -> str:
    """Path of a program that was installed together with this one."""
    own = shutil.which(sys.argv[0]) or sys.argv[0]
    return str(Path(own).absolute().with_name(name))


def _load(path: Path, load: Callable[[str], Any]) -> Any:
    if not path.is_file():
        raise UsageError(f"there is no {path}: `exafscn cluster init` writes it")
    try:
        return load(str(path))
    except Exception as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from None


def _load_yaml(path: str) -> Any:
    return YAML(typ="safe", pure=True).load(Path(path))


def _load_adapter(path: str) -> QueueAdapterBase:
    values = _load_yaml(path)
    # FireWorks' own loader imports whatever module the file names.
    if values["_fw_name"] != CommonAdapter._fw_name:
        raise ValueError(f"its _fw_name is not {CommonAdapter._fw_name}")
    return CommonAdapter.from_dict(values)


def _unreadable(path: Path, reason: str) -> UsageError:
    line = " ".join(reason.split())[:200]
    return UsageError(f"{path} cannot be read ({line}): mend it, or write it anew")


def _answer(name: str, given: str | None) -> str:
    question = _QUESTIONS[name]
    if given is None and sys.stdin.isatty():
        given = str(typer.prompt(question.text, default=question.default()))
    answer = question.default() if given is None else given.strip()
    if not re.fullmatch(question.pattern, answer):
        raise UsageError(f"{name} {answer!r}: give {question.hint}")
    return answer


def _scheduler() -> str:
    found = (name for name, command in _COMMANDS.items() if shutil.which(command))
    return next(found, "slurm")


def _write(path: Path, mode: int, template: str, values: Mapping[str, Any]) -> None:
    environment = Environment(
        loader=PackageLoader("launcher"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text = environment.get_template(template).render(values)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Never, not even for a moment, can others read a password in it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
