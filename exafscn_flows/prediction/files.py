"""Answers for files."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from exafscn_flows.errors import ItemFailure
from exafscn_flows.prediction.answer import Answer, Failed, ModelAnswer
from exafscn_flows.prediction.answering import answer, answer_of_campaign
from exafscn_flows.prediction.campaign_model import CampaignModels
from exafscn_flows.prediction.predictor import Predictor
from exafscn_flows.processing import ProcessingSettings
from exafscn_flows.sources.measured import MeasuredSpectrum, Mode, Unreadable, read_measured
from exafscn_flows.sources.measured.spectrum import failure

_SHOWN = 20
"""So many groups are named where another one was asked for."""


def answer_file(
    file: str,
    model: Predictor | CampaignModels,
    settings: ProcessingSettings,
    *,
    columns: Mapping[str, int | str] | None = None,
    mode: Mode | None = None,
    absorber: str | None = None,
    groups: Collection[str] = (),
    elements: Collection[str] = (),
) -> Iterator[Answer | ModelAnswer | Failed]:
    """Yield what a model answers for each spectrum of a file, in their order.

    Parameters
    ----------
    file
        Path.
    model
        The model, or those of a campaign.
    settings
        What is to be done otherwise than by default.
    columns, mode, absorber
        As in `read_measured`.
    groups
        Labels of the spectra to look at; empty for all.
    elements
        Those of the sample; empty if they are not known.

    Raises
    ------
    UsageError
        If columns, mode or absorber make no sense.
    """
    name = Path(file).name or file
    try:
        found = read_measured(file, columns=columns, mode=mode, absorber=absorber)
        wanted = _wanted(found, groups, name)
    except ItemFailure as error:
        yield failed_file(file, error)
        return
    for spectrum in wanted:
        yield answer_spectrum(
            spectrum, file, model, settings, elements=elements, is_alone=len(found) == 1
        )


def answer_spectrum(
    spectrum: MeasuredSpectrum | Unreadable,
    file: str,
    model: Predictor | CampaignModels,
    settings: ProcessingSettings,
    *,
    elements: Collection[str] = (),
    is_alone: bool,
) -> Answer | ModelAnswer | Failed:
    """Return what a model answers for a spectrum that was read from a file.

    Parameters
    ----------
    spectrum
        As it was read.
    file, model, settings, elements
        As of `answer_file`.
    is_alone
        Whether the file holds no other one.
    """
    if isinstance(spectrum, Unreadable):
        return _failed(file, spectrum.group, spectrum.failure)
    name = Path(file).name or file
    own = name if is_alone else f"{name}, {spectrum.group}"
    try:
        if isinstance(model, CampaignModels):
            return answer_of_campaign(spectrum, file, own, model, settings, elements)
        return answer(spectrum, file, own, model, settings, elements)
    except ItemFailure as error:
        return _failed(file, spectrum.group, error)


def failed_file(file: str, error: ItemFailure) -> Failed:
    """Return what stands for the answers of a file that cannot be used."""
    return _failed(file, "", error)


def _wanted(
    found: list[MeasuredSpectrum | Unreadable], groups: Collection[str], name: str
) -> list[MeasuredSpectrum | Unreadable]:
    wanted = [spectrum for spectrum in found if not groups or spectrum.group in groups]
    if wanted:
        return wanted
    names = ", ".join(spectrum.group for spectrum in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    cause = f"there is no group {' or '.join(groups)} in it"
    raise failure("no_group", name, cause, f"its groups are {names}{more}")


def _failed(file: str, group: str, error: ItemFailure) -> Failed:
    # Readers know the name of a file, and not its folder, in which the same names may be, too.
    name, shown = (" ".join(one.split()) for one in (Path(file).name or file, file))
    return Failed(file, group, f"{shown}{error.message.removeprefix(name)}", error.hint)
