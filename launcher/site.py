"""`exafscn site`: all that the database knows of one site."""

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from exafscn_flows.errors import UsageError
from exafscn_flows.store.documents import SpectrumDoc
from exafscn_flows.store.results import PredictionDoc
from exafscn_flows.store.sites import SiteRecord, plain, site_record, title_of
from exafscn_flows.store.store import Store
from exafscn_flows.whole_file import whole_file
from launcher.console import console
from launcher.export_site import SUFFIXES, export_site

_FIGURES = (".pdf", ".png", ".svg")

_SAME = 0.0005
"""Distances that differ by less are shown as one, Å."""


def show_site(
    campaign: str | None, key: str, *, as_json: bool, plot: Path | None, export: Path | None
) -> None:
    """Print what is known of a site; draw it, and write its spectra, if that is asked for.

    Raises
    ------
    UsageError
        If there is no such site, or can be no such file.
    """
    for path, suffixes in ((plot, _FIGURES), (export, SUFFIXES)):
        if path is not None and path.suffix.lower() not in suffixes:
            raise UsageError(f"{path}: its name has to end in one of {', '.join(suffixes)}")
    store = Store.open()
    record = site_record(store, campaign or store.latest_campaign(), key)
    if as_json:
        print(json.dumps(as_dict(record), indent=2))
    else:
        _print(record, console())
    if plot is not None:
        from exafscn_flows.report.site_figures import draw_site

        with whole_file(plot) as file:
            draw_site(record).savefig(file, format=plot.suffix.lower()[1:], dpi=150)
        print(f"figure: {plot.resolve()}", file=sys.stderr)
    if export is not None:
        for path in export_site(record, export):
            print(f"spectra: {path.resolve()}", file=sys.stderr)


def as_dict(record: SiteRecord) -> dict[str, Any]:
    """Return all that is known of a site, as JSON takes it."""
    common = ("campaign", "site", "absorber")
    return {
        "campaign": record.site.campaign,
        "name": title_of(record.structure.source, record.site.material_id),
        "site": plain(record.site, ("campaign",)),
        "structure": plain(record.structure, ("campaign",)),
        "neighbours": [vars(one) for one in record.neighbours()],
        "labels": [plain(doc, common) for doc in record.labels],
        "spectra": [plain(doc, common) for doc in record.spectra],
        "features": [plain(doc, common) for doc in record.features],
        "predictions": [
            {"current": doc.hash in record.current, **plain(doc, common)}
            for doc in record.predictions
        ],
        "failures": [plain(doc, ("campaign",)) for doc in record.failures],
    }


def _print(record: SiteRecord, terminal: Console) -> None:
    for line in _head(record):
        # Names are data: square brackets in them are not markup.
        terminal.print(escape(line), soft_wrap=True, highlight=False)
    for table in (
        _labels(record),
        _spectra(record.spectra),
        _features(record),
        *_predictions(record),
        _failures(record),
    ):
        if table.row_count:
            terminal.print(table)


def _head(record: SiteRecord) -> Iterator[str]:
    site, structure = record.site, record.structure
    yield f"{site.site} in campaign {site.campaign}"
    name = title_of(structure.source, site.material_id)
    if site.has_structure:
        yield (
            f"structure: {name}, {structure.formula}, {structure.spacegroup}, "
            f"{structure.n_atoms} atoms"
        )
    else:
        yield f"structure: not known; measured spectrum {name}"
    source = ", ".join(f"{key} {value}" for key, value in structure.source.items() if value)
    yield f"source: {source}"
    if not site.has_structure:
        which = ""
    elif site.averaged:
        which = f", mean over its {site.multiplicity} atoms in the cell"
    else:
        which = f", atom {site.site_index}, one of {site.multiplicity} equivalent in the cell"
    aside = "" if site.active else "; the campaign file does not select it now"
    yield f"absorber: {site.absorber}{which}{aside}"
    found = record.neighbours()
    shells = [
        f"{len(group)} {group[0].element} at {group[0].distance:.3f} Å"
        for group in _shells([one for one in found if one.counted])
    ]
    if shells:
        yield f"neighbours: {', '.join(shells)}"
    further = [
        f"{len(group)} {group[0].element} at {group[0].distance:.3f} Å"
        for group in _shells([one for one in found if not one.counted])
    ]
    if further:
        yield f"nearly neighbours: {', '.join(further)}"


