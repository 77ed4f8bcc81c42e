import fcntl
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from exafscn_flows.errors import CampaignError
from exafscn_flows.spectra import scratch
from exafscn_flows.spectra.scratch import check_space, keeping, run_folder, sweep_scratch


def make(folder: Path) -> Path:
    folder.mkdir()
    (folder / "pot.pad").write_text("left behind")
    return folder


def test_folder_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    with run_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(f"exafscn-{os.getpid()}-")
        assert folder.stat().st_mode & 0o077 == 0
        make(folder / "sub")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OSError])
def test_folder_is_gone_after_any_error(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with run_folder(tmp_path):
            raise error

    with pytest.raises(error):
        fail()
    assert not any(tmp_path.iterdir())


def test_sweep_removes_what_nobody_holds(tmp_path: Path) -> None:
    # Whether the process lives says nothing: its number may have been given away again.
    left = [make(tmp_path / f"exafscn-{pid}-abcd1234") for pid in (os.getpid(), 4194304)]
    others = [make(tmp_path / name) for name in ("exafscn-data", "exafscn-1", "x-1-abcd1234")]
    target = make(tmp_path / "target")
    link = tmp_path / "exafscn-1-link1234"
    link.symlink_to(target)
    assert sweep_scratch(tmp_path) == 2
    assert not any(folder.exists() for folder in left)
    assert all(folder.exists() for folder in [*others, link, target / "pot.pad"])


def test_sweep_spares_what_another_process_holds(tmp_path: Path) -> None:
    folder = make(tmp_path / "exafscn-1-abcd1234")
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    assert sweep_scratch(tmp_path) == 0
    os.close(lock)
    assert sweep_scratch(tmp_path) == 1


def test_folder_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    swept = []

    def sweep_first(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_SH and not swept:
            swept.append(sweep_scratch(tmp_path))
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    with run_folder(tmp_path) as folder:
        assert swept == [1]
        assert folder.exists()
        assert sweep_scratch(tmp_path) == 0
    assert not any(tmp_path.iterdir())


def test_sweep_of_a_missing_folder_does_nothing(tmp_path: Path) -> None:
    assert sweep_scratch(tmp_path / "missing") == 0


def test_folder_in_use_is_locked(tmp_path: Path) -> None:
    with run_folder(tmp_path) as folder:
        assert sweep_scratch(tmp_path) == 0
        assert folder.exists()


def enter(folder: Path) -> None:
    with run_folder(folder):
        pass


def test_missing_or_unusable_scratch_folder_ends_the_campaign(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"missing cannot be used \(No such file.*SCRATCH_DIR"):
        enter(tmp_path / "missing")
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(CampaignError, match="Not a directory"):
        enter(file)


def test_scratch_folder_that_vanishes_ends_the_campaign(tmp_path: Path) -> None:
    def lose() -> None:
        with run_folder(tmp_path / "s") as folder:
            (tmp_path / "s").rename(tmp_path / "moved")
            (folder / "feff.inp").write_text("END")

    (tmp_path / "s").mkdir()
    with pytest.raises(CampaignError, match="cannot be used"):
        lose()


def test_little_free_space_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_folder(tmp_path) as folder:
        check_space(folder)
        monkeypatch.setattr(scratch, "_LEAST_FREE", 2**62)
        with pytest.raises(CampaignError, match="is full: free space or set EXAFSCN_SCRATCH_DIR"):
            check_space(folder)
    with pytest.raises(CampaignError, match="is full"):
        enter(tmp_path)


def test_files_that_may_not_become_larger_end_the_campaign(
    tmp_path: Path, small_files: None
) -> None:
    def write(folder: Path, size: int) -> None:
        with (folder / "apot.bin").open("wb", buffering=0) as file:
            while size > 0:
                size -= file.write(bytes(size))

    with (
        pytest.raises(CampaignError, match="`ulimit -f unlimited`"),
        run_folder(tmp_path) as folder,
    ):
        write(folder, 100_000)
    with run_folder(tmp_path) as folder:
        # As a program that sees the error, and says something about it that nobody knows.
        write(folder, 40 * 1024)
        with pytest.raises(CampaignError, match="to 40 kB"):
            check_space(folder)
    assert not any(tmp_path.iterdir())


FULL_DISK = """
import os, sys
from pathlib import Path
from exafscn_flows.errors import CampaignError
from exafscn_flows.spectra.scratch import run_folder
scratch = Path(sys.argv[1])
try:
    with run_folder(scratch) as folder:
        (folder / "big").write_bytes(bytes(30 * 2**20))
except CampaignError as error:
    print(error, list(scratch.iterdir()))
"""


def in_tmpfs(code: str, folder: Path, size: str) -> str:
    """Run Python code with a small tmpfs mounted over a folder; returns what it prints."""
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount += [f'mount -t tmpfs -o size={size} tmpfs {folder} && exec "$@"', "sh"]
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a tmpfs")
    command = [*mount, sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_writing_to_a_full_file_system_ends_the_campaign(tmp_path: Path) -> None:
    printed = in_tmpfs(FULL_DISK, tmp_path, "20m")
    assert printed == (
        f"scratch folder {tmp_path} is full: free space or set EXAFSCN_SCRATCH_DIR []"
    )


def test_folders_are_kept_under_names_of_their_own_also_of_runs_that_fail(scratch, tmp_path):
    place = tmp_path / "kept" / "exafs"
    with keeping(place):
        for number in range(2):
            with suppress(ZeroDivisionError), run_folder(scratch) as folder:
                (folder / "feff.inp").write_text(str(number))
                _ = 1 / number
    assert [p.name for p in sorted(place.parent.iterdir())] == ["exafs", "exafs_2"]
    assert (place / "feff.inp").read_text() == "0"
    assert not [*scratch.iterdir()]
    with run_folder(scratch):
        pass
    assert len([*place.parent.iterdir()]) == 2


def test_a_place_that_cannot_be_written_is_told(scratch, tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(CampaignError, match=r"cannot be kept as .*/file/exafs .*--keep-runs"),
        keeping(tmp_path / "file" / "exafs"),
        run_folder(scratch),
    ):
        pass
    assert not [*scratch.iterdir()]
