"""The label of a spectrum that is a mean over several sites of a structure."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from pymatgen.core import Structure

from exafscn_flows.crystal import AbsorbingSite
from exafscn_flows.errors import ItemFailure
from exafscn_flows.labels.crystal_nn import Label, label_site

_DIGITS = 4


def label_average(
    structure: Structure, sites: Sequence[AbsorbingSite], mode: Literal["uniform", "averaged"]
) -> Label:
    """Combine the labels of the sites over which a spectrum is a mean.

    Parameters
    ----------
    structure
        Ordered structure of plain elements.
    sites
        Inequivalent sites of the absorber with their multiplicities, which weight everything.
    mode
        Whether all sites must have one CN ("uniform").

    Returns
    -------
    Label
        `cn` is the CN of most sites (of two, the smaller); `cn_average` the mean CN of the sites;
        weights, neighbours and bond length are means over the sites.

    Raises
    ------
    ItemFailure
        ``mixed_coordination``, with mode "uniform", if the sites have several CNs;
        ``crystal_nn_failed``, as :func:`label_site`.
    """
    labels = [label_site(structure, site.site_index) for site in sites]
    n_sites = sum(site.multiplicity for site in sites)
    shares = [site.multiplicity / n_sites for site in sites]
    counts: dict[int, float] = defaultdict(float)
    weights: dict[int, float] = defaultdict(float)
    neighbours: dict[str, float] = defaultdict(float)
    for label, share in zip(labels, shares, strict=True):
        counts[label.cn] += share
        for cn, weight in label.cn_weights.items():
            weights[int(cn)] += share * weight
        for element, number in label.neighbours.items():
            neighbours[element] += share * number
    if mode == "uniform" and len(counts) > 1:
        found = ", ".join(f"{share:.0%} have {cn}" for cn, share in sorted(counts.items()))
        raise ItemFailure(
            "mixed_coordination",
            f"the sites over which the spectrum is a mean differ in CN: {found}",
            "labels.mode: averaged takes them with their mean CN",
        )
    return Label(
        cn=min(counts, key=lambda cn: (-round(counts[cn], _DIGITS), cn)),
        cn_weights={str(cn): round(weights[cn], _DIGITS) for cn in sorted(weights)},
        cn_mean=_mean([label.cn_mean for label in labels], shares),
        cn_average=_mean([label.cn for label in labels], shares),
        neighbours={e: round(neighbours[e], _DIGITS) for e in sorted(neighbours)},
        bond_length=_mean([label.bond_length for label in labels], shares),
    )


def _mean(values: Sequence[float], shares: Sequence[float]) -> float:
    return round(sum(v * share for v, share in zip(values, shares, strict=True)), _DIGITS)