def _shells(neighbours: Sequence[Any]) -> Iterator[list[Any]]:
    """Yield neighbours of one element and one distance together."""
    for _, group in groupby(
        neighbours, key=lambda one: (one.element, round(one.distance / (2 * _SAME)))
    ):
        yield list(group)


_NAMES = ("name", "set", "target", "features", "model", "version", "stage", "what")
"""Columns of names, which are whole or of no use."""


def _table(title: str, *columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    for column in columns:
        whole = column in _NAMES
        justify: Any = "right" if column in right else "left"
        table.add_column(column, overflow="fold", no_wrap=whole, justify=justify)
    return table


def _labels(record: SiteRecord) -> Table:
    table = _table("labels", "target", "value", "weights", "details", right=["value"])
    for doc in record.labels:
        likely = sorted((doc.weights or {}).items(), key=lambda item: -item[1])
        spread = [] if doc.spread is None else [f"spread {doc.spread:.3f}"]
        details = [f"{key} {_text(value)}" for key, value in doc.details.items()]
        table.add_row(
            doc.target,
            _text(doc.value),
            ", ".join(f"{name}: {weight:.2f}" for name, weight in likely if weight >= 0.01),
            escape(", ".join([*spread, *details])),
        )
    return table


def _spectra(docs: Sequence[SpectrumDoc]) -> Table:
    table = _table("spectra", "name", "type", "E0, eV", "holds", "by", right=["E0, eV"])
    for doc in docs:
        holds = [
            f"{name} of {len(values)} points"
            for name, values in (("mu", doc.mu), ("chi", doc.chi), ("G(r)", doc.pdf))
            if len(values)
        ]
        program = f"{doc.program} {doc.version}"
        if doc.found_in is not None:
            program += f", in campaign {doc.found_in}"
        e0 = f"{doc.e0:.2f}" if doc.e0 else ""
        table.add_row(doc.spectrum, doc.spectrum_type, e0, ", ".join(holds), escape(program))
    return table


def _features(record: SiteRecord) -> Table:
    table = _table("features", "set", "values", "smallest", "largest", right=["values"])
    for doc in record.features:
        low, high = (f"{value:.4g}" for value in (doc.vector.min(), doc.vector.max()))
        table.add_row(doc.feature_set, str(len(doc.vector)), low, high)
    return table


def _predictions(record: SiteRecord) -> Iterator[Table]:
    for target in sorted({doc.target for doc in record.predictions}):
        heads = ("features", "model", "version", "value", "label", "probability")
        title = f"predictions of {target}, * those that queries use"
        table = _table(title, *heads, right=heads[3:])
        for doc in (doc for doc in record.predictions if doc.target == target):
            mark = " *" if doc.hash in record.current else ""
            label = "" if doc.label is None else _text(doc.label)
            table.add_row(
                doc.feature_set,
                doc.model,
                f"{doc.hash}{mark}",
                _value(doc),
                f"[red]{label}[/]" if doc.disagrees else label,
                "" if doc.probability is None else f"{doc.probability:.2f}",
            )
        yield table


def _value(doc: PredictionDoc) -> str:
    if doc.curve is not None:
        return f"curve of {len(doc.curve)} points"
    return "" if doc.value is None else _text(doc.value)


def _failures(record: SiteRecord) -> Table:
    table = _table("failures", "stage", "what", "why", "what to do")
    for doc in record.failures:
        what = doc.item.removeprefix(f"{record.site.site}/")
        table.add_row(doc.stage, *(escape(text) for text in (what, doc.message, doc.hint)))
    return table


def _text(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
