"""`exafscn simulate`: what a model says of the spectra of structures."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exafscn_flows.elements import check_element
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.simulation.shipped import load_shipped
from exafscn_flows.simulation.simulator import Simulator
from exafscn_flows.simulation.sites import SimulatedSite, simulate_sites
from launcher.errors import complain
from launcher.simulate_output import Beside, Simulated, Unsimulated

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from exafscn_flows.spectra.way import SpectraModel

_FIGURES = (".pdf", ".png", ".svg")

Found = Simulated | Unsimulated
Print = Callable[[Sequence[Found], Simulator], None]


@dataclass(frozen=True)
class Asked:
    """What to simulate.

    Attributes
    ----------
    structures
        Files, folders or zips of structures, and materials of a campaign.
    absorber
        Symbol; None for all that the model knows.
    model
        File of a model, or name of one of a campaign; None for that of the package.
    campaign
        Whose materials are meant; None for the one run last.
    feff
        Whether to compute the spectra, too.
    """

    structures: Sequence[str]
    absorber: str | None
    model: str | None
    campaign: str | None
    feff: bool

    def simulator(self) -> Simulator:
        """Load the model.

        Raises
        ------
        UsageError
            If there is none, or it predicts no spectrum from structures.
        """
        if self.model is None:
            return load_shipped()
        if Path(self.model).is_file():
            from exafscn_flows.simulation.file import load_simulator

            return load_simulator(Path(self.model).read_bytes(), self.model)
        if self.model.count("/") < 4:
            raise UsageError(
                f"model {self.model}: there is no such file, and a model of a campaign is named "
                "CAMPAIGN/TARGET/ABSORBER/FEATURES/MODEL"
            )
        if not _has_database():
            raise UsageError(f"model {self.model}: there is no such file, and no campaign yet")
        from exafscn_flows.store.simulators import named_simulator
        from exafscn_flows.store.store import Store

        return named_simulator(Store.open(), self.model)

    def found(self, simulator: Simulator) -> Iterator[Found]:
        """Yield the spectra; what cannot be simulated is said on standard error at once.

        Raises
        ------
        UsageError
            If there is no such structure.
        """
        beside = _Program(simulator) if self.feff else None
        # All of them first: nobody wants to learn of a wrong name after hours of FEFF.
        for name, read in list(self._structures()):
            try:
                structure = read()
                sites = list(simulate_sites(structure, simulator, self.absorber))
            except ItemFailure as error:
                yield _failed(name, error)
                continue
            for site in sites:
                if site.failure is not None:
                    yield _failed(f"{name}, {site.absorber} at {site.site_index}", site.failure)
                    continue
                yield Simulated(name, site, beside.of(name, site) if beside else None)

    def _structures(self) -> Iterator[tuple[str, Callable[[], "Structure"]]]:
        for given in self.structures:
            if not given:
                raise UsageError("a structure without a name: give a file, or leave it out")
            if Path(given).expanduser().exists():
                yield from _in_files(given)
            else:
                yield self._of_campaign(given)

    def _of_campaign(self, given: str) -> tuple[str, Callable[[], "Structure"]]:
        from exafscn_flows.sources.structure_json import parse_structure_dict
        from exafscn_flows.store.documents import StructureDoc
        from exafscn_flows.store.store import Store

        if not _has_database():
            more = f", and no campaign {self.campaign}" if self.campaign else ""
            raise UsageError(f"{given}: there is no such file{more}")
        store = Store.open()
        if self.campaign is None and not store.campaign_names():
            raise UsageError(f"{given}: there is no such file")
        campaign = self.campaign or store.latest_campaign()
        store.config(campaign)
        docs = store.read(StructureDoc, campaign, [given])
        if given not in docs:
            raise UsageError(
                f"{given}: there is no such file, and no such material in campaign {campaign}"
            )
        stored = docs[given].structure
        if stored is None:
            raise UsageError(f"{given}: of this material a spectrum is known, and no structure")
        return given, lambda: parse_structure_dict(stored, given)


def _has_database() -> bool:
    """Tell whether there can be campaigns; no server is started for nothing."""
    from exafscn_flows.settings import Settings
    from exafscn_flows.store.embedded import EmbeddedServer

    settings = Settings()
    return settings.MONGODB_URI is not None or EmbeddedServer(settings.DATA_DIR).exists


class _Program:
    """Computes the spectra that a model has learned."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._way = _way(simulator)

    def of(self, name: str, site: SimulatedSite) -> Beside | None:
        """Compute the curve of a site; None, said on standard error, if that fails."""
        from exafscn_flows.settings import Settings

        with tempfile.TemporaryDirectory(dir=Settings().SCRATCH_DIR) as scratch:
            try:
                spectrum = self._way.compute(site.structure, site.site_index, Path(scratch))
                values = self._simulator.curve_of(spectrum)
            except ItemFailure as error:
                at = f"{name}, {site.absorber} at {site.site_index}"
                complain(f"{at}: {_program_name(self._way)}: {error.message} ({error.hint})")
                return None
        assert site.curve is not None
        difference = float(np.sqrt(((values - site.curve.values) ** 2).mean()))
        return Beside(values, difference, spectrum.program, spectrum.version, spectrum.seconds)


