"""Answers of `exafscn predict` as a table, and for other programs."""

import csv
import json
import sys
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from exafscn_flows.csv_cells import csv_row
from exafscn_flows.prediction import Answer, Failed, ModelAnswer
from launcher.console import console, spectrum_name

Found = Answer | ModelAnswer | Failed

_COLUMNS = (
    *("file", "group", "absorber", "edge", "format", "model", "cn", "probability"),
    *("probabilities", "set", "expected_cn", "bond_length", "bond_length_sd", "kmin", "kmax"),
    *("e0", "edge_step", "near_edge", "warnings", "error", "hint"),
)

_OF_CAMPAIGNS = (
    *("file", "group", "absorber", "edge", "format", "model", "version", "target", "unit"),
    *("value", "probability", "probabilities", "set", "expected_value", "expected_error"),
    *("kmin", "kmax", "e0", "edge_step", "warnings", "error", "hint"),
)
"""Columns of answers by models of campaigns."""

_NAMED = 3
"""So many spectra are named before a warning that concerns more."""

_WIDE = 76
"""Columns of a terminal from which on there is room for what can be done without, too."""


def print_json(found: Sequence[Found]) -> None:
    """Print a list of objects."""
    print(json.dumps([one.to_dict() for one in found], indent=2))


def print_csv(found: Sequence[Found]) -> None:
    """Print comma-separated values, one row a spectrum."""
    of_campaign = any(isinstance(one, ModelAnswer) for one in found)
    writer = csv.DictWriter(sys.stdout, _OF_CAMPAIGNS if of_campaign else _COLUMNS)
    writer.writeheader()
    writer.writerows(csv_row(one.to_dict()) for one in found)


def print_table(found: Sequence[Found]) -> None:
    """Print a table that fits on a terminal, and the warnings below it."""
    by_models = [one for one in found if isinstance(one, ModelAnswer)]
    if by_models:
        _print_by_models(by_models)
        return
    answers = [one for one in found if isinstance(one, Answer)]
    if not answers:
        return
    terminal = console()
    is_wide = terminal.width >= _WIDE
    names = [spectrum_name(one.file or "", one.group) for one in answers]
    table = Table(
        title="coordination numbers", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True
    )
    table.add_column("spectrum", overflow="fold")
    table.add_column("", min_width=2)
    # Names of spectra are folded, and nothing else.
    for head, width in (("CN", 2), ("prob.", 5), ("set", 7), ("near\nedge", 6)):
        table.add_column(head, justify="right", no_wrap=head != "set", min_width=width)
    if is_wide:
        for head, width in (("mean\nCN", 4), ("R\nÅ", 9), ("kmax\n1/Å", 4)):
            table.add_column(head, justify="right", no_wrap=True, min_width=width)
    for name, one in zip(names, answers, strict=True):
        near = one.near_edge
        cells = [
            name,
            one.absorber,
            str(one.cn),
            f"{one.probability:.2f}",
            ", ".join(map(str, one.set)),
            "" if near.cn is None else f"{near.cn} {near.probability:.2f}",
        ]
        if is_wide:
            length, deviation = one.bond_length, one.bond_length_sd
            cells += [
                f"{one.expected_cn:.1f}",
                "" if length is None else f"{length:.2f}±{deviation:.2f}",
                f"{one.kmax:.1f}",
            ]
        # Names are data: square brackets in them are not markup.
        table.add_row(*map(Text, cells))
    terminal.print(table)
    for line in _warnings(names, answers):
        terminal.print(Text(line))


def _print_by_models(answers: Sequence[ModelAnswer]) -> None:
    """Print what models of a campaign have answered."""
    names = [spectrum_name(one.file or "", one.group) for one in answers]
    are_numbers = answers[0].probability is None
    unit = f"\n{answers[0].unit}" if are_numbers and answers[0].unit else ""
    table = Table(title=answers[0].target.replace("_", " "), box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("spectrum", overflow="fold")
    table.add_column("")
    table.add_column(f"value{unit}", justify="right", no_wrap=True)
    if not are_numbers:
        table.add_column("proba-\nbility", justify="right", no_wrap=True, min_width=6)
        table.add_column("set", justify="right", min_width=7, max_width=24)
    table.add_column("expected\nerror", justify="right", no_wrap=True, min_width=8)
    table.add_column("kmax\n1/Å", justify="right", no_wrap=True, min_width=4)
    for name, one in zip(names, answers, strict=True):
        # Names of spectra and classes are data: square brackets in them are not markup.
        cells = [name, one.absorber, f"{one.value:.3f}" if are_numbers else str(one.value)]
        if not are_numbers:
            cells += [f"{one.probability:.2f}", ", ".join(map(str, one.set or ()))]
        cells.append(f"{one.expected_error:{'.3f' if are_numbers else '.2f'}}")
        cells.append("" if one.kmax is None else f"{one.kmax:.1f}")
        table.add_row(*map(Text, cells))
    terminal = console()
    terminal.print(table)
    for model in dict.fromkeys(f"{one.model}, version {one.version}" for one in answers):
        terminal.print(Text(f"model: {model}"))
    terminal.print(
        "It has learned the spectra of its campaign, mostly computed ones: check it with measured "
        "standards."
    )
    for line in _warnings(names, answers):
        terminal.print(Text(line))


def _warnings(names: Sequence[str], answers: Sequence[Answer | ModelAnswer]) -> list[str]:
    """Return every warning once, after the spectra that it is about."""
    about: dict[str, list[str]] = {}
    for name, one in zip(names, answers, strict=True):
        for warning in one.warnings:
            about.setdefault(warning, []).append(name)
    return [f"{_listed(spectra)}: {warning}" for warning, spectra in about.items()]


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
