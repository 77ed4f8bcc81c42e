"""Published claims that a study can be set beside.

A new set is one file, one line below, and its name in the study section.
"""

from exafscn_flows.config.study import ClaimsName
from exafscn_flows.report.claims import exafs_coordination, xanes_environment, xanes_pdf
from exafscn_flows.report.claims.base import ClaimSet

CLAIMS: dict[ClaimsName, ClaimSet] = {
    "exafs_coordination": exafs_coordination.CLAIMS,
    "xanes_environment": xanes_environment.CLAIMS,
    "xanes_pdf": xanes_pdf.CLAIMS,
}
