"""Figures of one measured spectrum as plotly draws them, beside those of `exafscn predict --plot`.

A figure is a dictionary: plotly's own classes check each value, which takes longer than answering.
"""

from typing import Any

import numpy as np

from exafscn_flows.prediction import Answer, ModelAnswer
from exafscn_flows.processing import ProcessedSpectrum
from exafscn_flows.processing.fourier import magnitude
from exafscn_flows.web.style import COLORS, LINE, Figure, figure, line

R = np.linspace(0, 6, 301)
"""Distances that are shown, Å."""

_LEFT, _RIGHT = 150.0, 800.0
"""Energies that are shown, eV before and after E0."""

Answered = Answer | ModelAnswer


def mu_figure(answer: Answered) -> Figure:
    """Draw mu(E) with the lines of its normalisation and E0."""
    found = answer.processed
    if found is None:
        return figure([], "Energy (eV)", "mu", says="chi(k) is given, without mu(E)")
    before, post = normalisation_lines(found)
    shown = (found.energy >= found.e0 - _LEFT) & (found.energy <= found.e0 + _RIGHT)
    after = shown & (found.energy > found.e0)
    traces = [
        line(found.energy[shown], found.mu[shown], "mu(E)", COLORS[0]),
        line(found.energy[shown], before[shown], "pre-edge line", COLORS[5], "dash"),
        line(found.energy[after], post[after], "post-edge line", COLORS[2], "dash"),
    ]
    step = f"mu, edge step {found.edge_step:.3g}"
    return figure(traces, "Energy (eV)", step, lines=[(found.e0, f"E0 {found.e0:.1f} eV")])


def normalisation_lines(found: ProcessedSpectrum) -> tuple[np.ndarray, np.ndarray]:
    """Return pre-edge and post-edge line in units of mu, shape (n_e,) each."""
    before = found.mu - found.edge_step * found.norm
    return before, before + found.edge_step * (1 + found.norm - found.flat)


def chi_figure(answer: Answered) -> Figure:
    """Draw k²chi(k) with the range that was looked at."""
    weighted = answer.k**2 * answer.chi
    kmin, kmax = k_range(answer)
    used = (answer.k >= kmin) & (answer.k <= kmax)
    # Noise beyond kmax may be many times larger than what is looked at.
    limit = 1.3 * float(np.abs(weighted[used]).max(initial=1e-6))
    traces = [line(answer.k, weighted, "k²chi(k)", COLORS[0])]
    made = figure(
        traces,
        "k (1/Å)",
        "k²chi(k) (1/Å²)",
        bands=[(kmin, kmax, f"looked at: {kmin:g} to {kmax:.4g} 1/Å")],
    )
    made["layout"]["yaxis"]["range"] = [-limit, 1.25 * limit]
    made["layout"]["xaxis"]["range"] = [0, float(answer.k[-1])]
    return made


def distance_figure(answer: Answered, known: list[tuple[str, np.ndarray]] | None = None) -> Figure:
    """Draw |chi(R)| with the bond length, and those of the nearest known sites.

    Parameters
    ----------
    known
        Names of sites, and |chi(R)| at `R` in any unit: they are drawn as high as the spectrum.
    """
    size = chi_magnitude(answer)
    traces = []
    for (name, values), color in zip(known or [], COLORS[2:], strict=False):
        scaled = values * float(size.max()) / max(float(values.max()), 1e-12)
        traces.append(line(R, scaled, name, color, "dot", width=1.2))
    traces.append(line(R, size, "|chi(R)|", COLORS[0], width=2.2))
    bands = []
    length = getattr(answer, "bond_length", None)
    if length is not None:
        spread = getattr(answer, "bond_length_sd", None) or 0.0
        bands = [(length - spread, length + spread, f"bond length {length:.2f} ± {spread:.2f} Å")]
    made = figure(
        traces, "R, not corrected for the phase shift (Å)", "|chi(R)| (1/Å³)", bands=bands
    )
    made["layout"]["yaxis"]["range"] = [0, 1.3 * float(size.max())]
    made["layout"]["xaxis"]["range"] = [0, float(R[-1])]
    return made


def chi_magnitude(answer: Answered) -> np.ndarray:
    """Return |chi(R)| at `R`, shape (n_r,)."""
    kmin, kmax = k_range(answer)
    found: np.ndarray = magnitude(answer.k, answer.chi, kmin, kmax, R)
    return found


def probability_figure(answer: Answered) -> Figure:
    """Draw the probabilities, those in the prediction set in colour, and of the near edge."""
    if answer.probabilities is None:
        return figure([], "", "", says="a number is predicted, and has no probabilities")
    inside = {str(one) for one in answer.set or ()}
    traces: list[dict[str, Any]] = []
    for is_in, name, color in ((True, "prediction set", COLORS[0]), (False, "outside it", LINE)):
        part = {str(k): p for k, p in answer.probabilities.items() if (str(k) in inside) is is_in}
        traces.append(
            {
                "type": "bar",
                "x": [*part],
                "y": [*part.values()],
                "name": name,
                "marker": {"color": color},
                "text": [f"{p:.2f}" if p >= 0.005 else "" for p in part.values()],
                "textposition": "outside",
                "cliponaxis": False,
            }
        )
    if isinstance(answer, Answer) and answer.near_edge.probabilities:
        near = answer.near_edge.probabilities
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [str(one) for one in near],
                "y": [*near.values()],
                "name": "near edge, if an oxide",
                "marker": {"color": COLORS[5], "symbol": "diamond", "size": 10},
            }
        )
    title = "Coordination number" if isinstance(answer, Answer) else answer.target.replace("_", " ")
    made = figure(traces, title, "Probability")
    made["layout"]["xaxis"] |= {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": [str(one) for one in answer.probabilities],
    }
    made["layout"]["yaxis"]["range"] = [0, 1.12]
    return made


def k_range(answer: Answered) -> tuple[float, float]:
    """Return the range of k that was looked at, 1/Å; all of it if that was mu(E)."""
    kmin = 0.0 if answer.kmin is None else answer.kmin
    return kmin, float(answer.k[-1]) if answer.kmax is None else answer.kmax
