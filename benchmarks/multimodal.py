r"""What XANES, pair distribution functions and both tell of Ti, Mn, Fe and Cu in oxides.

    python benchmarks/xanes_table.py xanes.parquet
    python benchmarks/multimodal.py --table xanes.parquet --data DIR --json multimodal.json

Runs configs/study_multimodal.yaml and collects, by metal, target, input and split, the score of the
best model over the folds, beside the trivial one. Of materials with one site of Ti or Cu, some
spectra were computed here, too, and kept (computed_xanes.py says how): from the stored and from the
computed ones, the same sites are learned. With --data, the database stays in that folder, and a run
that was interrupted goes on.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from inputs import require
from provenance import provenance
from pymatgen.core import Structure
from rich.console import Console
from rich.table import Table
from runs import database, run

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import Inputs, Xanes
from exafscn_flows.jobs.report import collect_report
from exafscn_flows.report.summary import to_json
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.store.documents import StructureDoc
from exafscn_flows.store.store import Store

FILE = Path(__file__).resolve().parents[1] / "configs" / "study_multimodal.yaml"
COMPUTED = Path(__file__).with_name("results") / "xanes_sources.parquet"
NAME = "study-multimodal"
FOREST = "random_forest"
"""The model that was published."""
N_TIMED = 100
"""Sites on which a PDF and its features are timed."""


def main() -> None:
    """Run the campaign, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True, help="made by xanes_table.py")
    parser.add_argument("--computed", type=Path, default=COMPUTED, help="spectra computed here")
    parser.add_argument("--data", type=Path, help="folder of the database")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the campaign")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    table = require(arguments.table, "--table")
    computed = require(arguments.computed, "--computed")
    with database(arguments.data) as folder:
        numbers = of_table(table, arguments.set)
        result: dict[str, Any] = {
            "rows": rows(numbers),
            "claims": claims(numbers),
            "milliseconds": milliseconds(),
        }
        result["sources"] = sources(table, computed, folder, arguments.set)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def of_table(table: Path, keys: Sequence[str], name: str = NAME) -> dict[str, Any]:
    """Run the campaign on a table, and return the numbers of its report."""
    run(FILE, f"sources.0.path={table}", f"campaign={name}", *keys)
    return to_json(collect_report(Store.open(), name))


def rows(numbers: dict[str, Any]) -> list[dict[str, Any]]:
    """List the score of the best model in percent, mean and standard deviation over the folds."""
    found = []
    for target, of_target in numbers["targets"].items():
        pooled = {
            (one["absorber"], one["feature_set"], one["model"]): one for one in of_target["models"]
        }
        key = "macro_f1" if of_target["task"] == "classes" else "relative_rmse"
        for row in of_target["inputs"]:
            forests = [one for one in row["models"].values() if one["kind"] == FOREST]
            for split in ("grouped", "random"):
                best = row["models"][row["model"]][split]
                whole = pooled[row["absorber"], row["feature_set"], row["model"]][split][key]
                found.append(
                    {
                        "metal": row["absorber"],
                        "target": target,
                        "input": row["feature_set"],
                        "split": split,
                        "measure": "macro-F1" if key == "macro_f1" else "RMSE of the mean",
                        "score": 100 * best["mean"],
                        "sd": 100 * best["std"],
                        "trivial": 100 * best["trivial"],
                        "all_folds_together": 100 * whole,
                        "model": row["model"],
                        "random_forest": 100 * forests[0][split]["mean"] if forests else None,
                        "folds": best["n_folds"],
                        "sites": row["n_sites"],
                        "formulas": row["n_formulas"],
                    }
                )
    return found


def claims(numbers: dict[str, Any]) -> list[dict[str, Any]]:
    """List what the report finds of the published claims."""
    return [
        {"target": target, **one}
        for target, of_target in numbers["targets"].items()
        for one in of_target["claims"]
    ]