def _program_name(way: "SpectraModel") -> str:
    """Return what to call what computes spectra."""
    return {"feff": "FEFF", "feff10": "FEFF 10"}.get(way.kind, way.kind)


def _way(simulator: Simulator) -> "SpectraModel":
    from pydantic import TypeAdapter

    from exafscn_flows.config.ways import SpectraSettings

    (name,) = simulator.card.learned.spectra
    way: SpectraModel = TypeAdapter(SpectraSettings).validate_python(
        simulator.card.spectra[name or ""]
    )
    if way.stored or way.kind == "surrogate":
        raise UsageError(
            f"--feff: model {simulator.card.name} has learned spectra that were stored, and "
            "nothing says how to compute them: leave it out"
        )
    way.check()
    return way


def _in_files(given: str) -> Iterator[tuple[str, Callable[[], "Structure"]]]:
    from exafscn_flows.sources.files import FilesSource

    source = FilesSource(kind="files", path=given)
    source.check()
    entries = list(source.entries())
    for entry in entries:
        assert entry.locator is not None
        name = given if len(entries) == 1 else f"{given}: {entry.material_id}"
        yield name, partial(source.load, entry.locator)


def _failed(name: str, error: ItemFailure) -> Unsimulated:
    # What cannot be read says its own name.
    message = error.message.removeprefix(f"{Path(name).name}: ")
    complain(f"{name}: {message} ({error.hint})")
    return Unsimulated(name, message, error.hint)


def simulate(asked: Asked, show: Print, plot: Path | None) -> bool:
    """Simulate spectra, and print them; returns whether there is one for every site.

    Parameters
    ----------
    asked
        What to simulate.
    show
        One of `print_table`, `print_json`, `print_csv` of `simulate_output`.
    plot
        File of a figure; None for none.

    Raises
    ------
    UsageError
        If what was asked makes no sense, or there can be no such file.
    """
    if plot is not None and plot.suffix.lower() not in _FIGURES:
        raise UsageError(f"{plot}: its name has to end in one of {', '.join(_FIGURES)}")
    if plot is not None and not plot.parent.is_dir():
        raise UsageError(f"{plot}: there is no folder {plot.parent}: make it first")
    if asked.absorber is not None:
        try:
            check_element(asked.absorber)
        except ValueError as error:
            raise UsageError(f"absorber: {error}") from None
    simulator = asked.simulator()
    found = list(asked.found(simulator))
    show(found, simulator)
    drawn = [one for one in found if isinstance(one, Simulated)]
    if plot is not None and drawn:
        # Whoever wants no figure need not wait for matplotlib.
        from exafscn_flows.report.simulation_figures import write_figures

        sites = [
            (one.name, one.site, None if one.beside is None else one.beside.values) for one in drawn
        ]
        for path in write_figures(sites, simulator, plot):
            print(f"figure: {path.resolve()}", file=sys.stderr)
    return len(drawn) == len(found)
