"""Our coordination numbers beside CrystalNN bonds that others published for the same crystals.

The CIFs of the Materials Project carry a list of bonds. The CN of a site is the number of bonds
that name it, on either side. Each site that a campaign would label is compared with it, and where
they differ, possible causes are tried on the cell as it is written:

    python benchmarks/labels.py --structures 500 --json labels.json

A cause is one only if it explains disagreements without breaking agreements.
"""

import argparse
import json
import random
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from inputs import ABSORBERS, CIFS, require
from pymatgen.analysis.graphs import StructureGraph
from pymatgen.analysis.local_env import CrystalNN
from pymatgen.core import Structure
from rich.console import Console
from rich.progress import track
from rich.table import Table
from shells import SAME_SITE, difference, site_shells

from exafscn_flows.crystal import absorbing_sites, reduce_structure
from exafscn_flows.errors import ItemFailure
from exafscn_flows.keys import site_key
from exafscn_flows.sources.cif import parse_cif
from exafscn_flows.targets.crystal_nn import Coordination, coordination

SYMPREC = 0.01
BOND_COLUMNS = [
    "_geom_bond_atom_site_label_1",
    "_geom_bond_atom_site_label_2",
    "_geom_bond_distance",
    "_geom_bond_site_symmetry_2",
]
TIE = 0.1
"""Largest difference of the weights of two CNs between which a detail may decide."""

OURS = "as we do: CrystalNN of the site, primitive cell"
BOTH = "the last two together"
UNEXPLAINED = "unexplained"


class Compared(NamedTuple):
    """One site, labelled by us, by the published bonds, and under every hypothesis."""

    site: str
    formula: str
    element: str
    all_metals: bool
    label: Coordination
    published: int
    published_equivalent: list[int]
    """Their CNs of the sites that symmetry makes equal; one, if they are consistent."""
    hypotheses: dict[str, int]

    @property
    def agrees(self) -> bool:
        """Whether our CN is the published one."""
        return self.label.cn == self.published

    @property
    def is_tie(self) -> bool:
        """Whether our weight of their CN is close to that of ours."""
        weights = self.label.cn_weights
        return weights[str(self.label.cn)] - weights.get(str(self.published), 0.0) < TIE


def published_cns(cif: str) -> Counter[str]:
    """Count the bonds of every site label.

    Each bond is listed once, from either end; one between periodic images of the same site is
    listed in both directions.
    """
    _, _, rows = cif.partition("\n".join(BOND_COLUMNS) + "\n")
    counts: Counter[str] = Counter()
    for row in rows.splitlines():
        cells = row.split()
        if len(cells) != len(BOND_COLUMNS):
            break
        counts.update(set(cells[:2]))
    return counts


def hypotheses(structure: Structure) -> dict[str, Any]:
    """Return ways to a CN that the published bonds may have taken, each a function of a site."""
    all_metals = all(element.is_metal for element in structure.composition)
    charged = structure.copy()
    try:
        charged.add_oxidation_state_by_guess(max_sites=-1)
    except ValueError:
        charged = structure
    plain = partial(CrystalNN().get_cn, structure)
    metallic = CrystalNN(x_diff_weight=0) if all_metals else CrystalNN()
    both_ends = StructureGraph.from_local_env_strategy(structure, CrystalNN())
    both = StructureGraph.from_local_env_strategy(structure, metallic) if all_metals else both_ends
    return {
        "the cell as written, not the primitive one": plain,
        "a bond counts if either end finds it": both_ends.get_coordination_of_site,
        "x_diff_weight=0 if all are metals": partial(metallic.get_cn, structure),
        BOTH: both.get_coordination_of_site,
        "x_diff_weight=0": partial(CrystalNN(x_diff_weight=0).get_cn, structure),
        "oxidation states, thus ionic radii": partial(CrystalNN().get_cn, charged),
        "distance_cutoffs=None": partial(CrystalNN(distance_cutoffs=None).get_cn, structure),
        "porous_adjustment=False": partial(CrystalNN(porous_adjustment=False).get_cn, structure),
    }


