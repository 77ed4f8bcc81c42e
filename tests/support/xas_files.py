"""Small measured spectra: an edge with a few oscillations, and files that hold it."""

import base64
import gzip
import json

import numpy as np

FE = 7112.0
"""K edge of iron, eV."""


def energies(e0: float = FE, step: float = 0.5, n_far: int = 120) -> np.ndarray:
    """Energies of a scan: coarse before the edge, fine across it, even in k after it."""
    before = np.arange(-150, -20, 5.0)
    near = np.arange(-20, 30, step)
    far = 3.81 * np.linspace(2.81, 11, n_far) ** 2
    return np.round(e0 + np.concatenate([before, near, far]), 4)


def edge(energy: np.ndarray, e0: float = FE, height: float = 1.0) -> np.ndarray:
    """mu(E): a falling background, a step, and chi(k) of one shell."""
    k = np.sqrt(np.maximum(energy - e0, 0) / 3.81)
    chi = 0.3 * np.sin(4 * k) * np.exp(-0.02 * k**2) * (1 - np.exp(-k))
    step = 0.5 + np.arctan((energy - e0) / 1.5) / np.pi
    return 0.5 - 2e-4 * (energy - e0) + height * step * (1 + chi)


def i0_of(energy: np.ndarray) -> np.ndarray:
    """Counts of the first chamber, which fall slowly."""
    return 2e5 * (1 - 1e-4 * (energy - energy[0]))


def rows(*columns: np.ndarray, separator: str = " ") -> str:
    """Lines of a table."""
    return "".join(
        separator.join(f"{value:.8g}" for value in row) + "\n" for row in np.column_stack(columns)
    )


def scan(e0: float = FE, height: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy, I0 and It of a scan in transmission."""
    energy = energies(e0)
    i0 = i0_of(energy)
    return energy, i0, i0 * np.exp(-edge(energy, e0, height))


def xdi(body: str, *header: str, first: str = "# XDI/1.0 GSE/1.0") -> bytes:
    """An XDI file."""
    lines = [first, *(f"# {line}" for line in header), "# ///", "# a comment", "#----"]
    return ("\n".join(lines) + "\n" + body).encode()


COLUMNS = ("Column.1: energy eV", "Column.2: i0", "Column.3: itrans")
IRON = ("Element.symbol: Fe", "Element.edge: K")


def record(label: str, x: np.ndarray, y: np.ndarray, **args: object) -> str:
    """A record of a project of Athena."""
    stated = {"label": label, "is_xmu": 1, "bkg_z": "Fe", "fft_edge": "k", **args}
    words = ",".join(f"'{key}','{value}'" for key, value in stated.items())
    numbers = ["','".join(f"{value:.8g}" for value in values) for values in (x, y)]
    return (
        f"$old_group = 'abcde';\n@args = ({words},'titles',['it\\'s','a \"foil\"']);\n"
        f"@x = ('{numbers[0]}');\n@y = ('{numbers[1]}');\n"
        "[record]   # create object and set arrays in ifeffit\n\n"
    )


def project(*records: str, packed: bool = False) -> bytes:
    """A project of Athena."""
    head = "# Athena project file -- Demeter version 0.9.26\n# This file created at 2014-11-04\n\n"
    content = (head + "".join(records) + "@journal = ();\n\n1;\n\n# End:\n").encode()
    return gzip.compress(content, mtime=0) if packed else content


def session(**groups: dict[str, object]) -> bytes:
    """A session of Larix."""
    labels = {"__class__": "Dict", **{group["filename"]: key for key, group in groups.items()}}
    lines = ["##LARIX: 1.0      Larch Session File", "##<CONFIG>", "##</CONFIG>"]
    lines += ["##<Symbols: count=1>", "<:_xasgroups:>", json.dumps(labels)]
    for key, group in groups.items():
        encoded = {
            name: _b64(value) if isinstance(value, np.ndarray) else value
            for name, value in group.items()
        }
        lines += [f"<:{key}:>", json.dumps({"__class__": "Group", **encoded})]
    return gzip.compress("\n".join([*lines, "##</Symbols>", ""]).encode(), mtime=0)


def _b64(values: np.ndarray) -> dict[str, str]:
    inner = {
        "_type_": "b64ndarray",
        "shape": values.shape,
        "dtype": "<f8",
        "value": base64.b64encode(values.astype("<f8").tobytes()).decode(),
    }
    return {"__class__": "b64ndarray", "__value__": json.dumps(inner)}
