"""XDI, the XAS Data Interchange format (Ravel and Newville, J. Phys. Conf. Ser. 712 (2016) 012148).

A file holds one curve. Of ``Mono.d_spacing``, which XDI wants, a computed spectrum knows nothing.
"""

from importlib.metadata import version

from exafscn_flows.exchange.curves import Curve

_COLUMNS = {"mu": ("energy eV", "norm"), "chi": ("k 1/angstrom", "chi")}
"""Columns by kind of curve, under names that the readers of XDI know."""


def xdi_text(curve: Curve) -> str:
    """Return a curve as the text of an XDI file."""
    columns = _COLUMNS[curve.kind]
    head = [
        f"XDI/1.0 exafscn/{version('exafscn')}",
        f"Element.symbol: {curve.absorber}",
        f"Element.edge: {curve.edge}",
        f"Scan.edge_energy: {curve.e0:.3f} eV",
        *([f"Sample.stoichiometry: {_line(curve.formula)}"] if curve.formula else []),
        f"Sample.name: {_line(curve.name)}",
        *(f"Column.{number}: {column}" for number, column in enumerate(columns, 1)),
        "///",
        *map(_line, curve.notes),
        "-" * 64,
        " ".join(column.partition(" ")[0] for column in columns),
    ]
    rows = [f"{x:.4f} {y:.8g}" for x, y in zip(curve.x, curve.y, strict=True)]
    return "\n".join([*(f"# {line}" for line in head), *rows, ""])


def _line(text: str) -> str:
    """Return a text on one line: a name may hold anything."""
    return " ".join(text.split())
