import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from exafscn_flows.errors import CampaignError
from exafscn_flows.spectra import process
from exafscn_flows.spectra.process import (
    Ended,
    KilledError,
    TimeLimitError,
    _dies_with_us,
    run_program,
)

ENV = {"PATH": "/usr/bin:/bin"}
BUSY = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"


def run(folder: Path, script: str, limit: float = 20, **options: Any) -> Ended:
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return run_program([str(program)], folder, ENV, time.monotonic() + limit, **options)


def sleepers(seconds: str) -> list[psutil.Process]:
    """Processes that sleep for so many seconds, which no other test does."""
    command = ["sleep", seconds]
    return [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == command]


def wait_for(seconds: str, *, alive: bool) -> None:
    limit = time.monotonic() + 20
    while bool(sleepers(seconds)) != alive:
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_it_runs_in_its_folder_with_its_environment_and_no_input(tmp_path: Path) -> None:
    ended = run(tmp_path, 'pwd; cat; echo "HOME=$HOME"; echo wrong >&2; exit 3')
    assert ended.log == f"{tmp_path}\nHOME=\nwrong\n"
    assert ended.status == 3


def test_death_by_signal_is_seen(tmp_path: Path) -> None:
    assert run(tmp_path, "kill -SEGV $$").status == -11


@pytest.mark.parametrize("script", ["exec head -c 100000 /dev/zero", "head -c 100000 /dev/zero"])
def test_a_limit_to_the_size_of_files_is_no_fault_of_the_program(
    tmp_path: Path, small_files: None, script: str
) -> None:
    with pytest.raises(CampaignError, match="the size of files is limited here, to 40 kB"):
        run(tmp_path, f"{script} >big")


@pytest.mark.parametrize("script", ["kill -KILL $$", "sh -c 'kill -KILL $$'"])
def test_death_by_somebody_elses_hand_is_told_apart(tmp_path: Path, script: str) -> None:
    with pytest.raises(KilledError, match=r"^program was killed by signal 9$"):
        run(tmp_path, script)


def test_what_a_check_raises_ends_the_program(tmp_path: Path) -> None:
    def check() -> None:
        raise LookupError

    started = time.monotonic()
    with pytest.raises(LookupError):
        run(tmp_path, "exec sleep 300.25", check=check)
    assert not sleepers("300.25")
    assert time.monotonic() - started < 20


def test_time_limit_kills(tmp_path: Path) -> None:
    before = set(psutil.Process().children())  # other tests may have left some
    start = time.monotonic()
    with pytest.raises(TimeLimitError):
        run(tmp_path, "exec sleep 100", limit=0.3)
    assert 0.3 <= time.monotonic() - start < 2
    assert set(psutil.Process().children()) <= before


def test_time_limit_holds_for_a_program_that_closes_all_its_files(tmp_path: Path) -> None:
    with pytest.raises(TimeLimitError):
        run(tmp_path, 'for i in 1 2 3 4 5 6 7 8 9; do eval "exec $i>&-"; done; sleep 3', 0.3)


def test_end_is_noticed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not only at the next look.
    monkeypatch.setattr(process, "_TICK", 10.0)
    start = time.monotonic()
    run(tmp_path, "sleep 0.03")
    assert time.monotonic() - start < 5


def test_seconds_are_the_programs_own_and_not_those_of_other_children(tmp_path: Path) -> None:
    own = run(tmp_path, BUSY).seconds
    assert own > 0.02
    other = threading.Thread(target=subprocess.run, args=(["sh", "-c", BUSY],))
    other.start()
    idle = run(tmp_path, "sleep 0.6").seconds
    other.join()
    assert idle < own / 2


def test_endless_output_is_kept_at_both_ends_only(tmp_path: Path) -> None:
    log = run(tmp_path, "echo first; head -c 3000000 /dev/zero; echo; echo last").log
    assert log.startswith("first\n")
    assert log.endswith("\nlast\n")
    assert len(log) < 600_000


def test_what_a_script_starts_is_killed_at_the_time_limit(tmp_path: Path) -> None:
    own = f"{1000 + os.getpid() / 1e7:.7f}"
    with pytest.raises(TimeLimitError):
        run(tmp_path, f"sleep {own} & sleep {own}", limit=0.5, with_offspring=True)
    wait_for(own, alive=False)


def test_what_a_script_leaves_behind_is_killed_at_its_end(tmp_path: Path) -> None:
    own = f"{2000 + os.getpid() / 1e7:.7f}"
    start = time.monotonic()
    ended = run(tmp_path, f"sleep {own} & echo done; exit 4", with_offspring=True)
    assert (ended.status, ended.log) == (4, "done\n")
    assert time.monotonic() - start < 10
    wait_for(own, alive=False)


def test_seconds_of_a_script_are_those_of_all_that_it_waited_for(tmp_path: Path) -> None:
    alone = run(tmp_path, BUSY).seconds
    three = f"(sh -c '{BUSY}'); sh -c '{BUSY}' & wait; {BUSY}"
    assert run(tmp_path, three, with_offspring=True).seconds > 2 * alone


def test_what_a_script_started_dies_with_the_process_that_started_the_script(
    tmp_path: Path,
) -> None:
    own = f"{3000 + os.getpid() / 1e7:.7f}"
    code = (
        "import sys, time; from pathlib import Path;"
        "from exafscn_flows.spectra.process import run_program;"
        "folder = Path(sys.argv[1]);"
        "command = ['/bin/sh', '-c', sys.argv[2]];"
        "run_program(command, folder, {}, time.monotonic() + 60, with_offspring=True)"
    )
    script = f"/bin/sh -c 'sleep {own}; true'; true"
    parent = psutil.Popen([sys.executable, "-c", code, str(tmp_path), script])
    try:
        wait_for(own, alive=True)
    finally:
        parent.kill()
        parent.wait()
    wait_for(own, alive=False)


@pytest.mark.skipif(not _dies_with_us(), reason="no setpriv with --pdeathsig")
def test_program_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path;"
        "from exafscn_flows.spectra.process import run_program;"
        "folder = Path(sys.argv[1]);"
        "run_program([str(folder / 'program')], folder, {}, time.monotonic() + 60)"
    )
    (tmp_path / "program").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "program").chmod(0o755)
    parent = psutil.Popen([sys.executable, "-c", code, str(tmp_path)])
    try:
        limit = time.monotonic() + 20
        while not (children := [c for c in parent.children() if c.name() == "sleep"]):
            assert time.monotonic() < limit
            time.sleep(0.02)
    finally:
        parent.kill()
        parent.wait()
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert gone
    assert not alive
