"""Addresses of the screening page: what they ask for, and how to ask for something else."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from werkzeug.datastructures import MultiDict

from exafscn_flows.web.parameters import LISTS, PredictionParameters

Query = MultiDict[str, str]


def split(query: Query) -> tuple[str | None, PredictionParameters]:
    """Return the campaign and the conditions of an address.

    Raises
    ------
    UsageError
        If something in it makes no sense.
    """
    # People leave fields empty, and put blanks after commas.
    filled = {
        name: [text for one in many if (text := _tidy(one) if name in LISTS else one.strip())]
        for name, many in query.lists()
    }
    rest: Query = MultiDict([(name, text) for name, many in filled.items() for text in many])
    (campaign,) = rest.poplist("campaign")[-1:] or [""]
    return campaign or None, PredictionParameters.of(rest)


def _tidy(listed: str) -> str:
    return ",".join(part for one in listed.split(",") if (part := one.strip()))


def address(campaign: str, given: PredictionParameters, **changes: Any) -> str:
    """Return the address of the page with some things changed; it begins anew."""
    kept = given.model_dump(mode="json", exclude_defaults=True, exclude={"after"})
    changed = {name: one for name, one in (kept | changes).items() if one is not None}
    query = [("campaign", campaign)]
    for name, value in changed.items():
        text = ",".join(value) if isinstance(value, list) else value
        query.append((name, str(text).lower() if isinstance(text, bool) else str(text)))
    return f"?{urlencode(query)}"


def parsed(search: str) -> Query:
    """Return the query of an address."""
    return MultiDict(parse_qsl(search.lstrip("?")))
