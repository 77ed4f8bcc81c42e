r"""Make the model that comes with the package and simulates K-edge XANES from structures.

    python benchmarks/xanes_table.py xanes.parquet
    exafscn run configs/xanes_4d.yaml --set sources.1.path=CIFS.zip
    python benchmarks/xanes_model.py --table xanes.parquet --campaign xanes-4d --write

Takes the sites of a table of which it is known which spectrum is theirs, and those of a campaign.
Networks learn four of five folds, grouped by formula, and are asked about the others; that gives
the figures of the card, and what makes expected errors of how far the networks are from each other.
Then they learn all. With --write, the file of the package is written; else only the figures are
shown.
"""

import argparse
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from general import ATTRIBUTION, LICENCE
from inputs import require
from pymatgen.core import Structure
from rich.console import Console
from rich.progress import track
from rich.table import Table

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import (
    Composition,
    Concatenation,
    Inputs,
    LarchSettings,
    PowerSpectrum,
    SiteGraph,
    Xanes,
)
from exafscn_flows.formulas import reduced_formula
from exafscn_flows.iteration import batches
from exafscn_flows.keys import item_key
from exafscn_flows.models import GraphAttention
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.simulation.file import dump_simulator
from exafscn_flows.simulation.shipped import SHIPPED
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.splits import grouped_folds
from exafscn_flows.store.documents import SpectrumDoc, StructureDoc
from exafscn_flows.store.store import Store
from exafscn_flows.tasks.curves import CurvesTask

TAKES = Concatenation(name="graph", parts=[SiteGraph(), PowerSpectrum(), Composition()])
LEARNED = Xanes(spectrum="xanes", reference="half_step", emin=-10.0, emax=18.0, norm1=6.0)
SETTINGS = LarchSettings()
FOLDS = 5
BEGINS, HIGHEST = 0.5, 3.5
"""By its level after the edge, what a spectrum begins with at most where it is learned, and how
high it gets. FEFF's potentials may be unsound: the edge then lies in the white line."""
NOT_FOR = [
    "spectra as a measurement shows them: these are as FEFF calculates them, without its errors "
    "of energy, intensity and broadening being known",
    "energies of edges: all are relative to where the spectrum rises through half of its level",
    "absorbers and elements that are not named here",
    "disordered crystals, molecules and surfaces",
]


class Site(NamedTuple):
    """A site and its spectrum."""

    structure: Structure
    site_index: int
    absorber: str
    spectrum: Spectrum


