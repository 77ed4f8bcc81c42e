"""`exafscn import`: measured spectra, brought into the database as a campaign."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from exafscn_flows.cell_checks import MAX_ATOMS
from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.elements import check_element
from exafscn_flows.errors import UsageError, problem_text
from exafscn_flows.prediction.given import processing_settings
from exafscn_flows.sources import MeasuredSource
from exafscn_flows.sources.measured import parse_columns
from exafscn_flows.store.documents import FailureDoc
from exafscn_flows.store.store import Store
from launcher.errors import complain
from launcher.import_table import campaign_name
from launcher.predict import checked_mode
from launcher.run import run_config

_KMAX = 10.0
"""1/Å; most measured spectra reach so far."""

_STAGES = ("structures", "spectra")
"""In which a spectrum that cannot be used fails."""


@dataclass(frozen=True)
class Given:
    """What is known of the spectra, as on the command line.

    Attributes
    ----------
    absorbers
        Symbol, at most one; empty to go by the files.
    structures
        CIF of each file, or one for all; empty to go by the files beside them.
    groups
        Labels of the spectra to take; empty for all.
    columns, mode
        None to go by the files.
    settings
        Values of `ProcessingSettings` that were given.
    """

    absorbers: Sequence[str]
    structures: Sequence[Path]
    groups: Sequence[str]
    columns: str | None
    mode: str | None
    settings: dict[str, float]

    def sources(self, files: Sequence[Path]) -> list[MeasuredSource]:
        """Return a source for each file or folder.

        Raises
        ------
        UsageError
            If what was given makes no sense.
        """
        if len(self.absorbers) > 1:
            raise UsageError("absorber: give one, or import the spectra of each by themselves")
        if len(self.structures) not in (0, 1, len(files)):
            raise UsageError(
                f"structure: there are {len(self.structures)} for {len(files)} files: give one for "
                "all, or one for each"
            )
        same: dict[str, Any] = {"kind": "measured", "groups": list(self.groups)}
        if self.absorbers:
            try:
                same["absorber"] = check_element(self.absorbers[0])
            except ValueError as error:
                raise UsageError(f"absorber {error}") from error
        if self.columns is not None:
            same["columns"] = dict(parse_columns(self.columns))
        same["mode"] = checked_mode(self.mode)
        same["processing"] = processing_settings(self.settings)
        several = len(self.structures) == len(files)
        found = []
        for number, file in enumerate(files):
            own = self.structures[number if several else 0 :][:1]
            structure = {"structure": _full(own[0])} if own else {}
            found.append(MeasuredSource.model_validate({**same, **structure, "path": _full(file)}))
        return found


def import_measured(files: Sequence[Path], campaign: str | None, given: Given) -> bool:
    """Bring measured spectra into the database, and say which of them cannot be used.

    Where a campaign of this name holds imported spectra already, these come in beside them; files
    that are there already are read as it is said now.

    Parameters
    ----------
    files
        Files and folders.
    campaign
        Name of the campaign; by default, of one file or folder, one like that.
    given
        What is known of the spectra.

    Returns
    -------
    bool
        Whether all of them are there, and can be used; if none can be read, nothing is done.

    Raises
    ------
    UsageError
        If what was given makes no sense, or the campaign is another one.
    CampaignError
        As `run_config`.
    """
    if campaign is None and len(files) > 1:
        raise UsageError("there are several files: name the campaign, such as --campaign foils")
    name = campaign_name(files[0], campaign)
    there = [file for file in files if _is_readable(file)]
    sources = given.sources(files)
    sources = [one for one, file in zip(sources, files, strict=True) if file in there]
    for source in sources:
        source.check()
    names = {entry.material_id for source in sources for entry in source.entries()}
    absorbers = {absorber for source in sources for absorber in source.absorbers()}
    if not absorbers:
        _say_why(sources)
        return False
    store = Store.open()
    known = _known(store, name)
    if known is not None:
        paths = {source.path for source in sources}
        others = [one for one in known.sources if getattr(one, "path", None) not in paths]
        sources = [*others, *sources]  # type: ignore[list-item]
        absorbers |= set(known.absorbers)
    try:
        config = CampaignConfig.model_validate(measured_campaign(name, sources, absorbers))
    except ValidationError as error:
        raise UsageError(problem_text(error.errors()[0])) from None
    run_config(config, retry_failed=False)
    failed = list(_failures(store, name, names))
    for doc in failed:
        material = doc.item.partition(":")[0]
        file = material.partition("/")[0]
        about = "" if doc.message.startswith(file) else f"{material}: "
        complain(f"{about}{doc.message}: {doc.hint}")
    return not failed and len(there) == len(files)


def measured_campaign(
    name: str, sources: Sequence[MeasuredSource], absorbers: Collection[str]
) -> dict[str, Any]:
    """Return the content of a campaign file that takes measured spectra and trains no models."""
    return {
        "campaign": name,
        "absorbers": sorted(absorbers),
        "sources": [source.model_dump(mode="json") for source in sources],
        "spectra": {"kind": "stored"},
        "filters": {"max_atoms": MAX_ATOMS},
        "targets": ["coordination_number", "bond_length"],
        "features": {"xftf": {"kmax": _KMAX}, "sets": [{"kind": "r_space", "input": "chi"}]},
        "models": [],
    }


def _full(path: Path) -> str:
    return str(path.expanduser().resolve())


def _is_readable(file: Path) -> bool:
    """Whether a file or folder is there, and may be read; says so, if not."""
    place = file.expanduser()
    try:
        if not place.is_dir():
            with place.open("rb"):
                pass
    except OSError as error:
        complain(f"{file}: {error.strerror or error}: look at the path")
        return False
    return True


def _say_why(sources: Sequence[MeasuredSource]) -> None:
    for source in sources:
        for failure in source.failures():
            complain(f"{failure.message}: {failure.hint}")


def _known(store: Store, name: str) -> CampaignConfig | None:
    """Return the settings of a campaign that spectra can be added to; None if there is none.

    Raises
    ------
    UsageError
        If there is a campaign of this name that was not made like this.
    """
    if name not in store.campaign_names():
        return None
    file, config = store.campaign(name).file, store.config(name)
    if file is not None:
        raise UsageError(
            f"campaign {name} is that of {file}: add a source of kind measured there, or give "
            "another name with --campaign"
        )
    if config.models or not all(isinstance(one, MeasuredSource) for one in config.sources):
        raise UsageError(
            f"there is a campaign {name} already, which is not one of measured spectra: give "
            "another name with --campaign"
        )
    return config


def _failures(store: Store, campaign: str, names: Collection[str]) -> list[FailureDoc]:
    """Return the failures of some spectra, by their names as materials."""
    query = {"campaign": campaign, "stage": {"$in": list(_STAGES)}}
    docs = store.find(FailureDoc, query, sort=[("_id", 1)])
    # A second one of a name has a number behind it.
    return [doc for doc in docs if re.sub(r"~\d+$", "", doc.item.partition(":")[0]) in names]
