"""What XANES tells of the environment of 3d metals in oxides, beside the published 86 %.

    python benchmarks/xanes_table.py xanes.parquet
    python benchmarks/environment.py --table xanes.parquet --data DIR --json environment.json

Runs configs/study_environment.yaml, fits its best model again on grouped folds of other seeds, and
says how much is lost when all energies are off, relative to the edge that a spectrum shows itself
and to a tabulated one. With --data, the database stays in that folder, and a run that was
interrupted goes on.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from campaign_data import read_data
from fits import fits, without_each_fold
from inputs import require
from provenance import provenance
from rich.console import Console
from rich.table import Table
from runs import database, run

from exafscn_flows import Campaign
from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import Xanes
from exafscn_flows.hashing import content_hash
from exafscn_flows.jobs.report import collect_report
from exafscn_flows.models import ExtraTrees
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.report.summary import to_json
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.splits import grouped_folds
from exafscn_flows.store.documents import LabelDoc, SiteDoc, SpectrumDoc
from exafscn_flows.store.store import Store
from exafscn_flows.tasks import task_named

FILE = Path(__file__).resolve().parents[1] / "configs" / "study_environment.yaml"
NAME = "study-environment"
BEST = "average"
STUDIED = "xanes"
"""Name of the feature set that models of all metals are fitted on."""
SIX = ["Ti", "V", "Cr", "Co", "Ni", "Cu"]
SHIFTS = [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]
"""Errors of the scale of energies, eV."""
ABSOLUTE = Xanes(emin=5, emax=30, norm1=18)
"""Relative to the tabulated edge, which is the E0 of the table; so far all spectra reach when their
energies are off."""


def main() -> None:
    """Run the campaign for each seed, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True, help="made by xanes_table.py")
    parser.add_argument("--data", type=Path, help="folder of the database")
    parser.add_argument("--seeds", type=int, default=3, help="number of fold seeds")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    table = require(arguments.table, "--table")
    with database(arguments.data):
        frames = [of_campaign(table)]
        found = claims()
        frames += [of_seed(seed, arguments.data) for seed in range(1, arguments.seeds)]
        result = summary(frames) | {"claims": found, "shifted": shifted()}
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def of_campaign(table: Path) -> pd.DataFrame:
    """Run the campaign, and return the metrics of all its models."""
    run(FILE, f"sources.0.path={table}")
    return Campaign(NAME).metrics().assign(seed=0)


def of_seed(seed: int, kept: Path | None) -> pd.DataFrame:
    """Fit the best model again on other folds, and return its metrics, as the campaign has them.

    With a folder, the probabilities are kept there, and read if they are there.
    """
    store = Store.open()
    config = store.config(NAME)
    model = next(one for one in config.models if one.name == BEST)
    data = read_data(store, NAME, STUDIED, model)
    of_sites = data.dataset
    folds = grouped_folds(of_sites.strata, of_sites.groups, config.evaluation.n_folds, seed)
    learned = [one.tobytes().hex() for one in (data.rows.X, data.rows.y, folds)]
    name = content_hash(model.parameters(), seed, learned)
    file = None if kept is None else kept / f"{name}.npy"
    if file is not None and file.exists():
        proba = np.load(file)
    else:
        proba = asked(model, data.rows, folds, seed)
        if file is not None:
            np.save(file, proba)
    rows = []
    for metal in config.absorbers:
        own = data.absorbers == metal
        found = task_named("classes").metrics(
            of_sites.y[own], proba[own], folds[own], of_sites.classes, of_sites.certainty[own]
        )
        chosen = ("accuracy", "macro_f1", "majority")
        rows.append(
            {"absorber": metal, "n_sites": int(own.sum())}
            | {"n_formulas": len(np.unique(of_sites.groups[own]))}
            | {name: found[name] for name in chosen}
        )
    same = {"split": "grouped", "model": BEST, "feature_set": STUDIED, "seed": seed}
    return pd.DataFrame(rows).assign(**same)


def asked(model: ModelBase, rows: TrainingSet, folds: np.ndarray, seed: int) -> np.ndarray:
    """Return the probabilities of sites whose formulas were not learned, (n, n_classes)."""
    found = np.zeros((len(rows), len(np.unique(rows.y))))
    for fold, fitted in enumerate(fits(model, without_each_fold(rows, folds), seed)):
        test = folds == fold
        found[np.ix_(test, fitted.classes_)] = fitted.predict_proba(rows.X[test])
    return found


def claims() -> list[dict[str, Any]]:
    """List what the report finds of the published claims."""
    (of_target,) = to_json(collect_report(Store.open(), NAME))["targets"].values()
    found: list[dict[str, Any]] = of_target["claims"]
    return found


