"""Documents as the Materials Project sends them, of crystals and spectra made here."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.analysis.xas.spectrum import XAS, site_weighted_spectrum
from pymatgen.core import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from exafscn_flows.spectra.feff import compute_spectrum
from exafscn_flows.spectra.settings import FeffSettings

Document = dict[str, Any]

UPDATED = "2025-06-01T12:00:00.562000"
"""When documents were last updated, unless told."""

SAMPLES = 200
"""Energies of an average over sites."""

K2_TO_EV = 3.80998212
"""ħ²/2m, eV Å²."""


def material_document(
    material_id: str,
    structure: Structure,
    *,
    energy_above_hull: float = 0.0,
    theoretical: bool = False,
    last_updated: str = UPDATED,
) -> Document:
    """Document of the route summary, with the fields that matter here."""
    return {
        "builder_meta": {"database_version": "2026.02.12", "license": "BY-C"},
        **_composition(structure),
        "material_id": material_id,
        "deprecated": False,
        "last_updated": last_updated,
        "structure": structure.as_dict(),
        "energy_above_hull": energy_above_hull,
        "theoretical": theoretical,
    }


def xas_document(
    material_id: str,
    spectrum: XAS,
    *,
    task_id: str | None = None,
    last_updated: str = UPDATED,
) -> Document:
    """Document of the route xas: it has no material_id, and may name the material by letters."""
    absorber = spectrum.absorbing_element.symbol
    energy, mu = np.round(spectrum.x, 3).tolist(), [float(f"{y:.6g}") for y in spectrum.y]
    return {
        **_composition(spectrum.structure),
        "spectrum_name": "XAS",
        "spectrum": {
            "@module": "pymatgen.analysis.xas.spectrum",
            "@class": "XAS",
            "@version": "2020.4.29",
            "x": energy,
            "y": mu,
            # An average holds a SymmetrizedStructure, which is no JSON.
            "structure": Structure.from_sites(spectrum.structure.sites).as_dict(),
            "absorbing_element": absorber,
            "edge": "K",
            "spectrum_type": spectrum.spectrum_type,
            "absorbing_index": spectrum.absorbing_index,
        },
        "edge": "K",
        "absorbing_element": absorber,
        "spectrum_type": spectrum.spectrum_type,
        "last_updated": last_updated,
        "spectrum_id": f"{material_id}-{spectrum.spectrum_type}-{absorber}-K",
        "task_id": task_id or material_id,
    }


def exafs_document(
    material_id: str, structure: Structure, absorber: str, scratch: Path, rpath: float = 5
) -> Document:
    """EXAFS by our own FEFF, averaged over sites as the Materials Project does."""
    settings = FeffSettings(cards={"RPATH": rpath, "NLEG": 2})
    spectra = []
    for index in _inequivalent(structure, absorber):
        site = compute_spectrum(structure, index, settings, scratch)
        spectra.append(
            exafs(structure, absorber, index, site.e0, site.energy_rel.astype(float), site.mu)
        )
    return xas_document(material_id, average(spectra))


def exafs(
    structure: Structure,
    absorber: str,
    index: int | None,
    e0: float,
    energy_rel: np.ndarray,
    mu: np.ndarray,
) -> XAS:
    """EXAFS of one site."""
    return XAS(e0 + energy_rel, mu, structure, absorber, "K", "EXAFS", index)


def average(spectra: list[XAS]) -> XAS:
    """Spectrum of a document: of several inequivalent sites, their mean on another grid."""
    return spectra[0] if len(spectra) == 1 else site_weighted_spectrum(spectra, SAMPLES)


def xanes_grid() -> np.ndarray:
    """Energies above the Fermi level that FEFF 9 writes for ``XANES 3.7 0.04 0.1``, (100,), eV."""
    below = -K2_TO_EV * (0.08 * np.arange(10, 2, -1)) ** 2 - 0.1
    above = K2_TO_EV * (0.04 * np.arange(9, 94)) ** 2 - 0.1
    return np.concatenate([below, np.linspace(-0.3, 0.3, 7), above])


def exafs_documents(
    structures: Mapping[str, Structure], absorbers: Iterable[str], scratch: Path
) -> list[Document]:
    """EXAFS of all absorbers of some structures, by our own FEFF (about 0.3 s a site)."""
    return [
        exafs_document(id_, structure, absorber, scratch)
        for id_, structure in structures.items()
        for absorber in absorbers
        if absorber in structure.composition
    ]


def _inequivalent(structure: Structure, absorber: str) -> list[int]:
    orbits = SpacegroupAnalyzer(structure).get_symmetry_dataset().equivalent_atoms
    indices = structure.indices_from_symbol(absorber)
    return sorted({next(i for i in indices if orbits[i] == orbits[j]) for j in indices})


def _composition(structure: Structure) -> Document:
    composition = structure.composition
    return {
        "nsites": len(structure),
        "elements": sorted(str(element) for element in composition.elements),
        "nelements": len(composition.elements),
        "formula_pretty": composition.reduced_formula,
        "chemsys": composition.chemical_system,
    }
