"""The inputs of `fuzz_inputs.py`: crystals that everybody knows, written in all formats."""

import gzip
import json
import random
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fuzz_mutations import (
    damage,
    same_cif,
    same_crystal,
    same_feff_input,
    same_feff_output,
    same_json,
    same_poscar,
)
from pymatgen.core import Lattice, Structure
from ruamel.yaml import YAML

from exafscn_flows.spectra.feff_input import feff_input


class Case(NamedTuple):
    """An input: the files of a folder, and what must come out."""

    kind: str
    files: dict[str, bytes]
    crystal: int
    """Position in `crystals`."""
    same: bool
    """Whether it is rewritten only, and not damaged."""


@cache
def crystals() -> list[Structure]:
    """Crystals with two to three inequivalent sites, cubic to monoclinic; the first is NiO."""
    made: list[tuple[str, Lattice, dict[str, list[float]]]] = [
        ("Fm-3m", Lattice.cubic(4.18), {"Ni": [0, 0, 0], "O": [0.5, 0.5, 0.5]}),
        ("F-43m", Lattice.cubic(5.41), {"Zn": [0, 0, 0], "S": [0.25, 0.25, 0.25]}),
        ("Pn-3m", Lattice.cubic(4.27), {"Cu": [0.25, 0.25, 0.25], "O": [0, 0, 0]}),
        ("P4_2/mnm", Lattice.tetragonal(4.594, 2.959), {"Ti": [0, 0, 0], "O": [0.305, 0.305, 0]}),
        (
            "Pm-3m",
            Lattice.cubic(3.905),
            {"Sr": [0.5, 0.5, 0.5], "Ti": [0, 0, 0], "O": [0.5, 0, 0]},
        ),
        (
            "P6_3mc",
            Lattice.hexagonal(3.25, 5.207),
            {"Zn": [1 / 3, 2 / 3, 0], "O": [1 / 3, 2 / 3, 0.382]},
        ),
        (
            "R-3m",
            Lattice.hexagonal(2.816, 14.05),
            {"Co": [0, 0, 0], "Li": [0, 0, 0.5], "O": [0, 0, 0.26]},
        ),
        (
            "C2/c",
            Lattice.monoclinic(4.684, 3.423, 5.129, 99.54),
            {"Cu": [0.25, 0.25, 0], "O": [0, 0.418, 0.25]},
        ),
    ]
    return [
        Structure.from_spacegroup(group, lattice, list(atoms), list(atoms.values()))
        for group, lattice, atoms in made
    ]


@cache
def spectrum() -> dict[str, np.ndarray]:
    """Invent an EXAFS spectrum on FEFF's grid; shape (401,) each."""
    k = np.arange(401) * 0.05
    chi = 0.3 * np.exp(-0.02 * k**2) * np.sin(4 * k)
    return {"k": k, "energy_rel": 3.81 * k**2, "chi": chi, "mu": 1 + chi, "mu0": np.ones_like(k)}


def make_case(seed: int) -> Case:
    """Make the case of a seed."""
    rng = random.Random(seed)
    makers = [*_STRUCTURES] * 3 + [_feff_run, _feff_run, _table, _campaign, _campaign]
    return rng.choice(makers)(rng, rng.random() < 0.5)


def _structure(
    kind: str, name: str, write: Callable[[random.Random, Structure], bytes]
) -> Callable[[random.Random, bool], Case]:
    """Return what makes cases of one format."""

    def make(rng: random.Random, same: bool) -> Case:
        number = rng.randrange(len(crystals()))
        structure = crystals()[number]
        content = write(rng, same_crystal(rng, structure) if rng.random() < 0.7 else structure)
        content = content if same else damage(rng, content)
        packed = rng.random() < 0.1
        files = {f"{name}.gz": gzip.compress(content)} if packed else {name: content}
        return Case(kind, files, number, same)

    return make


_STRUCTURES = [
    _structure("CIF", "a.cif", same_cif),
    _structure("POSCAR", "POSCAR", same_poscar),
    _structure("JSON", "a.json", same_json),
]


