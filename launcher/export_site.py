"""The spectra of one site as files for Athena, Larix and other programs."""

from collections.abc import Iterator
from pathlib import Path

from exafscn_flows.errors import UsageError
from exafscn_flows.exchange.curves import Curve, curves
from exafscn_flows.exchange.xdi import xdi_text
from exafscn_flows.store.documents import spectrum_of
from exafscn_flows.store.sites import SiteRecord
from exafscn_flows.whole_file import whole_file

SUFFIXES = (".prj", ".xdi")
"""Athena project, and XDI."""


def export_site(record: SiteRecord, path: Path) -> Iterator[Path]:
    """Write mu(E) and chi(k) of all spectra of a site; yield the files.

    Parameters
    ----------
    record
        Of the site.
    path
        A project holds all curves. An XDI file holds one: where there are several, each has a file,
        whose name ends in what it is, such as ``nio_exafs_mu.xdi``.

    Raises
    ------
    UsageError
        If the site has no such curves, or there can be no such file.
    """
    site = record.site
    found = {
        f"{doc.spectrum}_{curve.kind}": curve
        for doc in record.spectra
        for curve in curves(
            spectrum_of(doc), f"{site.site} {doc.spectrum}", site.absorber, site.formula
        )
    }
    if not found:
        raise UsageError(
            f"site {site.site} has neither mu(E) nor chi(k): `exafscn site {site.site}` shows "
            "what it has"
        )
    if path.suffix.lower() == ".prj":
        from exafscn_flows.exchange.athena import athena_project  # larch takes seconds

        yield _write(path, athena_project([*found.values()]))
        return
    for name, curve in found.items():
        yield _write_xdi(path if len(found) == 1 else path.with_stem(f"{path.stem}_{name}"), curve)


def _write_xdi(path: Path, curve: Curve) -> Path:
    return _write(path, xdi_text(curve).encode())


def _write(path: Path, content: bytes) -> Path:
    with whole_file(path) as file:
        file.write(content)
    return path
