"""Files of one site for other programs: CIF, feff.inp, XDI."""

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.exchange.curves import curves
from exafscn_flows.exchange.xdi import xdi_text
from exafscn_flows.store.documents import spectrum_of
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
    doc, site = view.spectrum(spectrum), view.site
    found = curves(spectrum_of(doc), f"{site.site} {doc.spectrum}", site.absorber, site.formula)
    if not found:
        raise UsageError(f"spectrum {doc.spectrum} is a pair distribution function, and no XDI")
    return xdi_text(found[0])
