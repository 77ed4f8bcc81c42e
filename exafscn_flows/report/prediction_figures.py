"""Figures of measured spectra: what was looked at, and what was answered."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from matplotlib.axes import Axes

from exafscn_flows.prediction import Answer
from exafscn_flows.processing import ProcessedSpectrum
from exafscn_flows.processing.fourier import magnitude
from exafscn_flows.report.style import COLORS, INK, LINE, MUTED, STYLE, Figure, to_svg
from exafscn_flows.whole_file import whole_file

_R = np.linspace(0, 6, 301)
"""Distances that are shown, Å."""

_LEFT, _RIGHT = 150.0, 800.0
"""Energies that are shown, eV before and after E0."""

_ROW = 90
"""Letters in a line of the title."""


def write_figures(answers: Sequence[Answer], path: Path) -> Iterator[Path]:
    """Write a figure of each answer; yield the files.

    Parameters
    ----------
    answers
        One at least.
    path
        Its suffix is .pdf, .png or .svg. A PDF has a page for each answer; several files in the
        other formats have numbers, such as ``name_1.png``.

    Raises
    ------
    UsageError
        If there can be no such file.
    """
    if path.suffix.lower() == ".pdf":
        with whole_file(path) as file:
            _write_pages(answers, file)
        yield path
        return
    for number, one in enumerate(answers, 1):
        place = path.with_stem(f"{path.stem}_{number}") if len(answers) > 1 else path
        with whole_file(place) as file:
            if path.suffix.lower() == ".svg":
                file.write(to_svg(draw(one)).encode())
            else:
                draw(one).savefig(file, format="png", dpi=150, metadata={"Software": None})
        yield place


@STYLE
def draw(answer: Answer) -> Figure:
    """Draw mu(E), k²chi(k), |chi(R)| and the probabilities by EXAFS and by the near edge.

    Parameters
    ----------
    answer
        Whatever is answered; where it rests on chi(k) alone, there is no mu(E) to be drawn.
    """
    figure = Figure(figsize=(9.5, 6.4), layout="constrained")
    panels = figure.subplots(2, 2)
    figure.suptitle(_title(answer), fontsize=10, color=INK)
    if answer.processed is None:
        panels[0, 0].set_axis_off()
        panels[0, 0].text(0.5, 0.5, "chi(k) is given, without mu(E)", ha="center", color=MUTED)
    else:
        _draw_mu(panels[0, 0], answer.processed)
    _draw_chi(panels[0, 1], answer)
    _draw_distances(panels[1, 0], answer)
    _draw_probabilities(panels[1, 1], answer)
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _write_pages(answers: Sequence[Answer], file: BinaryIO) -> None:
    from matplotlib.backends.backend_pdf import PdfPages

    with PdfPages(file, metadata={"CreationDate": None}) as pages:
        for one in answers:
            pages.savefig(draw(one))


def _title(answer: Answer) -> str:
    file = Path(answer.file).name if answer.file else ""
    name = file if file.startswith(answer.group) else f"{file}: {answer.group}".lstrip(": ")
    name = name if len(name) <= _ROW else f"{name[: _ROW - 3]}..."
    head = f"{answer.absorber} {answer.edge} edge"
    return f"{name}\n{head}" if name else head


def _draw_mu(axes: Axes, found: ProcessedSpectrum) -> None:
    step = found.edge_step
    before = found.mu - step * found.norm
    post = before + step * (1 + found.norm - found.flat)
    shown = (found.energy >= found.e0 - _LEFT) & (found.energy <= found.e0 + _RIGHT)
    after = shown & (found.energy > found.e0)
    for part, values, style, color, label in (
        (shown, found.mu, "-", COLORS[0], "mu(E)"),
        (shown, before, "--", COLORS[5], "pre-edge line"),
        (after, post, "--", COLORS[2], "post-edge line"),
    ):
        axes.plot(found.energy[part], values[part], style, color=color, linewidth=1.2, label=label)
    axes.axvline(found.e0, color=INK, linewidth=0.8, linestyle=":", label=f"E0 {found.e0:.1f} eV")
    axes.set_xlabel("Energy (eV)")
    axes.set_ylabel(f"mu, edge step {step:.3g}")
    axes.legend(fontsize=8)


def _draw_chi(axes: Axes, answer: Answer) -> None:
    weighted = answer.k**2 * answer.chi
    used = (answer.k >= answer.kmin) & (answer.k <= answer.kmax)
    span = f"looked at: {answer.kmin:g} to {answer.kmax:.4g} 1/Å"
    axes.axvspan(answer.kmin, answer.kmax, color=COLORS[4], alpha=0.15, linewidth=0, label=span)
    axes.axhline(0, color=LINE, linewidth=0.8)
    axes.plot(answer.k, weighted, color=COLORS[0], linewidth=1.2)
    # Noise beyond kmax may be many times larger than what is looked at.
    limit = 1.3 * float(np.abs(weighted[used]).max(initial=1e-6))
    axes.set_ylim(-limit, 1.25 * limit)
    axes.set_xlim(0, answer.k[-1])
    axes.set_xlabel("k (1/Å)")
    axes.set_ylabel("k²chi(k) (1/Å²)")
    axes.legend(fontsize=8, loc="upper right")


def _draw_distances(axes: Axes, answer: Answer) -> None:
    size = magnitude(answer.k, answer.chi, answer.kmin, answer.kmax, _R)
    axes.plot(_R, size, color=COLORS[0], linewidth=1.4, label="|chi(R)|")
    if answer.bond_length is not None and answer.bond_length_sd is not None:
        low = answer.bond_length - answer.bond_length_sd
        high = answer.bond_length + answer.bond_length_sd
        text = f"bond length {answer.bond_length:.2f} ± {answer.bond_length_sd:.2f} Å"
        axes.axvspan(low, high, color=COLORS[1], alpha=0.3, linewidth=0, label=text)
    axes.set_xlim(_R[0], _R[-1])
    axes.set_ylim(0, 1.3 * float(size.max()))
    axes.set_xlabel("R, not corrected for the phase shift (Å)")
    axes.set_ylabel("|chi(R)| (1/Å³)")
    axes.legend(fontsize=8, loc="upper right")


def _draw_probabilities(axes: Axes, answer: Answer) -> None:
    shown = {True: "prediction set", False: "outside it"}
    for inside, label in shown.items():
        part = {cn: p for cn, p in answer.probabilities.items() if (cn in answer.set) is inside}
        color = COLORS[0] if inside else LINE
        axes.bar([*part], [*part.values()], 0.7, color=color, label=label)
    axes.text(
        answer.cn,
        answer.probability + 0.025,
        f"{answer.probability:.2f}",
        ha="center",
        fontsize=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
    axes.axvline(
        answer.expected_cn,
        color=INK,
        linewidth=0.8,
        linestyle=":",
        label=f"expected {answer.expected_cn:.2f}",
    )
    if answer.near_edge.probabilities:
        near = answer.near_edge.probabilities
        axes.plot([*near], [*near.values()], "D", color=COLORS[5], label="near edge, if an oxide")
    axes.set_xticks([*answer.probabilities])
    axes.set_ylim(0, 1.1)
    axes.set_xlabel("Coordination number")
    axes.set_ylabel("Probability")
    axes.legend(fontsize=8)