def compare(name: str, cif: str, failures: Counter[str]) -> Iterator[Compared]:
    """Compare all absorbing sites of one crystal."""
    published = published_cns(cif)
    if not published:
        failures["no bonds are published"] += 1
        return
    try:
        structure = parse_cif(cif.encode(), name)
        reduced = reduce_structure(structure, SYMPREC)
    except ItemFailure as error:
        failures[error.kind] += 1
        return
    ways: dict[str, Any] = {}
    for element in ABSORBERS:
        written = {
            index: site_shells(structure, index)
            for index, site in enumerate(structure)
            if site.specie.symbol == element
        }
        for site in absorbing_sites(reduced, element):
            try:
                label = coordination(reduced.structure, site.site_index)
            except ItemFailure as error:
                failures[error.kind] += 1
                continue
            shells = site_shells(reduced.structure, site.site_index)
            distances = {index: difference(shells, other) for index, other in written.items()}
            index = min(distances, key=lambda i: distances[i])
            if distances[index] > SAME_SITE:
                failures["site not found in the cell as written"] += 1
                continue
            same = [i for i, distance in distances.items() if distance < distances[index] + 1e-3]
            ways = ways or hypotheses(structure)
            yield Compared(
                site=site_key(name.removesuffix(".cif"), element, site.site_index),
                formula=reduced.formula,
                element=element,
                all_metals=all(e.is_metal for e in structure.composition),
                label=label,
                published=published[structure[index].label],
                published_equivalent=sorted({published[structure[i].label] for i in same}),
                hypotheses={way: cn(index) for way, cn in ways.items()},
            )


def summary(sites: list[Compared], failures: Counter[str]) -> dict[str, Any]:
    """Count agreements, and what explains the others."""
    groups = {
        **{element: [s for s in sites if s.element == element] for element in ABSORBERS},
        "metals only": [site for site in sites if site.all_metals],
        "with a non-metal": [site for site in sites if not site.all_metals],
        "all": sites,
    }
    ours = [site for site in sites if site.agrees]
    rest = [site for site in sites if not site.agrees]
    causes: dict[str, dict[str, int]] = {}
    first: Counter[str] = Counter()
    names = list(sites[0].hypotheses)
    for site in rest:
        right = [name for name in names if site.hypotheses[name] == site.published]
        first[right[0] if right else UNEXPLAINED] += 1
    for name in names:
        causes[name] = {
            "agree": sum(s.hypotheses[name] == s.published for s in sites),
            "explained": sum(s.hypotheses[name] == s.published for s in rest),
            "broken": sum(s.hypotheses[name] != s.published for s in ours),
            "first": first[name],
        }
    return {
        "sites": len(sites),
        "agreement": {
            name: {"sites": len(group), "agree": sum(site.agrees for site in group)}
            for name, group in groups.items()
        },
        "not compared": dict(failures),
        "their equivalent sites differ": sum(len(s.published_equivalent) > 1 for s in sites),
        "causes": causes,
        UNEXPLAINED: first[UNEXPLAINED],
        "disagreements that are ties of our weights": sum(site.is_tie for site in rest),
        "disagreements": [
            {
                "site": site.site,
                "formula": site.formula,
                "cn": site.label.cn,
                "published": site.published,
                "cn_weights": site.label.cn_weights,
                "explained by": [n for n in names if site.hypotheses[n] == site.published],
            }
            for site in rest
        ],
    }


def show(result: dict[str, Any]) -> None:
    """Print the result as tables."""
    console = Console(width=110, emoji=False, highlight=False)
    table = Table("", "sites", "agree", "%", title="our CN and that of the published bonds")
    for name, counts in result["agreement"].items():
        table.add_row(name, *_counts(counts["agree"], counts["sites"]))
    console.print(table)
    table = Table("if CNs were made with", "agree", "%", title="causes of the disagreements")
    for column in ("explains", "breaks", "explains first"):
        table.add_column(column, justify="right")
    n_sites, n_agree = result["sites"], result["agreement"]["all"]["agree"]
    table.add_row(OURS, *_counts(n_agree, n_sites)[1:], "0", "0", "")
    for name, counts in result["causes"].items():
        numbers = [str(counts[key]) for key in ("explained", "broken", "first")]
        table.add_row(name, *_counts(counts["agree"], n_sites)[1:], *numbers)
    table.add_row(UNEXPLAINED, "", "", "", "", str(result[UNEXPLAINED]))
    console.print(table)
    for name in ("disagreements that are ties of our weights", "their equivalent sites differ"):
        console.print(f"{name}: {result[name]}")
    for why, count in result["not compared"].items():
        console.print(f"not compared, {why}: {count}")


def _counts(agree: int, sites: int) -> tuple[str, str, str]:
    return str(sites), str(agree), f"{100 * agree / sites:.1f}" if sites else ""


def main() -> None:
    """Run the benchmark and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--structures", type=int, default=500, help="size of the sample")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--cifs", type=Path, default=CIFS, help="zip of crystal structures")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    # CrystalNN warns of every missing oxidation state.
    warnings.simplefilter("ignore")
    failures: Counter[str] = Counter()
    sites: list[Compared] = []
    with zipfile.ZipFile(require(arguments.cifs, "--cifs")) as archive:
        names = sorted(archive.namelist())
        size = min(arguments.structures, len(names))
        for name in track(random.Random(arguments.seed).sample(names, size), "labels"):
            sites += compare(name, archive.read(name).decode(), failures)
    result = summary(sites, failures)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
