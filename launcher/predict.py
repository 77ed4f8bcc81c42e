"""`exafscn predict`: what models say of measured spectra, as a table or for other programs."""

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
from exafscn_flows.prediction import (
    Answer,
    CampaignModels,
    Failed,
    ModelAnswer,
    Predictor,
    answer_file,
    check_settings,
    general,
)
from exafscn_flows.processing import ProcessingSettings
from exafscn_flows.sources.measured import Mode, parse_columns
from launcher.console import console, spectrum_name
from launcher.csv_cells import csv_row
from launcher.errors import complain

_COLUMNS = (
    *("file", "group", "absorber", "edge", "format", "model", "cn", "probability"),
    *("probabilities", "set", "expected_cn", "bond_length", "bond_length_sd", "kmin", "kmax"),
    *("e0", "edge_step", "near_edge", "warnings", "error", "hint"),
)

_FIGURES = (".pdf", ".png", ".svg")

_NAMED = 3
"""So many spectra are named before a warning that concerns more."""

_OF_CAMPAIGNS = (
    *("file", "group", "absorber", "edge", "format", "model", "version", "target", "unit"),
    *("value", "probability", "probabilities", "set", "expected_value", "expected_error"),
    *("kmin", "kmax", "e0", "edge_step", "warnings", "error", "hint"),
)
"""Columns of answers by models of campaigns."""

Found = Answer | ModelAnswer | Failed

