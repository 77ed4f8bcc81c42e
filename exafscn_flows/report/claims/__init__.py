"""Published claims that a study can be set beside. A new set is one file and one line below."""

from typing import Literal

from exafscn_flows.report.claims import exafs_coordination
from exafscn_flows.report.claims.base import ClaimSet

ClaimsName = Literal["exafs_coordination"]

CLAIMS: dict[ClaimsName, ClaimSet] = {"exafs_coordination": exafs_coordination.CLAIMS}
