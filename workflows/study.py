"""The study: a campaign, and experiments with its models."""

from dataclasses import dataclass

from jobflow import Flow

from exafscn_flows.jobs.experiments import experiments
from exafscn_flows.keys import ALL
from workflows.campaign import CampaignMaker


@dataclass
class StudyMaker(CampaignMaker):
    """Makes a campaign with the experiments of its study section.

    Parameters
    ----------
    name
        Name of the flow.
    sites_per_core, joint, measured
        As of `CampaignMaker`.
    """

    name: str = "study"

    def make(self, campaign: str, absorbers: list[str]) -> Flow:
        """Make the flow of a campaign whose settings are in the store.

        Parameters
        ----------
        campaign
            Name of the campaign.
        absorbers
            Element symbols.

        Returns
        -------
        Flow
            Its output holds the counts of the training and the experiments of each absorber.
        """
        flow = super().make(campaign, absorbers)
        trained = flow.output
        made = [experiments(campaign, absorber, trained[absorber]) for absorber in absorbers]
        for one, absorber in zip(made, absorbers, strict=True):
            one.name = f"{campaign}: experiments with {absorber}"
        output = {
            absorber: {"models": trained[absorber], "experiments": one.output}
            for absorber, one in zip(absorbers, made, strict=True)
        }
        if self.joint:
            output[ALL] = {"models": trained[ALL]}
        return Flow([flow, *made], output=output, name=f"{self.name} {campaign}")
