"""The process of whose forks `forks.py` speaks: it imports, and then forks for every request."""

import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from forks import FEFF

_LIBRARIES = (
    "distributed",
    "larch",
    "matplotlib.figure",
    "mp_api.client.routes.materials.summary",
    "mp_api.client.routes.materials.xas",
    "pandas",
    "pyarrow.parquet",
    "pymatgen.io.cif",
    "rich.progress",
    "sklearn.ensemble",
    "sklearn.model_selection",
    "skops.io",
    "spglib",
    "torch",
    "xraydb",
)
_OURS = ("launcher", "workflows", "exafscn_flows")

_FORKED = ("forkserver", "spawn")
"""Modules of multiprocessing in whose processes the work is done."""

_MOST_BYTES = 2**18


def _serve(folder: Path) -> dict[str, Any]:
    """Fork for every request. Returns in the forks only, with what is asked of them."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"{folder}/socket.new")
    listener.listen(64)
    alive = os.open(folder / "alive", os.O_RDONLY | os.O_NONBLOCK)
    woken, wake = socket.socketpair()
    woken.setblocking(False)
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    own = [listener.fileno(), alive, woken.fileno(), wake.fileno()]
    channels: dict[int, socket.socket] = {}
    poll = select.poll()
    for fd in own[:3]:
        poll.register(fd, select.POLLIN)
    (folder / "socket.new").rename(folder / "socket")
    os.write(1, b"ready")
    os.dup2(2, 1)
    while True:
        events = dict(poll.poll())
        if alive in events:
            os._exit(0)
        if woken.fileno() in events:
            with contextlib.suppress(BlockingIOError):
                woken.recv(4096)
            _report(channels)
        if listener.fileno() in events:
            channel, _ = listener.accept()
            data, ends, _, _ = socket.recv_fds(channel, _MOST_BYTES, 3)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.setsid()
                for number, end in enumerate(ends):
                    os.dup2(end, number)
                for fd in {*own, *ends, *(c.detach() for c in (channel, *channels.values()))}:
                    os.close(fd)
                for one in (listener, woken, wake):
                    one.detach()
                return dict(json.loads(data))
            for end in ends:
                os.close(end)
            channel.send(str(pid).encode())
            channels[pid] = channel


def _report(channels: dict[int, socket.socket]) -> None:
    """Tell those who asked for forks how these have ended."""
    while channels:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with channels.pop(pid) as channel, contextlib.suppress(OSError):
            channel.send(str(status).encode())


def _become(request: Mapping[str, Any], folder: Path) -> None:
    """Take on what a new process would have been given."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["arguments"]
    # Workers import the module that was started, if it has a name.
    sys.modules["__main__"] = types.ModuleType("__main__")
    program = Path(sys.argv[0]).name
    if program == "python":
        _forget_ours()
    if program != "exafscn":
        return
    if request["known"]:
        from known_feff import knowing

        from exafscn_flows.spectra import feff

        feff._compute = knowing(folder / FEFF)
    _keep_forks_in_reserve(2 if "launch" in sys.argv else 1)


def _forget_ours() -> None:
    """Let our modules be imported again, with what packages on PYTHONPATH add to them."""
    for name in list(sys.modules):
        if name.partition(".")[0] in _OURS:
            del sys.modules[name]
    sys.path[:0] = os.environ["PYTHONPATH"].split(os.pathsep)


def _keep_forks_in_reserve(count: int) -> None:
    """Have processes that Python would start anew be forks, too, made now: without threads.

    They are the server from which workers are forked, and those that launch rockets, which need
    such a server each.
    """
    from multiprocessing import util

    reserve = [_new_reserve(count) for _ in range(count)]
    spawn = util.spawnv_passfds

    def spawned(path: Any, arguments: Any, fds: Any) -> int:
        code, *rest = arguments[arguments.index("-c") + 1 :]
        if not reserve or not any(f"multiprocessing.{one}" in code for one in _FORKED):
            return int(spawn(path, arguments, fds))
        pid, channel = reserve.pop()
        order = {
            "code": code,
            "arguments": rest,
            "fds": list(map(int, fds)),
            "mask": [int(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
            "environment": dict(os.environ),
        }
        with channel:
            socket.send_fds(channel, [json.dumps(order).encode()], order["fds"])
        return pid

    util.spawnv_passfds = spawned


def _new_reserve(count: int) -> tuple[int, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid:
        theirs.close()
        return pid, ours
    ours.close()
    # Where a terminal interrupts all, there is nothing to be interrupted here.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    data, fds, _, _ = socket.recv_fds(theirs, _MOST_BYTES, 8)
    theirs.close()
    if not data:
        os._exit(0)
    order = json.loads(data)
    # Out of the way of the numbers that they are to have.
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 500) for fd in fds]
    for fd in fds:
        os.close(fd)
    for fd, number in zip(high, order["fds"], strict=True):
        os.dup2(fd, number)
        os.close(fd)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["-c", *order["arguments"]]
    signal.pthread_sigmask(signal.SIG_SETMASK, order["mask"])
    if count > 1:
        _keep_forks_in_reserve(1)
    _end(_outcome(lambda: exec(order["code"], {})))
    raise AssertionError


def _outcome(work: Callable[[], object]) -> int:
    """Do what a process is there for; returns its exit code."""
    try:
        work()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> None:
    """End as Python does, but for taking apart all that was imported, which takes 0.3 s."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _main() -> Callable[[], object]:
    """What the program does that was asked for."""
    program = Path(sys.argv[0]).name
    if program == "dask":
        import dask.config
        from dask.__main__ import main as main_of_dask

        dask.config.refresh()  # with what the environment says now
        return main_of_dask
    if program == "python":
        _, _, code, *words = sys.argv
        sys.argv = ["-c", *words]
        return lambda: exec(code, sys.modules["__main__"].__dict__)
    from launcher.cli import main

    return main


def _import_everything() -> None:
    for name in _LIBRARIES:
        importlib.import_module(name)
    for package in _OURS:
        home = Path(str(importlib.import_module(package).__file__)).parent
        for file in sorted(home.rglob("*.py")):
            parts = file.relative_to(home.parent).with_suffix("").parts
            importlib.import_module(".".join(part for part in parts if part != "__init__"))
    # One that larch brings has every command print what only its logger was told.
    logging.getLogger().handlers.clear()


if __name__ == "__main__":
    session_folder = Path(sys.argv[1])
    _import_everything()
    gc.collect()
    gc.freeze()
    _become(_serve(session_folder), session_folder)
    _end(_outcome(_main()))
