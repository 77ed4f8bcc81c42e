"""Files of one site for other programs: CIF, feff.inp, XDI."""

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.store.documents import SpectrumDoc
from exafscn_flows.web.site import SiteView


def cif_of(view: SiteView) -> str:
    """Return the crystal as CIF, with the cell that the site is an index of.

    Raises
    ------
    UsageError
        If it is not known.
    """
    from pymatgen.io.cif import CifWriter

    return str(CifWriter(view.crystal()))


def feff_of(view: SiteView, config: CampaignConfig, spectrum: str | None) -> str:
    """Return ``feff.inp`` of a spectrum, as the campaign has it, or would have it.

    Raises
    ------
    UsageError
        If the crystal is not known, the campaign computes no such spectrum by FEFF, or FEFF cannot
        take the site.
    """
    from exafscn_flows.spectra.feff_input import FEFF8L, UNLIMITED, feff_input

    ways = [one for one in config.spectra if one.feff_cards() and spectrum in (None, one.name)]
    if not ways:
        raise UsageError(f"campaign {config.campaign} computes no such spectrum by FEFF")
    (way, *_) = ways
    is_own = way.kind == "feff" and getattr(way, "command", None) is None
    limits = FEFF8L if is_own else UNLIMITED
    try:
        return feff_input(view.crystal(), view.site.site_index, way.feff_cards(), limits)
    except ItemFailure as error:
        raise UsageError(f"{error.message}: {error.hint}") from error


def xdi_of(view: SiteView, spectrum: str | None) -> str:
    """Return a spectrum as XDI: mu(E), or else chi(k).

    Raises
    ------
    UsageError
        If there is none, or it is a PDF.
    """
    doc = view.spectrum(spectrum)
    if len(doc.mu):
        energy = doc.e0 + doc.energy_rel.astype(float)
        columns, names = [energy, doc.mu], ["energy eV", "mu"]
    elif len(doc.k):
        columns, names = [doc.k, doc.chi], ["k 1/A", "chi"]
    else:
        raise UsageError(f"spectrum {doc.spectrum} is a pair distribution function, and no XDI")
    head = [
        "# XDI/1.0 exafscn",
        *(f"# Column.{number}: {name}" for number, name in enumerate(names, 1)),
        f"# Element.symbol: {doc.absorber}",
        f"# Element.edge: {doc.edge}",
        *([f"# Scan.edge_energy: {doc.e0:.2f}"] if doc.e0 else []),
        *([f"# Sample.formula: {view.site.formula}"] if view.site.formula else []),
        "# ///",
        f"# site {_line(view.site.site)} of campaign {_line(view.site.campaign)}, {_made_by(doc)}",
        "#----",
        "# " + " ".join(name.split()[0] for name in names),
    ]
    rows = (" ".join(f"{x:.7g}" for x in row) for row in np.column_stack(columns).tolist())
    return "\n".join([*head, *rows]) + "\n"


def _made_by(doc: SpectrumDoc) -> str:
    return _line(f"{doc.spectrum_type} by {doc.program} {doc.version}")


def _line(text: str) -> str:
    return " ".join(text.split())
