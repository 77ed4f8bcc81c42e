"""Which rockets a process takes."""

import json
from typing import Any

from fireworks import FWorker, LaunchPad

from launcher.cluster.launchpad import FINISHED, RUNNER


class CampaignWorker(FWorker):  # type: ignore[misc]
    """A worker of FireWorks that takes the rockets of some campaigns.

    It takes those only that a workflow holds. Others are left behind by a process that is killed
    while it adds rockets to a workflow; FireWorks would wait for minutes for their workflow, and
    then break off.

    Parameters
    ----------
    launchpad
        Where the rockets are.
    campaigns
        Names of the campaigns.
    worker
        FireWorks' worker, as a dictionary.
    runner
        Who is at work; noted at each launch.
    """

    def __init__(
        self, launchpad: LaunchPad, campaigns: list[str], worker: dict[str, Any], runner: str
    ) -> None:
        env = {**worker["env"], RUNNER: runner}
        super().__init__(worker["name"], worker["category"], json.loads(worker["query"]), env)
        self._launchpad = launchpad
        self._workflows = {
            "metadata.campaign": {"$in": campaigns},
            "state": {"$nin": FINISHED},
        }

    @property
    def query(self) -> dict[str, Any]:
        """Query for the rockets that it takes."""
        workflows = self._launchpad.workflows.find(self._workflows, {"nodes": 1})
        nodes = [node for workflow in workflows for node in workflow["nodes"]]
        return {**super().query, "fw_id": {"$in": nodes}}
