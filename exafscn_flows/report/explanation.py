"""What the report says of how graph attention networks come to their answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from exafscn_flows.report.data import ModelReport

MANY = 100
"""Neighbours of an element that is named."""
NAMED = 3
"""Elements that are named at either end."""
LEVEL = 0.05
"""A correlation as low by chance more often than this is none."""

Numbers = Mapping[str, Any]


def explanations(reports: Sequence[ModelReport], names: Sequence[str]) -> list[dict[str, Any]]:
    """Collect what is known of the graph attention networks of one target.

    Parameters
    ----------
    reports
        Models of the target.
    names
        What each is called among the others.

    Returns
    -------
    list of dict
        One for each that was trained, with ``series``, ``feature_set``, ``model``, the absorbers
        that it is ``fitted_on``, ``n_networks``, ``attention`` and ``neurons`` as
        `exafscn_flows.evaluation.explanation` returns them, and ``says``: sentences about both.
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for report, name in zip(reports, names, strict=True):
        doc, explained = report.model_doc, report.model_doc.explanation
        if explained is None:
            continue
        fitted_on = doc.absorbers or [report.absorber]
        neurons = explained["neurons"]
        found[report.feature_set, report.model, *fitted_on] = {
            "series": name,
            "feature_set": report.feature_set,
            "model": report.model,
            "fitted_on": fitted_on,
            **explained,
            "says": {
                "attention": attention_sentences(explained["attention"]),
                "neurons": [] if neurons is None else neuron_sentences(neurons),
            },
        }
    return list(found.values())


def attention_sentences(attention: Numbers) -> list[str]:
    """Say where a network looks, with the number behind each sentence."""
    untrained, explained = attention["untrained"], attention["explained"]
    says = [
        f"At {attention['n_sites']:,} sites, the site looks at {attention['n_neighbours']:,} "
        "neighbours, in units of an even look at all atoms there are. The standard deviation "
        f"over the neighbours is {attention['spread']:.2f}; of networks with their first weights, "
        f"{_listed([f'{one:.2f}' for one in untrained['spread']])}. At itself a site looks "
        f"{attention['itself']:.2f} times as much as evenly.",
        *_elements(attention["elements"]),
        *_distances(attention),
    ]
    if all(None not in one.values() for one in (explained, *untrained["explained"])):
        says += _variance(explained, untrained["explained"])
    if (left_out := attention["left_out"]) is not None:
        says.append(_left_out(left_out))
    return says


def _elements(elements: Sequence[Numbers]) -> list[str]:
    known = sorted(
        (one for one in elements if one["n"] >= MANY), key=lambda one: one["mean"], reverse=True
    )
    if len(known) < 2:
        return []
    n = min(NAMED, len(known) // 2)
    most, least = (
        ", ".join(f"{one['element']} ({one['mean']:.2f})" for one in some)
        for some in (known[:n], known[: -n - 1 : -1])
    )
    return [
        f"Of the {len(known)} elements with {MANY} neighbours or more, it looks most at {most}, "
        f"and least at {least}."
    ]


def _distances(attention: Numbers) -> list[str]:
    known = [
        (mean, low)
        for mean, low in zip(attention["curve"], attention["distance"], strict=True)
        if mean is not None
    ]
    if len(known) < 2:
        return []
    step = attention["distance"][1] - attention["distance"][0]
    most, least = (
        f"from {low:.2f} to {low + step:.2f} Å ({mean:.2f})"
        for mean, low in (max(known), min(known))
    )
    return [f"By distance, whatever the element, it looks most {most}, and least {least}."]


def _variance(trained: Numbers, untrained: Sequence[Numbers]) -> list[str]:
    nulls = sorted(one["element_distance"] for one in untrained)
    share = trained["element_distance"]
    if nulls[0] <= share <= nulls[-1]:
        learned = "that element and distance explain so much is no sign of learning"
    elif share > nulls[-1]:
        learned = "what was learned depends more on element and distance"
    else:
        learned = "what was learned depends on more than element and distance"
    of = {name: _percent(one) for name, one in trained.items()}
    return [
        f"Of the variance of the attention, the element of the neighbour explains {of['element']} "
        f"%, its distance {of['distance']} %, both together {of['element_distance']} %, and both "
        f"for each absorber by itself {of['element_distance_absorber']} %; the absorber alone "
        f"{of['absorber']} %, since the attention of a site has a fixed sum. These are means of "
        "one half of the formulas, asked of the other half.",
        f"In {len(nulls)} networks with their first weights, element and distance explain "
        f"{_listed([_percent(one) for one in nulls])} %: {learned}.",
    ]


def _left_out(left_out: Numbers) -> str:
    near, attention = left_out["near"], left_out["attention"]
    ends = (
        "so attention does not tell by itself what an answer rests on"
        if near >= attention
        else "so attention tells more of it than distance does"
    )
    return (
        "When one neighbour after the other is left out of the graph, the change of the answer "
        f"has a rank correlation of {attention:.2f} with the attention, and of {near:.2f} with "
        f"how near the neighbour is (mean over {left_out['n_sites']} sites), {ends}."
    )


def neuron_sentences(neurons: Numbers) -> list[str]:
    """Say which absorbers share neurons, with the number behind each sentence."""
    says = [
        f"Which absorber a site has explains {_percent(neurons['explained'])} % of the variance of "
        f"the responses of {neurons['n_neurons']} neurons; absorbers dealt out at random explain "
        f"{_percent(neurons['explained_shuffled'])} %."
    ]
    own, exchanged = neurons["own"], neurons["exchanged"]
    if own["rho"] is None or exchanged["rho"] is None:
        return [
            *says,
            f"Whether neighbours in the periodic table share neurons cannot be told from "
            f"{len(neurons['absorbers'])} absorbers: it takes four.",
        ]
    says.append(
        f"The similarity of two absorbers has a rank correlation of {own['rho']:.2f} with their "
        f"distance in the periodic table, as low or lower in {_percent(own['p'])} % of the orders "
        f"in which the absorbers could be; set into the same surroundings, of "
        f"{exchanged['rho']:.2f} ({_percent(exchanged['p'])} %)."
    )
    says.append(_answer(own["p"] <= LEVEL, exchanged["p"] <= LEVEL))
    nulls = [one for one in neurons["untrained"] if one["rho"] is not None]
    if nulls:
        rhos = _listed([f"{one['rho']:.2f}" for one in nulls])
        shares = _listed([_percent(one["explained"]) for one in nulls])
        says.append(
            f"In networks with their first weights, in the same surroundings, that correlation is "
            f"{rhos}; absorbers explain {shares} % of the variance there."
        )
    return says


def _answer(own: bool, exchanged: bool) -> str:
    if own and exchanged:
        return "So neighbours in the periodic table share neurons, whatever is around them."
    if own:
        return (
            "So neighbours in the periodic table share neurons in their own sites, which may be "
            "due to what is around them: in the same surroundings it cannot be told."
        )
    if exchanged:
        return (
            "So neighbours in the periodic table share neurons in the same surroundings; in their "
            "own sites, other differences between these outweigh it."
        )
    return "So it cannot be told whether neighbours in the periodic table share neurons."


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _listed(texts: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(texts[:-1]), texts[-1]) if part)