def summary(frames: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """Mean over the seeds: of the best model by metal, and of every model over the six metals."""
    frame = pd.concat(frames)
    best = frame[frame["model"] == BEST]
    found: dict[str, Any] = {"seeds": len(frames), "model": BEST}
    for split, rows in best.groupby("split"):
        scores = rows.groupby("absorber")[["accuracy", "macro_f1"]].mean() * 100
        found[split] = scores.to_dict("index")
    grouped = best[best["split"] == "grouped"].groupby("absorber")
    found["majority"] = (grouped["majority"].mean() * 100).to_dict()
    found["sites"] = grouped["n_sites"].first().to_dict()
    found["formulas"] = grouped["n_formulas"].first().to_dict()
    found["mean"] = {
        "accuracy, six metals": float(np.mean([found["grouped"][m]["accuracy"] for m in SIX])),
        "macro_f1, V to Cu": float(np.mean([found["grouped"][m]["macro_f1"] for m in SIX[1:]])),
        "majority, six metals": float(np.mean([found["majority"][m] for m in SIX])),
    }
    six = frame[(frame["split"] == "grouped") & frame["absorber"].isin(SIX)]
    found["models"] = [
        {
            "model": model,
            "feature_set": fset,
            "seeds": int(rows["seed"].nunique()),
            **(rows[["accuracy", "macro_f1"]].mean() * 100).to_dict(),
        }
        for (model, fset), rows in six.groupby(["model", "feature_set"])
    ]
    return found


def shifted(metal: str = "Cu") -> dict[str, Any]:
    """Accuracy of extra trees of all metals for formulas of one that they have never seen."""
    store = Store.open()
    config = store.config(NAME)
    sites = [site for metal in config.absorbers for site in store.active_sites(NAME, metal)]
    labels = {doc.site: str(doc.value) for doc in store.find(LabelDoc, {"campaign": NAME})}
    sites = [site for site in sites if site.site in labels]
    sets = (("own edge", config.features.sets[0]), ("tabulated edge", ABSOLUTE))
    covered = [
        all(_is_covered(fset, config, one, site.absorber == metal) for _, fset in sets)
        for site, one in zip(sites, _spectra(store, sites), strict=True)
    ]
    left_out = len(sites) - sum(covered)
    sites = [site for site, chosen in zip(sites, covered, strict=True) if chosen]
    metals = np.array([site.absorber for site in sites])
    _, y = np.unique([labels[site.site] for site in sites], return_inverse=True)
    groups = np.array([site.formula for site in sites])
    pairs = [f"{of} {label}" for of, label in zip(metals, y, strict=True)]
    strata = np.unique(pairs, return_inverse=True)[1]
    folds = grouped_folds(strata, groups, 5, 0)
    one_hot = (metals[:, None] == np.array(config.absorbers)).astype(np.float32)
    spectra = _spectra(store, sites)
    own = metals == metal
    found: dict[str, Any] = {"metal": metal, "sites": int(own.sum()), "shift": SHIFTS}
    found["left out"] = left_out
    for name, fset in sets:
        columns = fset.columns(config.features)
        whole = _features(fset, config, spectra, 0.0)
        moved = {shift: _features(fset, config, _some(spectra, own), shift) for shift in SHIFTS}
        right = dict.fromkeys(SHIFTS, 0)
        for fold in range(5):
            train, test = folds != fold, (folds == fold)[own]
            X = np.hstack([whole, one_hot])
            model = ExtraTrees(n_estimators=200)
            fitted = model.fit(
                TrainingSet(X[train], y[train], groups[train], columns, "classes"), 0
            )
            for shift, rows in moved.items():
                predicted = fitted.predict(np.hstack([rows, one_hot[own]])[test])
                right[shift] += int((predicted == y[own][test]).sum())
        found[name] = [100 * right[shift] / int(own.sum()) for shift in SHIFTS]
    return found


def _some(spectra: list[Spectrum], rows: np.ndarray) -> list[Spectrum]:
    return [spectrum for spectrum, chosen in zip(spectra, rows, strict=True) if chosen]


def _spectra(store: Store, sites: Sequence[SiteDoc]) -> list[Spectrum]:
    """Read the spectra of sites, in their order."""
    names = Spectrum.__dataclass_fields__
    found = {
        doc.site: Spectrum(**{name: getattr(doc, name) for name in names})
        for doc in store.find(SpectrumDoc, {"campaign": NAME})
    }
    return [found[site.site] for site in sites]


def _is_covered(fset: Any, config: CampaignConfig, spectrum: Spectrum, is_moved: bool) -> bool:
    """Tell whether features can be made of a spectrum, also when its energies are off."""
    try:
        for shift in SHIFTS if is_moved else [0.0]:
            _features(fset, config, [spectrum], shift)
    except ItemFailure:
        return False
    return True


def _features(
    fset: Any, config: CampaignConfig, spectra: Sequence[Spectrum], shift: float
) -> np.ndarray:
    """Return the features of spectra whose energies are off by a shift, eV."""
    return np.stack(
        [
            fset.transform(replace(one, energy_rel=one.energy_rel + shift), config.features)
            for one in spectra
        ]
    )


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console(width=100)
    title = "grouped (random)"
    table = Table("metal", "sites", "accuracy", "macro-F1", "majority", title=title)
    for metal, scores in result["grouped"].items():
        random = result["random"][metal]
        table.add_row(
            metal,
            str(result["sites"][metal]),
            *(f"{scores[key]:.1f} ({random[key]:.1f})" for key in ("accuracy", "macro_f1")),
            f"{result['majority'][metal]:.1f}",
        )
    console.print(table)
    console.print({name: round(value, 2) for name, value in result["mean"].items()})
    models = Table("model", "features", "accuracy", "macro-F1", title="six metals, grouped")
    for one in result["models"]:
        cells = (f"{one[key]:.1f}" for key in ("accuracy", "macro_f1"))
        models.add_row(one["model"], one["feature_set"], *cells)
    console.print(models)
    for claim in result["claims"]:
        parts = ", ".join(f"{p['what']} {'yes' if p['holds'] else 'no'}" for p in claim["parts"])
        answer = {None: "no data", True: "yes", False: "no"}[claim["holds"]]
        console.print(f"{claim['claim']}: {answer} ({parts})")
    curve = result["shifted"]
    title = f"accuracy of {curve['metal']}, energies off"
    shifts = Table("relative to", *(f"{shift:+g} eV" for shift in curve["shift"]), title=title)
    for name in ("own edge", "tabulated edge"):
        shifts.add_row(name, *(f"{value:.1f}" for value in curve[name]))
    console.print(shifts)


if __name__ == "__main__":
    main()
