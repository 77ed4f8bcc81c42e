"""A scratch folder that can be filled, or taken away."""

import errno
import os
import subprocess
from pathlib import Path

SIZE = 256 * 2**20
"""Bytes: much more than the runs of some workers take."""
_BLOCK = 2**20


class Scratch:
    """A small file system in memory at the place of a folder.

    Who may not mount one gets the folder itself. Instead of being full, it is closed then.

    Parameters
    ----------
    folder
        Existing folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
        done = subprocess.run(mount, capture_output=True, check=False)
        self.is_mounted = done.returncode == 0

    def fill(self) -> None:
        """Take all its space."""
        if not self.is_mounted:
            self.folder.chmod(0)
            return
        with (self.folder / "filler").open("wb", buffering=0) as file:
            for size in (_BLOCK, 4096):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Give its space back."""
        if self.is_mounted:
            (self.folder / "filler").unlink()
        else:
            self.folder.chmod(0o700)

    def remove(self) -> None:
        """Unmount it, whoever uses it."""
        if self.is_mounted and os.path.ismount(self.folder):
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
