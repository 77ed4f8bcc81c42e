"""What there is, and one example of each."""

from typing import Any

from crystals import rock_salt
from pydantic import BaseModel

from exafscn_flows.config.ways import WAYS
from exafscn_flows.features import SETS, Concatenation, FeatureSettings
from exafscn_flows.registry import kind_of
from exafscn_flows.sources import SOURCES
from exafscn_flows.targets import TARGETS

Kind = type[BaseModel]

EXAMPLES: dict[str, dict[str, Any]] = {
    "concatenation": {"parts": [{"kind": "r_space"}, {"kind": "peaks"}]},
    "feff": {"cards": {"RPATH": 3, "NLEG": 2}},  # soon computed
    "feff10": {"radius": 3, "cards": {"FMS": 2.2, "SCF": "1 0 30 0.3 1", "XANES": "2 0.5 0"}},
    "feff_runs": {"path": "runs"},
    "files": {"path": "cifs"},
    "measured": {"path": "foil.dat", "absorber": "Fe", "columns": {"energy": 1, "mu": 2}},
    "spectrum": {"of": "xanes"},
    "table": {"path": "table.parquet"},
}
"""Settings by kind, where some are required, or the defaults take long."""

GROUPS: dict[str, tuple[Kind, ...]] = {
    "sources": SOURCES,
    "spectra": WAYS,
    "features": (*SETS, Concatenation),
    "targets": TARGETS,
}

LARCH = FeatureSettings()
"""What all feature sets share."""

NIO = rock_salt("Ni", "O", 4.178).get_primitive_structure()


def example(one: Kind, **changes: Any) -> Any:
    """Make one of a class."""
    kind = kind_of(one)
    return one.model_validate({"kind": kind, **EXAMPLES.get(kind, {}), **changes})
