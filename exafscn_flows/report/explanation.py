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
        f"Of {attention['n_neighbours']:,} neighbours of {attention['n_sites']:,} sites, 1 is an "
        "even look at all atoms there are. The standard deviation over the neighbours is "
        f"{attention['spread']:.2f}; of networks with their first weights, "
        f"{_listed([f'{one:.2f}' for one in untrained['spread']])}. At itself a site looks "
        f"{attention['itself']:.2f} times as much as evenly.",
        *_elements(attention["elements"]),
        *_distances(attention),
        *_heads(attention.get("heads")),
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


def _heads(heads: Numbers | None) -> list[str]:
    """Say what tells heads apart; nothing of a version of the model that has no numbers of them."""
    if heads is None:
        return []
    every = [
        (f"head {number} of layer {place}", one)
        for place, layer in enumerate(heads["layers"], 1)
        for number, one in enumerate(layer, 1)
    ]
    distances = [", ".join(f"{one['r']:.2f}" for one in layer) for layer in heads["layers"]]
    by_layer = "; ".join(f"layer {place}: {one} Å" for place, one in enumerate(distances, 1))
    low, high = heads["untrained"]
    says = [
        f"Head by head of the first network, at {heads['n_sites']:,} sites, the mean distance "
        f"that is looked at is, {by_layer}. An even look has {heads['even']:.2f} Å, and heads with "
        f"their first weights have {low:.2f} to {high:.2f} Å."
    ]
    for what in ("distance", "element"):
        known = [(one[what], name) for name, one in every if one[what] is not None]
        if known:
            (most, where), (least, there) = max(known), min(known)
            says.append(
                f"Of the variance of a head's attention, the {what} of the neighbour explains most "
                f"in {where} ({_percent(most)} %), and least in {there} ({_percent(least)} %)."
            )
    return says


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
        f"has a rank correlation of {_signed(attention)} with the attention, and of "
        f"{_signed(near)} with how near the neighbour is (mean over {left_out['n_sites']} sites), "
        f"{ends}."
    )


def neuron_sentences(neurons: Numbers) -> list[str]:
    """Say which absorbers share neurons, with the number behind each sentence."""
    own, exchanged = neurons["own"], neurons["exchanged"]
    nulls = neurons["untrained"]
    says = [
        f"Which absorber a site has explains {_percent(own['explained'])} % of the variance of "
        f"the responses of {neurons['n_neurons']} neurons; absorbers dealt out at random explain "
        f"{_percent(neurons['shuffled'])} %. Of all absorbers set into the same sites, it is "
        f"{_percent(exchanged['explained'])} %, and in networks with their first weights "
        f"{_listed([_percent(one['explained']) for one in nulls])} %.",
    ]
    rhos = [one["rho"] for one in (own, exchanged, *nulls)]
    if None in rhos:
        return [
            *says,
            "Whether neighbours in the periodic table share neurons cannot be told from "
            f"{len(neurons['absorbers'])} absorbers: it takes four.",
        ]
    learned = exchanged["p"] <= LEVEL and exchanged["rho"] < min(rhos[2:])
    return [
        *says,
        f"The similarity of two absorbers has a rank correlation of {_signed(own['rho'])} with "
        f"their distance in the periodic table, as low or lower in {_percent(own['p'])} % of the "
        "orders in which the absorbers could be; in the same sites, of "
        f"{_signed(exchanged['rho'])} ({_percent(exchanged['p'])} %), and in networks with their "
        f"first weights of {_listed([_signed(one) for one in rhos[2:]])}.",
        _answer(own["p"] <= LEVEL, learned),
        *_nearest(neurons),
    ]


def _answer(own: bool, exchanged: bool) -> str:
    nearer = "So absorbers that are nearer in the periodic table share more of their neurons"
    if own and exchanged:
        return f"{nearer}, in their own sites and in the same ones."
    if own:
        return f"{nearer} in their own sites; in the same ones, it cannot be told that they do."
    if exchanged:
        return f"{nearer} in the same sites; in their own, it cannot be told that they do."
    return "So it cannot be told whether neighbours in the periodic table share neurons."


def _nearest(neurons: Numbers) -> list[str]:
    """Name the two pairs that are the most and the least alike among the nearest."""
    names, distance = neurons["absorbers"], neurons["distance"]
    pairs = [(i, j) for i in range(len(names)) for j in range(i)]
    least = min(distance[i][j] for i, j in pairs)
    near = [(i, j) for i, j in pairs if distance[i][j] == least]
    if len(near) < 2:
        return []
    near.sort(key=lambda pair: -neurons["exchanged"]["similarity"][pair[0]][pair[1]])
    shown = (
        f"{names[j]} and {names[i]} ({_signed(neurons['exchanged']['similarity'][i][j])})"
        for i, j in (near[0], near[-1])
    )
    return [
        "In the same sites, the most alike of those that are next to each other are "
        f"{' and the least alike '.join(shown)}."
    ]


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−")


def _listed(texts: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(texts[:-1]), texts[-1]) if part)