def _feff_run(rng: random.Random, same: bool) -> Case:
    structure = crystals()[0].get_primitive_structure()
    nickel = [site.specie.symbol for site in structure].index("Ni")
    s = spectrum()
    energies = 8333 + s["energy_rel"]
    xmu = "# NiO   FEFF 9.6.4\n# omega e k mu mu0 chi @#\n" + "".join(
        f"{e:13.3f} {0:10.3f} {k:8.3f} {mu:12.5E} {1:12.5E} {chi:12.5E}\n"
        for e, k, mu, chi in zip(energies, s["k"], s["mu"], s["chi"], strict=True)
    )
    chi = "# k chi mag phase @#\n" + "".join(
        f"{k:10.4f} {c:13.6E} {1:13.6E} {1:13.6E}\n" for k, c in zip(s["k"], s["chi"], strict=True)
    )
    files = {
        "NiO/POSCAR": same_poscar(rng, structure, first="Ni"),
        "NiO/000_Ni/feff.inp": same_feff_input(
            rng, feff_input(structure, nickel, {"EXAFS": "20", "RPATH": "5"})
        ),
        "NiO/000_Ni/xmu.dat": same_feff_output(rng, xmu),
        "NiO/000_Ni/chi.dat": same_feff_output(rng, chi),
    }
    if not same:
        name = rng.choice(list(files))
        files[name] = damage(rng, files[name])
    return Case("FEFF run", files, 0, same)


def _table(rng: random.Random, same: bool) -> Case:
    rows: list[dict[str, Any]] = [
        {
            "material_id": f"m{site}",
            "site_index": site,
            "absorber": "Ni",
            "structure": json.dumps(crystals()[0].as_dict()),
            "e0": 8333.0,
            **{name: values.tolist() for name, values in spectrum().items()},
            "edge": rng.choice(["K", None]),
            "remark": "nothing",
        }
        for site in (0, 1, 2)
    ]
    if not same and rng.random() < 0.7:
        name = rng.choice(list(rows[0]))
        odd = [None, "", -1, 1e308, 8333, "K", [], [0.0], [float("nan")] * 401, [1.0] * 401, 10**12]
        for row in rng.sample(rows, rng.choice([1, 3])):
            row[name] = rng.choice(odd)
    rng.shuffle(rows)
    names = list(rows[0])
    rng.shuffle(names)
    try:
        table = pa.table({name: [row[name] for row in rows] for name in names})
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # values of two types in one column
        table = pa.table({name: [str(row[name]) for row in rows] for name in names})
    file = BytesIO()
    pq.write_table(table, file, row_group_size=rng.choice([1, 1000]))
    content = file.getvalue()
    if not same and rng.random() < 0.5:
        content = damage(rng, content)
    return Case("table", {"t.parquet": content}, 0, same)


_CAMPAIGN = """\
campaign: fuzz
absorbers: [Ni, Cu]
sources: [{kind: files, path: cifs}, {kind: amcsd}]
filters: {required: [O], max_atoms: 80}
sample: {per_absorber: 200, seed: 1}
targets: [{kind: coordination_number, rivals: [brunner_nn]}]
spectra: {kind: feff, cards: {RPATH: 8, NLEG: 4}}
features:
  xftf: {kmin: 3, kmax: 12, kweight: 2}
  sets: [{kind: r_space}, {kind: peaks, n: 4}]
models: [{kind: random_forest, n_estimators: 300}]
"""


def _campaign(rng: random.Random, same: bool) -> Case:
    settings = YAML(typ="safe", pure=True).load(_CAMPAIGN)
    keys = list(settings)
    rng.shuffle(keys)
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = rng.choice([None, True, False])
    file = BytesIO()
    yaml.dump({key: settings[key] for key in keys}, file)
    content = file.getvalue() if same else damage(rng, _CAMPAIGN.encode())
    return Case("campaign file", {"c.yaml": content}, 0, same)
