"""Make the model that comes with the package: CN and bond length from measured EXAFS.

    python benchmarks/general.py --data DIR --write

Runs configs/general_minerals.yaml, which computes spectra of small minerals, and
configs/general.yaml on tables of spectra, both without their models. All formulas of the sample of
configs/quickstart.yaml are left out, so that its minerals are new to the model. Networks are
trained on two thirds of the other formulas and asked about the last third, three times; what they
say of computed spectra that were changed as measurements are gives temperature, thresholds and the
figures of the card. Then they are trained on all. No measured spectrum is read. With --write, the
files of the package are written; else only the figures are shown. With --data, the database stays
in that folder, and a run that was interrupted goes on.
"""

import argparse
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from campaign_data import Joint, joint, read_data
from fits import fits, without_each_fold
from inputs import MORE_SITES, NEW_FORMULAS, SITES, require
from rich.console import Console
from rich.table import Table
from runs import database, run

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.formulas import reduced_formula
from exafscn_flows.jobs.catalog import candidates
from exafscn_flows.jobs.reading import look_at_chunk
from exafscn_flows.jobs.sampling import chosen_structures
from exafscn_flows.models.measured_fitted import MeasuredClassifier, MeasuredRegressor, to_grid
from exafscn_flows.models.measured_network import MeasuredNetwork
from exafscn_flows.models.measured_training import Views
from exafscn_flows.pretrained.formulas import dump_formulas
from exafscn_flows.pretrained.model import E0_SHIFTS
from exafscn_flows.splits import grouped_folds
from exafscn_flows.store.store import Store
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.calibration import temperature, tempered
from exafscn_flows.tasks.prediction_sets import prediction_sets, threshold
from exafscn_flows.tasks.softmax import softmax

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
CAMPAIGNS = ("general", "general-minerals")
TARGETS = ("coordination_number", "bond_length")
FEATURES = "chi_k"
BATCH = 256
ENDINGS = {"cn": "safetensors", "bond": "safetensors", "formulas": "bin"}
"""Of the files of the package; formulas are those trained on, in which campaigns do not count."""
SURE = 0.7
"""Probability from which an answer is called sure."""

ATTRIBUTION = (
    "Trained on EXAFS that FEFF 8.5L calculates of structures of the Materials Project "
    "(A. Jain et al., APL Materials 1, 011002 (2013)), licensed CC BY 4.0, "
    "https://creativecommons.org/licenses/by/4.0/, taken from database version 2025.02.12 and "
    "changed to spectra, and of structures of the American Mineralogist Crystal Structure Database "
    "(R. T. Downs and M. Hall-Wallace, American Mineralogist 88, 247 (2003)). Labels by CrystalNN "
    "(H. Pan et al., Inorganic Chemistry 60, 1590 (2021))."
)
LICENCE = "weights: CC BY 4.0, with the attribution above"
NOT_FOR = [
    "K edges of other elements than those in absorbers, other edges, and XANES",
    "mixtures: of several sites or phases, it names one number, with no warning",
    "nanoparticles, liquids and glasses: it has learned crystals, disordered by Gaussians only",
    "a number that decides without a look at the prediction set: half of all doubt is in it",
    "ranges of k that end below 6 1/Å",
    "telling compounds that it does not know: spectra unlike all it has learned look usual to it",
]


