"""`exafscn predict`: coordination numbers of measured spectra, as a table or for other programs."""

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from pydantic import ValidationError
from rich import box
from rich.table import Table
from rich.text import Text

from exafscn_flows.errors import ExafscnError, UsageError, problem_text
from exafscn_flows.prediction import Answer, Failed, answer_file, check_settings, general
from exafscn_flows.processing import ProcessingSettings
from exafscn_flows.sources.measured import Mode, parse_columns
from launcher.console import console, spectrum_name
from launcher.csv_cells import csv_row
from launcher.errors import complain

_COLUMNS = (
    *("file", "group", "absorber", "edge", "format", "model", "cn", "probability"),
    *("probabilities", "set", "expected_cn", "bond_length", "bond_length_sd", "kmin", "kmax"),
    *("e0", "edge_step", "warnings", "error", "hint"),
)

_FIGURES = (".pdf", ".png", ".svg")

_NAMED = 3
"""So many spectra are named before a warning that concerns more."""

Print = Callable[[Sequence[Answer | Failed]], None]


@dataclass(frozen=True)
class Asked:
    """What to answer.

    Attributes
    ----------
    files
        Paths.
    groups
        Labels of the spectra to look at; empty for all.
    absorber
        Symbol; None to go by the files.
    columns, mode
        As on the command line; None to go by the files.
    settings
        Values of `ProcessingSettings` that were given.
    """

    files: Sequence[str]
    groups: Sequence[str]
    absorber: str | None
    columns: str | None
    mode: str | None
    settings: dict[str, float]

    def answers(self) -> Iterator[Answer | Failed]:
        """Yield the answers; what cannot be answered is said on standard error at once.

        Raises
        ------
        UsageError
            If what was asked makes no sense.
        """
        settings = processing_settings(self.settings)
        columns = None if self.columns is None else parse_columns(self.columns)
        mode = checked_mode(self.mode)
        model = general()
        for file in self.files:
            found = answer_file(
                file,
                model,
                settings,
                columns=columns,
                mode=mode,
                absorber=self.absorber,
                groups=self.groups,
            )
            for one in _surviving(found, file):
                if isinstance(one, Failed):
                    complain(str(one))
                yield one


def predict_files(asked: Asked, show: Print, plot: Path | None) -> bool:
    """Answer for files, and print the answers; returns whether there is one for every spectrum.

    Parameters
    ----------
    asked
        What to answer.
    show
        One of `print_table`, `print_json`, `print_csv`.
    plot
        File of a figure for each spectrum; None for none.

    Raises
    ------
    UsageError
        If what was asked makes no sense, or there can be no such file.
    """
    if plot is not None and plot.suffix.lower() not in _FIGURES:
        raise UsageError(f"{plot}: its name has to end in one of {', '.join(_FIGURES)}")
    found = list(asked.answers())
    show(found)
    answers = [one for one in found if isinstance(one, Answer)]
    if plot is not None and answers:
        # Whoever wants no figure need not wait for matplotlib.
        from exafscn_flows.report.prediction_figures import write_figures

        for path in write_figures(answers, plot):
            print(f"figure: {path.resolve()}", file=sys.stderr)
    return len(answers) == len(found)


def print_json(found: Sequence[Answer | Failed]) -> None:
    """Print a list of objects."""
    print(json.dumps([one.to_dict() for one in found], indent=2))


def print_csv(found: Sequence[Answer | Failed]) -> None:
    """Print comma-separated values, one row a spectrum."""
    writer = csv.DictWriter(sys.stdout, _COLUMNS)
    writer.writeheader()
    writer.writerows(csv_row(one.to_dict()) for one in found)


def print_table(found: Sequence[Answer | Failed]) -> None:
    """Print a table that fits on a terminal, and the warnings below it."""
    answers = [one for one in found if isinstance(one, Answer)]
    if not answers:
        return
    names = [spectrum_name(one.file or "", one.group) for one in answers]
    table = Table(title="coordination numbers", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("spectrum", overflow="fold")
    table.add_column("")
    # Names of spectra are folded, and nothing else: there is room for all of it in 80 columns.
    for head in ("CN", "proba-\nbility"):
        table.add_column(head, justify="right", no_wrap=True, min_width=6 if "p" in head else 2)
    table.add_column("set", justify="right", min_width=7, max_width=12)
    for head, width in (("expected\nCN", 8), ("R\nÅ", 11), ("kmax\n1/Å", 4)):
        table.add_column(head, justify="right", no_wrap=True, min_width=width)
    for name, one in zip(names, answers, strict=True):
        bond = (
            "" if one.bond_length is None else f"{one.bond_length:.2f} ± {one.bond_length_sd:.2f}"
        )
        table.add_row(
            # Names are data: square brackets in them are not markup.
            Text(name),
            one.absorber,
            str(one.cn),
            f"{one.probability:.2f}",
            ", ".join(map(str, one.set)),
            f"{one.expected_cn:.1f}",
            bond,
            f"{one.kmax:.1f}",
        )
    terminal = console()
    terminal.print(table)
    for line in _warnings(names, answers):
        terminal.print(Text(line))


def checked_mode(mode: str | None) -> Mode | None:
    """Return how spectra were measured, as a user says it.

    Raises
    ------
    UsageError
        If it is no mode.
    """
    if mode not in (None, *get_args(Mode)):
        raise UsageError(f"mode: {mode!r} is none of {', '.join(get_args(Mode))}")
    return cast(Mode | None, mode)


def processing_settings(given: dict[str, float]) -> ProcessingSettings:
    """Return the settings of the processing, of which a user gives some.

    Raises
    ------
    UsageError
        If one makes no sense.
    """
    try:
        settings = ProcessingSettings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        (problem, *_) = error.errors()
        place = f"{problem['loc'][0]}: " if problem["loc"] else ""
        raise UsageError(f"{place}{problem_text(problem)}") from None
    check_settings(settings)
    return settings


def _surviving(found: Iterator[Answer | Failed], file: str) -> Iterator[Answer | Failed]:
    """Go through the answers of a file; an error that nobody foresaw ends them and nothing else."""
    try:
        yield from found
    except ExafscnError:
        raise
    except Exception as error:
        if os.environ.get("EXAFSCN_DEBUG"):
            raise
        line = " ".join(str(error).split())[:200]
        unexpected = f"{file}: unexpected {type(error).__name__}: {line}"
        yield Failed(file, "", unexpected, "EXAFSCN_DEBUG=1 shows where; report it")


def _warnings(names: Sequence[str], answers: Sequence[Answer]) -> list[str]:
    """Return every warning once, after the spectra that it is about."""
    about: dict[str, list[str]] = {}
    for name, one in zip(names, answers, strict=True):
        for warning in one.warnings:
            about.setdefault(warning, []).append(name)
    return [f"{_listed(spectra)}: {warning}" for warning, spectra in about.items()]


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