def sources(table: Path, computed: Path, folder: Path, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Learn the same sites from stored spectra, and from those that were computed here.

    Sites of which one of both spectra has no features are left out of both.
    """
    kept = {
        (row["material_id"], row["absorber"]): row for row in pq.read_table(computed).to_pylist()
    }
    whole = pq.read_table(table)
    names = list(
        zip(*(whole[name].to_pylist() for name in ("material_id", "absorber")), strict=True)
    )
    once = Counter(names)
    chosen = [index for index, name in enumerate(names) if name in kept and once[name] == 1]
    config = Store.open().config(NAME)
    pairs = [(one, _replaced(one, kept)) for one in whole.take(chosen).to_pylist()]
    pairs = [pair for pair in pairs if all(_has_features(config, one) for one in pair)]
    found = []
    for source, rows_of in zip(("stored", "computed"), zip(*pairs, strict=True), strict=True):
        file = folder / f"{source}.parquet"
        pq.write_table(pa.Table.from_pylist(list(rows_of), whole.schema), file)
        metals = sorted({row["absorber"] for row in rows_of})
        own = [f"absorbers=[{', '.join(metals)}]", "study.importance=null"]
        given = {key.partition("=")[0] for key in keys}
        own = [key for key in own if key.partition("=")[0] not in given]
        numbers = of_table(file, [*own, *keys], f"{NAME}-{source}")
        found += [{"source": source, **row} for row in rows(numbers)]
    return found


def _replaced(row: dict[str, Any], kept: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """Return a row of the table with the spectrum that was computed here."""
    own = kept[row["material_id"], row["absorber"]]
    shift = own["e0"] - row["e0"]
    energy = [one + shift for one in own["energy_rel"]]
    names = ("mu", "program", "version")
    return row | {"energy_rel": energy} | {name: own[name] for name in names}


def _has_features(config: CampaignConfig, row: dict[str, Any]) -> bool:
    """Tell whether features of XANES can be made of the spectrum of a row."""
    (fset,) = (one for one in config.features.sets if isinstance(one, Xanes))
    none = np.empty(0)
    curves = {name: np.array(row[name]) for name in ("energy_rel", "mu")}
    known = {name: row[name] for name in ("e0", "program", "version")}
    spectrum = Spectrum("K", "XANES", k=none, chi=none, mu0=none, **known, **curves)
    try:
        fset.transform(spectrum, config.features)
    except ItemFailure:
        return False
    return True


def milliseconds() -> dict[str, float]:
    """Time a PDF, total and differential, and its features: processor time of one site, median."""
    store = Store.open()
    config: CampaignConfig = store.config(NAME)
    (way,) = (one for one in config.spectra if one.kind == "pdf")
    sets = [one for one in config.features.sets if one.kind == "pdf"]
    sites = list(store.active_sites(NAME))
    sites = sites[:: max(1, len(sites) // N_TIMED)]
    docs = store.read(StructureDoc, NAME, {site.material_id for site in sites})
    spectra, features = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for site in sites:
            crystal = Structure.from_dict(docs[site.material_id].structure)
            started = time.process_time()
            spectrum = way.compute(crystal, site.site_index, Path(scratch))
            made = time.process_time()
            for fset in sets:
                fset.vector(Inputs({way.name: spectrum}), config.features)
            spectra.append(1000 * (made - started))
            features.append(1000 * (time.process_time() - made))
    return {
        "PDF": statistics.median(spectra),
        "features of a PDF": statistics.median(features),
        "sites": len(sites),
    }


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console(width=100)
    for target in dict.fromkeys(row["target"] for row in result["rows"]):
        own = [row for row in result["rows"] if row["target"] == target]
        title = f"{target}: {own[0]['measure']}, %"
        table = Table(
            "metal", "input", "sites", "grouped", "random", "trivial", "model", title=title
        )
        for grouped, random in zip(own[::2], own[1::2], strict=True):
            table.add_row(
                grouped["metal"],
                grouped["input"],
                str(grouped["sites"]),
                *(f"{row['score']:.1f} ± {row['sd']:.1f}" for row in (grouped, random)),
                f"{grouped['trivial']:.1f}",
                grouped["model"],
            )
        console.print(table)
    table = Table("target", "claim", "overall", "by metal", title="published claims")
    for one in result["claims"]:
        parts = ", ".join(f"{p['what']} {'yes' if p['holds'] else 'no'}" for p in one["parts"])
        answer = {None: "no data", True: "yes", False: "no"}[one["holds"]]
        table.add_row(one["target"], one["claim"], answer, parts)
    console.print(table)
    console.print({name: round(value, 2) for name, value in result["milliseconds"].items()})
    for row in result["sources"]:
        if row["split"] == "grouped":
            console.print(
                f"{row['source']}: {row['metal']} {row['target']} {row['input']} "
                f"{row['score']:.1f} ± {row['sd']:.1f} ({row['sites']} sites)"
            )


if __name__ == "__main__":
    main()