def main() -> None:
    """Run the campaigns, train, and show what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, nargs=3, default=[SITES, MORE_SITES, NEW_FORMULAS])
    parser.add_argument("--data", type=Path, help="folder of the database")
    parser.add_argument("--write", action="store_true", help="write the files of the package")
    arguments = parser.parse_args()
    tables = [require(path, "--table") for path in arguments.table]
    keys = [f"sources.{number}.path={path}" for number, path in enumerate(tables)]
    config = load_campaign_file(CONFIGS / "general.yaml", keys)
    with database(arguments.data):
        run(CONFIGS / "general_minerals.yaml")
        run(CONFIGS / "general.yaml", *keys, "models=[]")
        store = Store.open()
        left_out = sampled_formulas(store, load_campaign_file(CONFIGS / "quickstart.yaml"))
        cn, bond = (both(store, model_of(config, name), name, left_out) for name in TARGETS)
    card, parts = trained(config, cn, bond)
    card["left_out"] = sorted(left_out)
    show(card)
    if arguments.write:
        write(card, parts)


def model_of(config: CampaignConfig, target: str) -> MeasuredNetwork:
    """Return the model of a target in the campaign file."""
    (model,) = config.models_for(target)
    assert isinstance(model, MeasuredNetwork)
    return model


def trained(
    config: CampaignConfig, cn: Joint, bond: Joint
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Train all networks; returns the card, and the files of weights and of formulas."""
    seed, n_folds = config.evaluation.seed, config.evaluation.n_folds
    models = [model_of(config, name) for name in TARGETS]
    of_cn, cn_weights = classifier(models[0], cn, n_folds, seed)
    of_bonds, bond_weights = regressor(models[1], bond, n_folds, seed)
    formulas = dump_formulas(np.union1d(cn.rows.groups, bond.rows.groups).tolist())
    parts = {"cn": cn_weights, "bond": bond_weights, "formulas": formulas}
    return {
        "name": "general",
        "title": "Coordination number and mean bond length of 3d metals from K-edge EXAFS",
        "made_by": "python benchmarks/general.py --write",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "attribution": ATTRIBUTION,
        "licence": LICENCE,
        "not_for": NOT_FOR,
        "absorbers": config.absorbers,
        "kmin": models[0].augmentation.kmin,
        "kmax": models[0].augmentation.kmax,
        "sites": dict(zip(CAMPAIGNS, np.bincount(cn.campaign, minlength=2).tolist(), strict=True)),
        "formulas": len(np.unique(cn.rows.groups)),
        "splits": f"{n_folds} folds, a formula on one side at all absorbers; measured spectra take "
        "no part in training, calibration or choices",
        "settings": {name: model.parameters() for name, model in zip(TARGETS, models, strict=True)},
        "files": {part: f"general_{part}.{ENDINGS[part]}" for part in parts},
        "sha256": {part: hashlib.sha256(data).hexdigest() for part, data in parts.items()},
        **of_cn,
        "bond_length": of_bonds,
    }, parts


def write(card: dict[str, Any], parts: dict[str, bytes]) -> None:
    """Write the files of the package."""
    folder = Path(str(files("exafscn_flows.pretrained")))
    for part, data in parts.items():
        (folder / card["files"][part]).write_bytes(data)
    (folder / "general.json").write_text(json.dumps(card, indent=1) + "\n")


def sampled_formulas(store: Store, config: CampaignConfig) -> set[str]:
    """Return the reduced formulas of all structures that a campaign samples."""
    formulas: dict[str, str] = {}

    def read(wave: list[Any]) -> list[Any]:
        found = look_at_chunk(config, wave)
        formulas.update({result.material_id: one["formula"] for result, one in found if one})
        return [result for result, _ in found]

    chosen = chosen_structures(config, candidates(store, config), read)
    return {reduced_formula(formulas[material]) for part in chosen for material in part}


def both(store: Store, model: MeasuredNetwork, target: str, left_out: set[str]) -> Joint:
    """Read the sites of both campaigns, less those of some formulas."""
    data = joint([read_data(store, name, FEATURES, model, target) for name in CAMPAIGNS])
    data = data.part(~np.isin(data.rows.groups, sorted(left_out)))
    rows = data.rows
    if not rows.classes:
        return data._replace(rows=replace(rows, shares=None))
    assert rows.shares is not None
    # Some classes may have had left-out formulas only.
    there, y = np.unique(rows.y, return_inverse=True)
    classes = tuple(rows.classes[place] for place in there)
    rows = replace(rows, y=y, shares=rows.shares[:, there], classes=classes)
    return data._replace(rows=rows)


def strata(data: Joint) -> np.ndarray:
    """Return what is spread evenly over folds: absorber and class of each site, shape (n,)."""
    of_label = task_named(data.rows.task).strata(data.rows.y)
    symbols = np.unique(data.absorbers, return_inverse=True)[1]
    pairs = np.stack([symbols, of_label], axis=1)
    found: np.ndarray = np.unique(pairs, axis=0, return_inverse=True)[1].ravel()
    return found


