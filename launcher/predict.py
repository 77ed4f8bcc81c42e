"""`exafscn predict`: what models say of measured spectra."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from exafscn_flows.elements import parse_elements
from exafscn_flows.errors import ExafscnError, UsageError
from exafscn_flows.prediction import (
    Answer,
    CampaignModels,
    Failed,
    Predictor,
    answer_file,
    general,
)
from exafscn_flows.prediction.given import processing_settings
from exafscn_flows.sources.measured import Mode, parse_columns
from launcher.errors import complain
from launcher.predict_output import Found

_FIGURES = (".pdf", ".png", ".svg")

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
    elements
        Those of the sample, with commas; None if they are not known.
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
    elements: str | None = None

    def answers(self) -> Iterator[Found]:
        """Yield the answers; what cannot be answered is said on standard error at once.

        Raises
        ------
        UsageError
            If what was asked makes no sense.
        """
        answer = self.answerer()
        for file in self.files:
            for one in answer(file):
                if isinstance(one, Failed):
                    complain(str(one))
                yield one

    def answerer(self) -> Callable[[str], Iterator[Found]]:
        """Return what answers for a file.

        Raises
        ------
        UsageError
            If what was asked makes no sense.
        """
        settings = processing_settings(self.settings)
        columns = None if self.columns is None else parse_columns(self.columns)
        mode = checked_mode(self.mode)
        try:
            elements = parse_elements(self.elements) if self.elements is not None else frozenset()
        except ValueError as error:
            raise UsageError(f"elements: {error}") from None
        model = self._model()

        def answer(file: str) -> Iterator[Found]:
            found = answer_file(
                file,
                model,
                settings,
                columns=columns,
                mode=mode,
                absorber=self.absorber,
                groups=self.groups,
                elements=elements,
            )
            return _surviving(found, file)

        return answer

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
        One of `print_table`, `print_json`, `print_csv` of `predict_output`.
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
