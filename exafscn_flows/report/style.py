"""What the figures of the report have in common, and how they get into the page."""

import base64
import io
import warnings
from collections.abc import Sequence

import matplotlib as mpl

from exafscn_flows.imports import without
from exafscn_flows.report.view import Score

# Axes in three dimensions, which no figure has, take as long to import as all others.
with warnings.catch_warnings(), without("mpl_toolkits.mplot3d"):
    warnings.simplefilter("ignore", UserWarning)
    from matplotlib.figure import Figure, FigureBase

__all__ = [
    "CLASS_COLORS",
    "COLORS",
    "INK",
    "LINE",
    "MUTED",
    "STYLE",
    "Figure",
    "FigureBase",
    "axis_label",
    "data_uri",
    "legend_columns",
    "panel",
    "to_svg",
]

COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""The palette of Okabe and Ito, which colour-blind readers can tell apart."""

CLASS_COLORS = (
    *("#332288", "#7f7f7f", "#56B4E9", "#CC79A7", "#0072B2", "#E69F00"),
    *("#009E73", "#D55E00", "#882255", "#8c8c1a", "#44AA99", "#AA4499"),
)
"""Of classes that are whole numbers, by the number; beyond 11 they begin anew.

Those of 4, 5 and 6, which are most sites, are far apart, also for colour-blind readers. The others
are those left of Okabe and Ito, and some of Tol's palette "muted"."""

INK, MUTED, LINE = "#1f2933", "#52606d", "#cbd2d9"

# Names and labels are data: parse_math keeps a $ in them from being read as a formula.
STYLE = mpl.rc_context(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "exafscn",
        "text.parse_math": False,
        "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial"],
        "font.size": 9,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": LINE,
        "axes.axisbelow": True,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "legend.frameon": False,
    }
)


def legend_columns(names: Sequence[str], width: float) -> int:
    """Return how many columns of a legend fit into a figure, width in inches; font size 9."""
    longest = max(len(name) for name in names)
    return max(1, min(len(names), int(width / (0.5 + 0.08 * longest))))


def panel() -> Figure:
    """Make a figure with room for its labels: to work it out takes as long as to draw."""
    figure = Figure(figsize=(4.4, 3.6))
    figure.subplots_adjust(left=0.17, right=0.97, bottom=0.14, top=0.97)
    return figure


def axis_label(score: Score, unit: str, remark: str = "") -> str:
    """Return the label of an axis along which a score is drawn, with the unit."""
    name, shown = f"{score.title}{remark}", score.unit(unit)
    return f"{name} ({shown})" if shown else name


def to_svg(figure: Figure) -> str:
    """Return a figure as SVG text, the same for the same figure."""
    if (engine := figure.get_layout_engine()) is not None:
        # Left to savefig, the figure would be drawn twice. It counts in points, too.
        figure.set_dpi(72)
        engine.execute(figure)
        figure.set_layout_engine("none")
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def data_uri(svg: str) -> str:
    """Return an SVG text as the address of an image that lies in the page itself.

    As an image, unlike pasted into the page, its element names cannot clash with those of other
    figures, and nothing in it can run.
    """
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