class Asked(NamedTuple):
    """Outputs of networks that had not learned the formula."""

    clean: np.ndarray
    """Of spectra as computed, shape (n_networks, n, n_outputs)."""
    changed: np.ndarray
    """Of spectra changed as measurements are, shape (n_shifts * n_networks, n, n_outputs)."""
    kmax: np.ndarray
    """Where the changed ones end, 1/Å, shape (n,)."""
    folds: np.ndarray


def out_of_fold(
    fitted_of: list[Any], model: MeasuredNetwork, data: Joint, folds: np.ndarray, seed: int
) -> Asked:
    """Ask the networks of each fold about that fold, which they have not learned."""
    rows = data.rows
    n_out = len(rows.classes) or 1
    clean = np.full((model.n_networks, len(rows), n_out), -np.inf)
    changed = np.full((model.n_networks * len(E0_SHIFTS), len(rows), n_out), -np.inf)
    kmax = np.empty(len(rows))
    settings = model.augmentation.model_copy(update={"clean": 0.0})
    views = Views(settings, stretched=rows.task == "classes")
    n_axis = len(rows.columns.axis)
    for fold in np.unique(folds):
        fitted = fitted_of[fold]
        places = fitted.classes_ if rows.classes else np.array([0])
        rng = np.random.default_rng([seed, fold])
        test = rng.permutation(np.flatnonzero(folds == fold))
        for part in np.array_split(test, len(test) // BATCH + 1):
            X = rows.X[part]
            chi = to_grid(X[:, :n_axis], fitted.axis, fitted.kweight)
            seen = views.measured(chi, rng)
            asked = fitted.networks.outputs(*seen, X[:, n_axis:], E0_SHIFTS)
            kmax[part] = seen[2]
            clean[:, part[:, None], places] = fitted.outputs(X)
            changed[:, part[:, None], places] = asked
            if not rows.classes:
                for one in (clean, changed):
                    one[:, part] = fitted.center + fitted.width * one[:, part]
    return Asked(clean, changed, kmax, folds)


def classifier(
    model: MeasuredNetwork, data: Joint, n_folds: int, seed: int
) -> tuple[dict[str, Any], bytes]:
    """Train the networks of the coordination number; returns a part of the card, and the file."""
    folds = grouped_folds(strata(data), data.rows.groups, n_folds, seed)
    fitted, *of_folds = fits(model, [data.rows, *without_each_fold(data.rows, folds)], seed)
    asked = out_of_fold(of_folds, model, data, folds, seed)
    y, task = data.rows.y, task_named("classes")
    clean, changed = (softmax(one).mean(axis=0) for one in (asked.clean, asked.changed))
    found = temperature(changed, y)
    proba = tempered(changed, found)
    right, sure = proba.argmax(axis=1) == y, proba.max(axis=1) >= SURE
    second = np.argsort(-proba, axis=1)[:, :2]
    least = {
        one: least_of(proba[data.absorbers == one], y[data.absorbers == one])
        for one in np.unique(data.absorbers).tolist()
    }
    figures = {
        name: of_output(task, y, output, asked.folds, data)
        for name, output in (("computed", clean), ("changed", changed))
    }
    within = sets(proba, y, data.absorbers, asked.folds)
    figures["changed"] |= {
        "coverage": float(within[np.arange(len(y)), y].mean()),
        "set_size": float(within.sum(axis=1).mean()),
        "top_two": float((second == y[:, None]).any(axis=1).mean()),
        "sure": {"share": float(sure.mean()), "accuracy": float(right[sure].mean())},
        "by_kmax": {
            f"{low:g}-{high:g}": float(right[(asked.kmax >= low) & (asked.kmax < high)].mean())
            for low, high in ((5.0, 7.0), (7.0, 9.0), (9.0, 11.0), (11.0, 13.0))
        },
    }
    assert isinstance(fitted, MeasuredClassifier)
    assert fitted.classes_.tolist() == list(range(len(data.rows.classes)))
    card = {
        "classes": list(data.rows.classes),
        "temperature": found,
        "thresholds": least,
        "figures": figures,
    }
    return card, model.dump(fitted)


def least_of(proba: np.ndarray, y: np.ndarray) -> float:
    """Return the probability that nine in ten labels reach, whatever their class.

    Of each class by itself, sets would hold many rare ones with next to no probability.
    """
    return threshold(proba[np.arange(len(y)), y])


def sets(proba: np.ndarray, y: np.ndarray, absorbers: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return which classes are in the set of each site, by thresholds of the other folds."""
    least = np.empty(len(y))
    for one in np.unique(absorbers):
        for fold in np.unique(folds):
            own, inside = absorbers == one, folds == fold
            least[own & inside] = least_of(proba[own & ~inside], y[own & ~inside])
    return prediction_sets(proba, least[:, None], proba.argmax(axis=1))


def of_output(
    task: Any, y: np.ndarray, output: np.ndarray, folds: np.ndarray, data: Joint
) -> dict[str, Any]:
    """Return the figures of out-of-fold probabilities, those by element among them."""
    wanted = (
        "accuracy",
        "certain_accuracy",
        "balanced_accuracy",
        "macro_f1",
        "majority",
        "ece",
        "calibration",
    )
    found = task.metrics(y, output, folds, list(data.rows.classes), data.certainty)
    right = output.argmax(axis=1) == y
    place = np.unique(data.rows.groups, return_inverse=True)[1]
    return {name: found[name] for name in wanted} | {
        # Of sites, formulas with many polymorphs count most.
        "by_formula": float((np.bincount(place, right) / np.bincount(place)).mean()),
        "by_element": {
            one: {
                "n": int((data.absorbers == one).sum()),
                "accuracy": float(right[data.absorbers == one].mean()),
            }
            for one in np.unique(data.absorbers).tolist()
        },
    }


def regressor(
    model: MeasuredNetwork, data: Joint, n_folds: int, seed: int
) -> tuple[dict[str, Any], bytes]:
    """Train the networks of the bond length; returns a part of the card, and the file."""
    folds = grouped_folds(strata(data), data.rows.groups, n_folds, seed)
    fitted, *of_folds = fits(model, [data.rows, *without_each_fold(data.rows, folds)], seed)
    asked = out_of_fold(of_folds, model, data, folds, seed)
    y, output = data.rows.y, asked.changed[:, :, 0]
    both_of = np.column_stack([output.mean(axis=0), output.std(axis=0)])
    doubt = task_named("numbers").doubt(y, both_of, [])
    assert isinstance(fitted, MeasuredRegressor)
    errors = {"computed": asked.clean[:, :, 0].mean(axis=0) - y, "changed": both_of[:, 0] - y}
    card = {
        "numbers": [fitted.center, fitted.width],
        "doubt": doubt,
        "sites": len(y),
        "figures": {
            name: {
                "mae": float(np.abs(error).mean()),
                "median": float(np.median(np.abs(error))),
                "rmse": float(np.sqrt((error**2).mean())),
            }
            for name, error in errors.items()
        },
    }
    return card, model.dump(fitted)


def show(card: dict[str, Any]) -> None:
    """Print tables."""
    console = Console(width=100)
    figures = card["figures"]
    table = Table("absorber", "sites", "computed, %", "changed, %", title="formulas not learned")
    for one in card["absorbers"]:
        values = [figures[name]["by_element"][one] for name in ("computed", "changed")]
        cells = [f"{100 * value['accuracy']:.1f}" for value in values]
        table.add_row(one, str(values[0]["n"]), *cells)
    table.add_row("all", "", *(f"{100 * figures[n]['accuracy']:.1f}" for n in figures))
    console.print(table)
    for name, values in figures.items():
        console.print(
            f"{name}: majority {100 * values['majority']:.1f} %, certain labels "
            f"{100 * values['certain_accuracy']:.1f} %, ECE {values['ece']:.3f}"
        )
    changed = figures["changed"]
    console.print(
        f"probability of 0.7 or more: {100 * changed['sure']['share']:.1f} % of spectra, of which "
        f"{100 * changed['sure']['accuracy']:.1f} % right; top two {100 * changed['top_two']:.1f} %"
        f"; sets of {changed['set_size']:.2f} hold {100 * changed['coverage']:.1f} %"
    )
    console.print({k: f"{100 * v:.1f} %" for k, v in changed["by_kmax"].items()})
    console.print(card["sites"], card["formulas"], "formulas", len(card["left_out"]), "left out")
    console.print({k: f"{v['mae']:.3f} Å" for k, v in card["bond_length"]["figures"].items()})


if __name__ == "__main__":
    main()
