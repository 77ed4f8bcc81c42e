"""One structure: its sites, their spectra, labels and predictions, for flows of others.

Nothing of a campaign is needed, and no database of exafscn: what jobs give back are documents,
which the JobStore of whoever runs the flow keeps.
"""

from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Job, Maker, Response, job

from exafscn_flows.jobs.structures import (
    compute_spectrum,
    inequivalent_sites,
    label_site,
    predict_from_spectrum,
)


@dataclass
class SpectrumMaker(Maker):
    """Makes the job that computes the spectrum of one site.

    Parameters
    ----------
    name
        Name of the job.
    settings
        As under `spectra` in a campaign file; by default EXAFS by FEFF 8.5L.
    """

    name: str = "spectrum"
    settings: dict[str, Any] = field(default_factory=lambda: {"kind": "feff"})

    def make(self, structure: Any, site_index: int) -> Job:
        """Make a job whose output is a SpectrumDocument.

        Parameters
        ----------
        structure
            Ordered pymatgen Structure, or the output of a job that gives one.
        site_index
            0-based index of the absorber.
        """
        made: Job = compute_spectrum(structure, site_index, self.settings)
        made.name = self.name
        return made


@dataclass
class LabelMaker(Maker):
    """Makes the job that finds out what one site is.

    Parameters
    ----------
    name
        Name of the job.
    targets
        As under `targets` in a campaign file.
    """

    name: str = "labels"
    targets: list[Any] = field(default_factory=lambda: ["coordination_number"])

    def make(self, structure: Any, site_index: int) -> Job:
        """Make a job whose output is a LabelsDocument; parameters as of `SpectrumMaker.make`."""
        made: Job = label_site(structure, site_index, self.targets)
        made.name = self.name
        return made


@dataclass
class PredictionMaker(Maker):
    """Makes the job that asks the model of the package about a spectrum with chi(k).

    Parameters
    ----------
    name
        Name of the job.
    """

    name: str = "prediction"

    def make(self, spectrum: Any) -> Job:
        """Make a job whose output is a PredictionDocument.

        Parameters
        ----------
        spectrum
            A SpectrumDocument, or the output of a job that gives one.
        """
        made: Job = predict_from_spectrum(spectrum)
        made.name = self.name
        return made


@dataclass
class StructureMaker(Maker):
    """Makes spectrum, labels and prediction of every inequivalent site of an element.

    Parameters
    ----------
    name
        Name of the flow.
    spectrum, labels, prediction
        Makers of the parts; None leaves a part out. A prediction needs a spectrum.
    symprec
        Tolerance of spglib, Å.

    Examples
    --------
    >>> flow = StructureMaker().make(structure, "Ni")  # doctest: +SKIP
    >>> jobflow.run_locally(flow, store=job_store)  # doctest: +SKIP
    """

    name: str = "structure"
    spectrum: SpectrumMaker | None = field(default_factory=SpectrumMaker)
    labels: LabelMaker | None = field(default_factory=LabelMaker)
    prediction: PredictionMaker | None = field(default_factory=PredictionMaker)
    symprec: float = 0.01

    def make(self, structure: Any, absorber: str) -> Flow:
        """Make the flow.

        Parameters
        ----------
        structure
            Ordered pymatgen Structure, or the output of a job that gives one, such as a relaxation.
        absorber
            Element symbol.

        Returns
        -------
        Flow
            Its output is a list with one dictionary for each site, ordered by index: `site` (a
            SiteInCell), and `spectrum`, `labels` and `prediction`, as far as these are made.
        """
        made: Job = sites_of(structure, absorber, self)
        made.name = f"{self.name}: sites of {absorber}"
        return Flow([made], output=made.output, name=f"{self.name} {absorber}")

    def of_site(self, site: dict[str, Any]) -> tuple[list[Job], dict[str, Any]]:
        """Make the jobs of one site, and what they give back together."""
        structure, index = site["structure"], site["site_index"]
        jobs: list[Job] = []
        output: dict[str, Any] = {"site": site}
        if self.spectrum is not None:
            jobs.append(self.spectrum.make(structure, index))
            output["spectrum"] = jobs[-1].output
            if self.prediction is not None:
                jobs.append(self.prediction.make(output["spectrum"]))
                output["prediction"] = jobs[-1].output
        if self.labels is not None:
            jobs.append(self.labels.make(structure, index))
            output["labels"] = jobs[-1].output
        for made in jobs:
            made.name += f" of {site['absorber']} {index}"
        return jobs, output


@job
def sites_of(structure: Any, absorber: str, maker: StructureMaker) -> Any:
    """Replace this job by those of each inequivalent site."""
    found = [vars(site) for site in inequivalent_sites(structure, absorber, maker.symprec)]
    made = [maker.of_site(site) for site in found]
    collected = gather([output for _, output in made])
    collected.name = f"{maker.name}: sites of {absorber} together"
    jobs = [one for jobs, _ in made for one in jobs]
    return Response(replace=Flow([*jobs, collected], output=collected.output))


@job
def gather(sites: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give back what the jobs of all sites have given."""
    return sites