def main() -> None:
    """Read, train, and show what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True, help="made by xanes_table.py")
    parser.add_argument("--campaign", help="of further spectra, in the database")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--networks", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write the file of the package")
    arguments = parser.parse_args()
    sites = list(of_table(require(arguments.table, "--table")))
    if arguments.campaign:
        sites += of_campaign(Store.open(), arguments.campaign)
    model = GraphAttention(epochs=arguments.epochs, n_networks=arguments.networks)
    data, elements, absorbers = training_set(sites)
    doubt, figures = asked(model, data, absorbers)
    show(figures)
    print("learning all", flush=True)
    formulas = sorted(set(data.groups))
    card = {
        "name": SHIPPED,
        "title": "K-edge XANES from structures",
        "absorbers": data.absorbers,
        "takes": TAKES,
        "learned": LEARNED,
        "autobk": SETTINGS.autobk,
        "xftf": SETTINGS.xftf,
        "spectra": {"xanes": {"kind": "feff10"}},
        "doubt": doubt,
        "elements": tuple(elements),
        "about": {
            "made_by": "python benchmarks/xanes_model.py --write",
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "attribution": ATTRIBUTION.replace(
                "EXAFS that FEFF 8.5L calculates of structures",
                "XANES that FEFF 9 (of the OmniXAS collection) and FEFF 10 calculate of structures",
            ),
            "licence": LICENCE,
            "not_for": NOT_FOR,
            "sites": len(data),
            "formulas": len(formulas),
            "settings": model.parameters(),
            "splits": f"the first of {FOLDS} folds, a formula on one side at all absorbers",
            "figures": figures,
        },
    }
    if arguments.write:
        file = dump_simulator(card, model, model.fit(data, 0), formulas)
        (Path(str(files("exafscn_flows.pretrained"))) / f"{SHIPPED}.zip").write_bytes(file)
        print(f"{len(file) / 1e6:.1f} MB")


def of_table(path: Path) -> Iterable[Site]:
    """Yield the sites of a table."""
    structures: dict[str, Structure] = {}
    for row in pq.read_table(path).to_pylist():
        if row["sites"] > 1:
            continue
        text = row["structure"]
        if text not in structures:
            structures = {text: Structure.from_dict(json.loads(text))}
        spectrum = near_edge(row["energy_rel"], row["mu"], row["program"], row["version"])
        yield Site(structures[text], row["site_index"], row["absorber"], spectrum)


def of_campaign(store: Store, campaign: str) -> Iterable[Site]:
    """Yield the sites of a campaign whose spectra are there."""
    config = store.config(campaign)
    (way,) = config.spectra
    for batch in batches(store.active_sites(campaign), 500):
        keys = [item_key(one.site, way.name) for one in batch]
        spectra = store.read(SpectrumDoc, campaign, keys)
        docs = store.read(StructureDoc, campaign, sorted({one.material_id for one in batch}))
        for key, one in zip(keys, batch, strict=True):
            if key in spectra:
                doc = spectra[key]
                structure = Structure.from_dict(docs[one.material_id].structure)
                spectrum = near_edge(doc.energy_rel, doc.mu, doc.program, doc.version)
                yield Site(structure, one.site_index, one.absorber, spectrum)


def near_edge(energy: Any, mu: Any, program: str, version: str) -> Spectrum:
    """Return XANES as a spectrum."""
    none = np.empty(0)
    arrays = np.asarray(energy, dtype=float), np.asarray(mu, dtype=float)
    return Spectrum("K", "XANES", 0.0, none, none, *arrays, none, program, version)


def training_set(sites: list[Site]) -> tuple[TrainingSet, list[str], np.ndarray]:
    """Return the sites as models learn them, the elements in them, and their absorbers."""
    kept, X, y = [], [], []
    for site in track(sites, "features"):
        inputs = Inputs({"xanes": site.spectrum}, site.structure, site.site_index)
        try:
            curve, vector = LEARNED.vector(inputs, SETTINGS), TAKES.vector(inputs, SETTINGS)
        except ItemFailure:
            continue
        if curve[0] > BEGINS or curve.max() > HIGHEST:
            continue
        kept.append(site)
        X.append(vector)
        y.append(curve)
    print(f"{len(kept)} of {len(sites)} sites", flush=True)
    absorbers = np.array([site.absorber for site in kept])
    known = sorted(set(absorbers))
    hot = (absorbers[:, None] == np.array(known)).astype(np.float32)
    elements = sorted({one.symbol for site in kept for one in site.structure.composition.elements})
    formulas = [reduced_formula(site.structure.composition.reduced_formula) for site in kept]
    return (
        TrainingSet(
            np.hstack([np.stack(X), hot]),
            np.stack(y),
            np.array(formulas),
            TAKES.columns(SETTINGS),
            "curves",
            n_absorbers=len(known),
            absorbers=tuple(known),
        ),
        elements,
        absorbers,
    )


def asked(
    model: GraphAttention, data: TrainingSet, absorbers: np.ndarray
) -> tuple[dict[str, float], dict[str, Any]]:
    """Learn four folds, and return what makes expected errors, and the figures of the fifth."""
    test = grouped_folds(absorbers, data.groups, FOLDS, 0) == 0
    fitted: Any = model.fit(data.part(~test), 0)
    task = CurvesTask()
    output = task.output(fitted, data.X[test], [])
    wanted = np.asarray(data.y[test], dtype=float)
    doubt = task.doubt(wanted, output, [])
    error = ((output[:, :-1] - wanted) ** 2).mean(axis=1)
    means = {one: data.y[~test & (absorbers == one)].mean(axis=0) for one in data.absorbers}
    mean = np.stack([means[one] for one in absorbers[test]])
    of_mean = ((mean - wanted) ** 2).mean(axis=1)
    spreads = output[:, -1]
    ranks = [np.argsort(np.argsort(one)) for one in (spreads, error)]

    def over(rows: np.ndarray) -> dict[str, float]:
        return {
            "n": int(rows.sum()),
            "r2_over_mean": float(1 - error[rows].sum() / of_mean[rows].sum()),
            "rmse": float(np.sqrt(error[rows].mean())),
            "rmse_of_mean": float(np.sqrt(of_mean[rows].mean())),
            "median_relative_mse": float(np.median(error[rows] / of_mean[rows])),
        }

    return doubt, {
        "all": over(np.ones(len(error), dtype=bool)),
        "rank correlation of spread and error": float(np.corrcoef(*ranks)[0, 1]),
        "by_element": {one: over(absorbers[test] == one) for one in data.absorbers},
    }


def show(figures: dict[str, Any]) -> None:
    """Print a table."""
    heads = ("sites", "R2 over the mean", "rmse", "of the mean", "median relative MSE")
    table = Table("absorber", *heads, title="formulas that were not learned")
    for name, one in {**figures["by_element"], "all": figures["all"]}.items():
        table.add_row(name, str(one["n"]), *(f"{value:.3f}" for value in list(one.values())[1:]))
    console = Console(width=100)
    console.print(table)
    key = "rank correlation of spread and error"
    console.print(f"{key}: {figures[key]:.2f}")


if __name__ == "__main__":
    main()
