"""The figure of one site: its spectra, and what was predicted of them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from exafscn_flows.processing.fourier import magnitude
from exafscn_flows.report.style import COLORS, INK, LINE, MUTED, STYLE, Figure
from exafscn_flows.store.documents import SpectrumDoc
from exafscn_flows.store.results import PredictionDoc
from exafscn_flows.store.sites import SiteRecord, title_of

_R = np.linspace(0, 6, 301)
"""Distances that are shown, Å."""

_KMIN, _KMAX = 3.0, 12.0
"""Range of chi(k) behind |chi(R)|, 1/Å, as far as the spectrum goes."""

_RIGHT = 400.0
"""Energies that are shown of EXAFS, eV above E0."""

_MOST = 6
"""Predictions that a panel has room for."""


@STYLE
def draw_site(record: SiteRecord) -> Figure:
    """Draw mu(E), k²chi(k), |chi(R)| or G(r), and the probabilities by the current models."""
    figure = Figure(figsize=(9.5, 6.4), layout="constrained")
    panels = figure.subplots(2, 2)
    site = record.site
    name = title_of(record.structure.source, site.material_id)
    figure.suptitle(f"{site.site}\n{name}, {site.formula or site.absorber}", fontsize=10, color=INK)
    with_mu = [doc for doc in record.spectra if len(doc.mu)]
    with_chi = [doc for doc in record.spectra if len(doc.chi)]
    with_pdf = [doc for doc in record.spectra if len(doc.pdf)]
    _draw_mu(panels[0, 0], with_mu)
    _draw_chi(panels[0, 1], with_chi)
    _draw_distances(panels[1, 0], record, with_chi, with_pdf)
    current = [doc for doc in record.predictions if doc.hash in record.current]
    _draw_probabilities(panels[1, 1], [doc for doc in current if doc.probabilities][:_MOST])
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _nothing(axes: Axes, text: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", color=MUTED, transform=axes.transAxes)


def _draw_mu(axes: Axes, docs: Sequence[SpectrumDoc]) -> None:
    if not docs:
        _nothing(axes, "no mu(E)")
        return
    for doc, color in zip(docs, COLORS, strict=False):
        axes.plot(doc.energy_rel, doc.mu, color=color, linewidth=1.2, label=doc.spectrum)
    last = max(float(doc.energy_rel[-1]) for doc in docs)
    axes.set_xlim(min(float(doc.energy_rel[0]) for doc in docs), min(_RIGHT, last))
    axes.set_xlabel("Energy above E0 (eV)")
    axes.set_ylabel("mu(E), edge step 1")
    axes.legend(fontsize=8)


def _draw_chi(axes: Axes, docs: Sequence[SpectrumDoc]) -> None:
    if not docs:
        _nothing(axes, "no chi(k)")
        return
    axes.axhline(0, color=LINE, linewidth=0.8)
    for doc, color in zip(docs, COLORS, strict=False):
        axes.plot(doc.k, doc.k**2 * doc.chi, color=color, linewidth=1.2, label=doc.spectrum)
    axes.set_xlim(0, max(float(doc.k[-1]) for doc in docs))
    axes.set_xlabel("k (1/Å)")
    axes.set_ylabel("k²chi(k) (1/Å²)")
    axes.legend(fontsize=8)


def _draw_distances(
    axes: Axes,
    record: SiteRecord,
    with_chi: Sequence[SpectrumDoc],
    with_pdf: Sequence[SpectrumDoc],
) -> None:
    if not with_chi and not with_pdf:
        _nothing(axes, "neither chi(k) nor G(r)")
        return
    if with_chi:
        for doc, color in zip(with_chi, COLORS, strict=False):
            kmax = min(_KMAX, float(doc.k[-1]) if doc.kmax is None else doc.kmax)
            size = magnitude(doc.k, doc.chi, _KMIN, kmax, _R)
            label = f"{doc.spectrum}, {_KMIN:g} to {kmax:.4g} 1/Å"
            axes.plot(_R, size, color=color, linewidth=1.4, label=label)
        axes.set_ylabel("|chi(R)| (1/Å³)")
        axes.set_xlabel("R, not corrected for the phase shift (Å)")
    else:
        for doc, color in zip(with_pdf, COLORS, strict=False):
            axes.plot(doc.r, doc.pdf, color=color, linewidth=1.2, label=doc.spectrum)
        axes.set_ylabel("G(r) (1/Å²)")
        axes.set_xlabel("r (Å)")
    axes.set_xlim(_R[0], _R[-1])
    counted = [one.distance for one in record.neighbours() if one.counted]
    if counted:
        axes.eventplot(
            [counted],
            orientation="horizontal",
            lineoffsets=0.03,
            linelengths=0.06,
            colors=[COLORS[5]],
            transform=axes.get_xaxis_transform(),
        )
        axes.plot([], [], "|", color=COLORS[5], markersize=9, label="neighbours in the crystal")
    axes.legend(fontsize=8, loc="upper right")


def _draw_probabilities(axes: Axes, docs: Sequence[PredictionDoc]) -> None:
    if not docs:
        _nothing(axes, "no predicted classes")
        return
    first = docs[0].target
    shown = [doc for doc in docs if doc.target == first]
    classes = list(dict.fromkeys(one for doc in shown for one in doc.probabilities or ()))
    width = 0.8 / len(shown)
    for number, (doc, color) in enumerate(zip(shown, COLORS, strict=False)):
        places = np.arange(len(classes)) - 0.4 + width * (number + 0.5)
        heights = [(doc.probabilities or {}).get(one, 0.0) for one in classes]
        label = f"{doc.feature_set}, {doc.model}: {doc.value}"
        axes.bar(places, heights, 0.9 * width, color=color, label=label)
    label_of = shown[0].label
    if label_of is not None and str(label_of) in classes:
        place = classes.index(str(label_of))
        axes.axvspan(place - 0.48, place + 0.48, color=LINE, alpha=0.5, zorder=0, label="label")
    axes.set_xticks(range(len(classes)), classes)
    axes.tick_params(axis="x", rotation=0 if len("".join(classes)) < 40 else 30)
    axes.set_ylim(0, 1.3)
    axes.set_xlabel(first.replace("_", " "))
    axes.set_ylabel("Probability")
    axes.legend(fontsize=8)
