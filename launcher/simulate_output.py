"""Spectra of `exafscn simulate` as a table, and for other programs."""

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from exafscn_flows.simulation.simulator import Simulator
from exafscn_flows.simulation.sites import SimulatedSite
from launcher.console import console

_DECIMALS = 5
"""Of values and energies in JSON and CSV."""


@dataclass(frozen=True)
class Beside:
    """What a program computes of the same site.

    Attributes
    ----------
    values
        On the axis of the model, shape (n_axis,).
    difference
        From the predicted curve, as a root mean square over the points.
    program, version
        What computed it.
    seconds
        Processor seconds that it took.
    """

    values: np.ndarray
    difference: float
    program: str
    version: str
    seconds: float


@dataclass(frozen=True)
class Simulated:
    """A site whose spectrum is predicted.

    Attributes
    ----------
    name
        Of the structure, as it was given.
    site
        The site.
    beside
        What a program computes of it; None where nobody asked, or it failed.
    """

    name: str
    site: SimulatedSite
    beside: Beside | None = None

    def to_dict(self, simulator: Simulator) -> dict[str, Any]:
        """Return everything, JSON-serialisable."""
        site, beside = self.site, self.beside
        assert site.curve is not None
        return {
            "structure": self.name,
            "formula": site.formula,
            "spacegroup": site.spacegroup,
            "absorber": site.absorber,
            "site_index": site.site_index,
            "multiplicity": site.multiplicity,
            "model": simulator.card.name,
            "version": simulator.card.version,
            "axis": _list(simulator.axis),
            "axis_label": simulator.axis_label,
            "values": _list(site.curve.values),
            "value_label": simulator.value_label,
            "expected_error": round(site.curve.expected_error, _DECIMALS),
            "edge": None if site.edge is None else round(site.edge, _DECIMALS),
            "seen": site.seen,
            "warnings": list(site.warnings),
            "seconds": site.seconds,
            "computed": beside
            and {
                "program": beside.program,
                "version": beside.version,
                "seconds": beside.seconds,
                "values": _list(beside.values),
                "difference": round(beside.difference, _DECIMALS),
            },
        }


@dataclass(frozen=True)
class Unsimulated:
    """A structure, or a site, of which there is no spectrum, and why."""

    name: str
    error: str
    hint: str

    def to_dict(self, simulator: Simulator) -> dict[str, Any]:
        """Return everything, JSON-serialisable."""
        return {"structure": self.name, "error": self.error, "hint": self.hint}


Found = Simulated | Unsimulated


def print_json(found: Sequence[Found], simulator: Simulator) -> None:
    """Print a list of objects."""
    print(json.dumps([one.to_dict(simulator) for one in found], indent=2))


def print_csv(found: Sequence[Found], simulator: Simulator) -> None:
    """Print comma-separated values, one row for each point of each spectrum."""
    computed = any(isinstance(one, Simulated) and one.beside for one in found)
    heads = ["structure", "formula", "absorber", "site_index", "multiplicity", "expected_error"]
    writer = csv.writer(sys.stdout)
    extra = ["computed"] if computed else []
    writer.writerow([*heads, simulator.axis_label, simulator.value_label, *extra])
    for one in found:
        if isinstance(one, Unsimulated):
            continue
        row = one.to_dict(simulator)
        points = [row["axis"], row["values"]]
        if computed:
            points.append(row["computed"]["values"] if row["computed"] else [""] * len(points[0]))
        for point in zip(*points, strict=True):
            writer.writerow([*(row[head] for head in heads), *point])


def print_table(found: Sequence[Found], simulator: Simulator) -> None:
    """Print a table that fits on a terminal, and below it what to keep in mind."""
    there = [one for one in found if isinstance(one, Simulated)]
    if not there:
        return
    terminal = console()
    title = simulator.card.title or f"{simulator.card.learned.name} by {simulator.card.name}"
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("structure", overflow="fold")
    table.add_column("formula", overflow="fold")
    computed = [one.beside for one in there if one.beside]
    heads = ["site", "sites\nalike", "highest\nat", "height", "expected\nerror"]
    if computed:
        heads += [f"{computed[0].program}\ndiffers", "its\nseconds"]
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for one in there:
        site = one.site
        assert site.curve is not None
        top = int(np.argmax(site.curve.values))
        cells = [
            one.name,
            site.formula + (" (seen)" if site.seen else ""),
            f"{site.absorber} {site.site_index}",
            str(site.multiplicity),
            f"{simulator.axis[top]:.1f}",
            f"{site.curve.values[top]:.2f}",
            f"{site.curve.expected_error:.3f}",
        ]
        if computed:
            beside = one.beside
            cells += [f"{beside.difference:.3f}", f"{beside.seconds:.1f}"] if beside else ["", ""]
        table.add_row(*map(Text, cells))
    terminal.print(table)
    for line in _remarks(there, simulator):
        terminal.print(Text(line))


def _remarks(there: Sequence[Simulated], simulator: Simulator) -> list[str]:
    lines = [
        f"highest: of {simulator.value_label} along {simulator.axis_label}; errors are root mean "
        "squares over the points."
    ]
    # The first structure has libraries loaded.
    later = [one.site.seconds for one in there if one.name != there[0].name]
    if later:
        lines.append(f"Predicted in {1000 * float(np.median(later)):.1f} ms a site.")
    if any(one.site.seen for one in there):
        lines.append("seen: the model has learned from this formula, and may recall it.")
    for warning in dict.fromkeys(line for one in there for line in one.site.warnings):
        lines.append(warning)
    return lines


def _list(values: np.ndarray) -> list[float]:
    rounded: list[float] = np.round(np.asarray(values, dtype=float), _DECIMALS).tolist()
    return rounded
