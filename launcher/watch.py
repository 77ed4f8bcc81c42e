"""`exafscn watch`: spectra are answered as they come into a folder."""

import json
import time
from pathlib import Path

from rich.text import Text

from exafscn_flows.errors import UsageError
from exafscn_flows.prediction import Answer, Failed
from exafscn_flows.prediction.watching import FolderWatch, Found, Seen, mean_and_doubt
from launcher.console import console, spectrum_name
from launcher.errors import complain
from launcher.predict import Asked

LOOK = 1.0
"""Seconds between two looks."""


def watch_folder(folder: Path, asked: Asked, *, as_json: bool) -> None:
    """Answer for what comes into a folder, until the process is interrupted.

    Parameters
    ----------
    asked
        What to answer; its files are those of the folder.

    Raises
    ------
    UsageError
        If there is no such folder, or what was asked makes no sense.
    """
    answer = asked.answerer()
    watch = FolderWatch(folder, lambda path: list(answer(str(path))))
    if not as_json:
        console(stderr=True).print(f"watching {folder.resolve()}; Ctrl-C ends it", soft_wrap=True)
    is_gone = False
    try:
        while True:
            try:
                for seen in watch.look():
                    _show(seen, as_json=as_json)
                is_gone = False
            except UsageError as error:
                # It may come back, as what is mounted does.
                if not is_gone:
                    complain(f"{error}; waiting for it")
                is_gone = True
            time.sleep(LOOK)
    except KeyboardInterrupt:
        return


def _show(seen: Seen, *, as_json: bool) -> None:
    for one in seen.found:
        if as_json:
            place = {"written": seen.written, "number": seen.number}
            print(json.dumps(place | one.to_dict()), flush=True)
        elif isinstance(one, Failed):
            complain(str(one))
        else:
            # Names are data: square brackets in them are not markup.
            console().print(Text(_line(seen, one)), soft_wrap=True)


def _line(seen: Seen, one: Found) -> str:
    assert not isinstance(one, Failed)
    when = time.strftime("%H:%M:%S", time.localtime(seen.written))
    value = f"CN {one.cn}" if isinstance(one, Answer) else f"{one.target} {one.value}"
    parts = [when, spectrum_name(str(seen.path), one.group), one.absorber, value]
    if one.probability is not None:
        parts.append(f"{one.probability:.2f}")
    if one.set is not None:
        parts.append("{" + ", ".join(map(str, one.set)) + "}")
    expected = mean_and_doubt(one)
    if expected is not None:
        parts.append(f"{expected[0]:.2f} ± {expected[1]:.2f}")
    if one.warnings:
        parts.append("1 warning" if len(one.warnings) == 1 else f"{len(one.warnings)} warnings")
    return "  ".join(parts)
