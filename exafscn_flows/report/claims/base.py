"""What a set of published claims consists of, and what all sets make their parts by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Numbers = Mapping[str, Any]

Figures = dict[str, tuple[float, str]]
"""Value and unit, by what it is."""


@dataclass(frozen=True)
class ClaimSet:
    """Claims of one publication, and what it takes to judge them.

    Attributes
    ----------
    citation
        Where they were made, in one sentence.
    judge
        Judges every claim by the numbers of a target in the report's JSON: a list of what `claim`
        returns.
    published
        Sets the models of a feature set, as in the report's JSON, beside published figures, by
        `best_models`; None if there are none to compare.
    every_target
        Whether they are judged for every target that they are about, and not only for the one that
        the study looks into.
    """

    citation: str
    judge: Callable[[Numbers], list[dict[str, Any]]]
    published: Callable[[Sequence[Numbers], str], dict[str, Any] | None]
    every_target: bool = False


def claim(
    text: str,
    rule: str,
    holds: bool,
    figures: Figures,
    parts: Sequence[Numbers] = (),
    missing: str | None = None,
) -> dict[str, Any]:
    """Return one claim as the report has it.

    Parameters
    ----------
    text, rule
        The claim, and what counts as a yes.
    holds
        Whether it does; without effect where there are no figures.
    figures
        What that goes by.
    parts
        The same for each element, as `part` returns it, where a claim is judged for each.
    missing
        What it takes to judge it, where there are no figures and the campaign file can help.

    Returns
    -------
    dict
        ``claim``, ``rule``, ``holds`` (None without figures), ``figures`` (what, value, unit),
        ``parts`` and ``missing``.
    """
    return {
        "claim": text,
        "rule": rule,
        "holds": holds if figures else None,
        "figures": _listed(figures),
        "parts": list(parts),
        "missing": missing,
    }


def part(what: str, holds: bool, figures: Figures) -> dict[str, Any]:
    """Return ``what``, ``holds`` and ``figures`` of one element."""
    return {"what": what, "holds": holds, "figures": _listed(figures)}


def _listed(figures: Figures) -> list[dict[str, Any]]:
    return [{"what": what, "value": v, "unit": unit} for what, (v, unit) in figures.items()]


def best_models(
    models: Sequence[Numbers], kinds: Sequence[str], average: float, accuracy: Mapping[str, float]
) -> dict[str, Any] | None:
    """Set the best model of every element beside published accuracies.

    Parameters
    ----------
    models
        Those that take part, of one feature set.
    kinds
        Their kinds, in the order in which they are named.
    average, accuracy
        Published accuracy in percent: mean, and by element, as far as it is given.

    Returns
    -------
    dict or None
        ``random`` and ``grouped``: accuracy in percent by element, of the model that is best in
        that split; ``random_models`` and ``grouped_models``: its name; ``random_average`` and
        ``grouped_average``; ``feature_set``; ``kinds``: those that the campaign has;
        ``reference``: the published figures. None without models.
    """
    if not models:
        return None
    present = {model["kind"] for model in models}
    result: dict[str, Any] = {
        "feature_set": models[0]["feature_set"],
        "kinds": [kind for kind in kinds if kind in present],
    }
    for split in ("random", "grouped"):
        best: dict[str, Numbers] = {}
        for model in models:
            rival = best.get(model["absorber"])
            if rival is None or model[split]["accuracy"] > rival[split]["accuracy"]:
                best[model["absorber"]] = model
        accuracies = {name: 100 * model[split]["accuracy"] for name, model in best.items()}
        result[split] = accuracies
        result[f"{split}_models"] = {name: model["model"] for name, model in best.items()}
        result[f"{split}_average"] = sum(accuracies.values()) / len(accuracies)
    result["reference"] = {"random": dict(accuracy), "random_average": average}
    return result