Print = Callable[[Sequence[Found]], None]


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
    model, campaign
        Name of the model of a campaign, or of a campaign whose models are to answer; None for the
        model of the package.
    formula
        Of the sample, for models that take the composition.
    """

    files: Sequence[str]
    groups: Sequence[str]
    absorber: str | None
    columns: str | None
    mode: str | None
    settings: dict[str, float]
    model: str | None = None
    campaign: str | None = None
    formula: str | None = None

    def answers(self) -> Iterator[Found]:
        """Yield the answers; what cannot be answered is said on standard error at once.

        Raises
        ------
        UsageError
            If what was asked makes no sense.
        """
        settings = processing_settings(self.settings)
        columns = None if self.columns is None else parse_columns(self.columns)
        mode = checked_mode(self.mode)
        model = self._model()
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

    def _model(self) -> Predictor | CampaignModels:
        if self.model is not None and self.campaign is not None:
            raise UsageError("--model and --campaign exclude each other: give one of them")
        if self.model is None and self.campaign is None:
            if self.formula is not None:
                raise UsageError("formula: model general takes no composition: leave it out")
            return general()
        # No database is started, and no libraries of models are loaded, for the general model.
        from exafscn_flows.formulas import amounts
        from exafscn_flows.store.measured_models import campaign_models, named_model
        from exafscn_flows.store.store import Store

        try:
            composition = None if self.formula is None else amounts(self.formula)
        except ValueError as error:
            raise UsageError(f"formula: {error}") from None
        store = Store.open()
        if self.model is not None:
            return named_model(store, self.model, composition)
        return campaign_models(store, self.campaign or "", composition)


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
    if plot is not None and (asked.model or asked.campaign):
        raise UsageError("--plot draws what the model of the package answers: leave it out")
    found = list(asked.answers())
    show(found)
    answers = [one for one in found if not isinstance(one, Failed)]
    if plot is not None and answers:
        # Whoever wants no figure need not wait for matplotlib.
        from exafscn_flows.report.prediction_figures import write_figures

        drawn = [one for one in answers if isinstance(one, Answer)]
        for path in write_figures(drawn, plot):
            print(f"figure: {path.resolve()}", file=sys.stderr)
    return len(answers) == len(found)


def print_json(found: Sequence[Found]) -> None:
    """Print a list of objects."""
    print(json.dumps([one.to_dict() for one in found], indent=2))


def print_csv(found: Sequence[Found]) -> None:
    """Print comma-separated values, one row a spectrum."""
    of_campaign = any(isinstance(one, ModelAnswer) for one in found)
    writer = csv.DictWriter(sys.stdout, _OF_CAMPAIGNS if of_campaign else _COLUMNS)
    writer.writeheader()
    writer.writerows(csv_row(one.to_dict()) for one in found)


def print_table(found: Sequence[Found]) -> None:
    """Print a table that fits on a terminal, and the warnings below it."""
    by_models = [one for one in found if isinstance(one, ModelAnswer)]
    if by_models:
        _print_by_models(by_models)
        return
    answers = [one for one in found if isinstance(one, Answer)]
    if not answers:
        return
    names = [spectrum_name(one.file or "", one.group) for one in answers]
    table = Table(title="coordination numbers", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("spectrum", overflow="fold")
    table.add_column("")
    # Names of spectra are folded, and nothing else: there is room for all of it in 80 columns.
    for head, width in (("CN", 2), ("prob.", 5)):
        table.add_column(head, justify="right", no_wrap=True, min_width=width)
    table.add_column("set", justify="right", min_width=7, max_width=12)
    for head, width in (("mean\nCN", 4), ("near\nedge", 6), ("R\nÅ", 9), ("kmax\n1/Å", 4)):
        table.add_column(head, justify="right", no_wrap=True, min_width=width)
    for name, one in zip(names, answers, strict=True):
        bond = "" if one.bond_length is None else f"{one.bond_length:.2f}±{one.bond_length_sd:.2f}"
        near = one.near_edge
        near_edge = "" if near.cn is None else f"{near.cn} {near.probability:.2f}"
        table.add_row(
            # Names are data: square brackets in them are not markup.
            Text(name),
            one.absorber,
            str(one.cn),
            f"{one.probability:.2f}",
            ", ".join(map(str, one.set)),
            f"{one.expected_cn:.1f}",
            near_edge,
            bond,
            f"{one.kmax:.1f}",
        )
    terminal = console()
    terminal.print(table)
    for line in _warnings(names, answers):
        terminal.print(Text(line))


def _print_by_models(answers: Sequence[ModelAnswer]) -> None:
    """Print what models of a campaign have answered."""
    names = [spectrum_name(one.file or "", one.group) for one in answers]
    are_numbers = answers[0].probability is None
    unit = f"\n{answers[0].unit}" if are_numbers and answers[0].unit else ""
    table = Table(title=answers[0].target.replace("_", " "), box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("spectrum", overflow="fold")
    table.add_column("")
    table.add_column(f"value{unit}", justify="right", no_wrap=True)
    if not are_numbers:
        table.add_column("proba-\nbility", justify="right", no_wrap=True, min_width=6)
        table.add_column("set", justify="right", min_width=7, max_width=24)
    table.add_column("expected\nerror", justify="right", no_wrap=True, min_width=8)
    table.add_column("kmax\n1/Å", justify="right", no_wrap=True, min_width=4)
    for name, one in zip(names, answers, strict=True):
        # Names of spectra and classes are data: square brackets in them are not markup.
        cells = [name, one.absorber, f"{one.value:.3f}" if are_numbers else str(one.value)]
        if not are_numbers:
            cells += [f"{one.probability:.2f}", ", ".join(map(str, one.set or ()))]
        cells.append(f"{one.expected_error:{'.3f' if are_numbers else '.2f'}}")
        cells.append("" if one.kmax is None else f"{one.kmax:.1f}")
        table.add_row(*map(Text, cells))
    terminal = console()
    terminal.print(table)
    for model in dict.fromkeys(f"{one.model}, version {one.version}" for one in answers):
        terminal.print(Text(f"model: {model}"))
    terminal.print(
        "It has learned the spectra of its campaign, mostly computed ones: check it with measured "
        "standards."
    )
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


def _surviving(found: Iterator[Found], file: str) -> Iterator[Found]:
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


def _warnings(names: Sequence[str], answers: Sequence[Answer | ModelAnswer]) -> list[str]:
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
