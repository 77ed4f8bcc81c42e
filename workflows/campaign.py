"""The campaign: from sources of structures to models and predictions, as one flow."""

from dataclasses import dataclass
from typing import Any

from jobflow import Flow, Job, Maker, Response, job

from exafscn_flows.jobs.answers import answer_measured
from exafscn_flows.jobs.plan import plan_sites
from exafscn_flows.jobs.sites import sites_job
from exafscn_flows.jobs.train import train
from exafscn_flows.keys import ALL


@dataclass
class SitesMaker(Maker):
    """Makes the jobs that work on sites, once the plan says which.

    Parameters
    ----------
    name
        Name of the job.
    """

    name: str = "sites"

    def make(self, campaign: str, ranges: Any) -> Job:
        """Make a job that is replaced by one job per range of sites.

        Parameters
        ----------
        campaign
            Name of the campaign.
        ranges
            Output of the plan: first and last site key of each range.
        """
        made: Job = fan_out(campaign, ranges)
        made.name = f"{campaign}: {self.name}"
        return made


@job
def fan_out(campaign: str, ranges: list[tuple[str, str]]) -> Any:
    """Replace this job by one job for each range of sites."""
    if not ranges:
        return []
    jobs = [sites_job(campaign, first, last) for first, last in ranges]
    collected = collect([made.output for made in jobs])
    collected.name = f"{campaign}: counts"
    return Response(replace=Flow([*jobs, collected], output=collected.output))


@job
def collect(summaries: list[dict[str, int]]) -> dict[str, int]:
    """Add up the counts of several jobs."""
    total: dict[str, int] = {}
    for summary in summaries:
        for name, count in summary.items():
            total[name] = total.get(name, 0) + count
    return total


@dataclass
class CampaignMaker(Maker):
    """Makes a campaign: plan, then sites, then the models of each absorber, then those of all.

    The settings are read from the store by the jobs, so a flow carries names only. What is up to
    date is not computed again, so the flow of a finished campaign does nothing.

    Parameters
    ----------
    name
        Name of the flow.
    sites_per_core
        As of `plan_sites`: given where several machines share out the sites.
    joint
        Whether models are fitted on all absorbers together, too.
    measured
        Whether there are measured spectra, for which the model of the package answers.
    """

    name: str = "campaign"
    sites_per_core: int | None = None
    joint: bool = False
    measured: bool = False

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
            Its output holds the counts of the training of each absorber.
        """
        plan = plan_sites(campaign, self.sites_per_core)
        plan.name = f"{campaign}: plan"
        sites = SitesMaker().make(campaign, plan.output)
        trained = [train(campaign, absorber, sites.output) for absorber in absorbers]
        for made, absorber in zip(trained, absorbers, strict=True):
            made.name = f"{campaign}: models of {absorber}"
        output = {a: made.output for a, made in zip(absorbers, trained, strict=True)}
        if self.joint:
            # After the others: each looks for what killed ones have left of any absorber.
            last = train(campaign, ALL, [made.output for made in trained])
            last.name = f"{campaign}: models of all absorbers"
            trained.append(last)
            output[ALL] = last.output
        if self.measured:
            answers = answer_measured(campaign, [made.output for made in trained])
            answers.name = f"{campaign}: answers for measured spectra"
            trained.append(answers)
        return Flow(
            [plan, sites, *trained],
            output=output,
            name=f"{self.name} {campaign}",
        )
