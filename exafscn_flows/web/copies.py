"""What is seen on the page as a command line, as Python, and as a question to MongoDB."""

import shlex
from collections.abc import Mapping, Sequence
from pprint import pformat
from typing import Any, NamedTuple

from exafscn_flows.settings import Settings
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.pages import SORTS
from exafscn_flows.store.queries import Search
from exafscn_flows.web.library import Wish
from exafscn_flows.web.parameters import ROWS


def predict_command(file: str, group: str, wish: Wish) -> str:
    """Return the command line that answers the same for a file."""
    words = ["exafscn", "predict", file]
    given: dict[str, Any] = {
        "group": group,
        "absorber": wish.how.absorber,
        "columns": wish.how.columns,
        "mode": wish.how.mode,
        **wish.settings(),
        "elements": wish.elements,
        "campaign": wish.campaign,
    }
    for name, value in given.items():
        if value not in ("", None):
            words += [f"--{name}", _number(value)]
    return shlex.join(words)


def predict_python(file: str, group: str, wish: Wish) -> str:
    """Return the Python that answers the same for a file."""
    settings = ", ".join(f"{name}={_number(value)}" for name, value in wish.settings().items())
    given = [f"groups=[{group!r}]"] if group else []
    if wish.how.absorber:
        given.append(f"absorber={wish.how.absorber!r}")
    if wish.how.columns:
        given.append(f"columns=parse_columns({wish.how.columns!r})")
    if wish.how.mode:
        given.append(f"mode={wish.how.mode!r}")
    if wish.elements:
        given.append(f"elements={wish.elements.replace(' ', '').split(',')!r}")
    lines = [
        "from exafscn_flows.prediction import answer_file, general",
        "from exafscn_flows.processing import ProcessingSettings",
    ]
    if wish.how.columns:
        lines.append("from exafscn_flows.sources.measured import parse_columns")
    model = "general()"
    if wish.campaign:
        lines[0] = "from exafscn_flows.prediction import answer_file"
        lines += [
            "from exafscn_flows.store.measured_models import campaign_models",
            "from exafscn_flows.store.store import Store",
        ]
        model = f"campaign_models(Store.open(), {wish.campaign!r})"
    arguments = ", ".join([repr(file), model, f"ProcessingSettings({settings})", *given])
    return "\n".join(
        [*lines, "", f"for answer in answer_file({arguments}):", "    print(answer.to_dict())"]
    )


_OPPOSITE = {
    "disagrees": "agrees",
    "measured": "computed",
    "seen": "unseen",
    "in_distribution": "out-of-distribution",
}
"""What the option is called that stands for False; by default the name with no- before it."""


class Shown(NamedTuple):
    """What the screening page shows: a page of the predictions that meet some conditions.

    Attributes
    ----------
    campaign
        None for all of them.
    after, limit
        Where the page begins, and how many rows it has.
    """

    campaign: str | None
    conditions: Mapping[str, Any]
    sort: str | None = None
    after: str | None = None
    limit: int = ROWS


def query_command(shown: Shown) -> str:
    """Return the command line whose table has the same predictions."""
    where = ["--campaign", shown.campaign] if shown.campaign else ["--all-campaigns"]
    words = ["exafscn", "query", *where]
    for name, value in shown.conditions.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else f"--{_OPPOSITE.get(name, f'no-{name}')}")
            continue
        for one in value if isinstance(value, tuple) else [value]:
            words += [option, _number(one)]
    for name in ("sort", "after"):
        if (given := getattr(shown, name)) is not None:
            words += [f"--{name}", given]
    # As many as tables have.
    return shlex.join([*words, *(["--limit", str(shown.limit)] if shown.limit != ROWS else [])])


def query_python(shown: Shown) -> str:
    """Return the Python that finds the same predictions."""
    conditions = {
        name: list(one) if isinstance(one, tuple) else one for name, one in shown.conditions.items()
    }
    page = {"sort": shown.sort and str(shown.sort), "after": shown.after, "limit": shown.limit}
    given = conditions | {name: one for name, one in page.items() if one is not None}
    arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
    if shown.campaign is None:
        return (
            "from exafscn_flows.store.everywhere import all_predictions\n\n"
            f"frame = all_predictions({arguments})\nprint(frame)"
        )
    return (
        "from exafscn_flows import Campaign\n\n"
        f"frame = Campaign({shown.campaign!r}).predictions({arguments})\nprint(frame)"
    )


def query_pymongo(searches: Sequence[Search], limit: int) -> str:
    """Return the question to MongoDB that finds the same predictions.

    Parameters
    ----------
    searches
        Of each campaign, from where the page begins.
    """
    filters = [one for search in searches for part in search.parts for one in part.filters]
    if not filters:
        return "# nothing can meet these conditions"
    lines = [
        *_connection(),
        f"sort = {SORTS[searches[0].order]!r}",
    ]
    if len(filters) == 1:
        (condition,) = filters
        lines += [f"found = database.predictions.find(\n{_indented(condition)}\n)"]
        lines[-1] += f".sort(sort).limit({limit})"
        return "\n".join([*lines, "print(*found, sep='\\n')"])
    lines += [
        f"filters = (\n{_indented(filters)}\n)",
        "found = [",
        "    row",
        "    for one in filters",
        f"    for row in database.predictions.find(one).sort(sort).limit({limit})",
        "]",
        "# What each finds is in order; now all of it is.",
        "for field, way in reversed(sort):",
        "    found.sort(key=lambda row: [row[field]], reverse=way < 0)",
        f"print(*found[:{limit}], sep='\\n')",
    ]
    return "\n".join(lines)


def _connection() -> list[str]:
    """Return the lines that connect; addresses may hold a password, but for that of our server."""
    settings = Settings()
    imports, address = ["import os", ""], 'os.environ["EXAFSCN_MONGODB_URI"]'
    if settings.MONGODB_URI is None:
        imports, address = [], repr(EmbeddedServer(settings.DATA_DIR).uri)
    return [
        *imports,
        "from pymongo import MongoClient",
        "",
        f"client = MongoClient({address})",
        'database = client.get_default_database("exafscn")',
    ]


def _number(value: Any) -> str:
    """Return a value as a word of a command line, with all digits that it has."""
    return str(value).removesuffix(".0")


def _indented(filters: Any) -> str:
    shown = pformat(filters, width=88, sort_dicts=False)
    return "\n".join(f"    {line}" for line in shown.splitlines())
