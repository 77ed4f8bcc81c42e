"""What is seen on the page as a command line, as Python, and as a question to MongoDB."""

import shlex
from collections.abc import Mapping
from pprint import pformat
from typing import Any

from exafscn_flows.store.queries import Search
from exafscn_flows.web.library import Wish


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
            words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)


def predict_python(file: str, group: str, wish: Wish) -> str:
    """Return the Python that answers the same for a file."""
    settings = ", ".join(f"{name}={value:g}" for name, value in wish.settings().items())
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


def query_command(campaign: str | None, conditions: Mapping[str, Any], sort: str | None) -> str:
    """Return the command line that finds the same predictions, of all campaigns without a name."""
    where = ["--campaign", campaign] if campaign else ["--all-campaigns"]
    words = ["exafscn", "query", *where]
    for name, value in conditions.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else f"--{_OPPOSITE.get(name, f'no-{name}')}")
            continue
        for one in value if isinstance(value, tuple) else [value]:
            words += [option, f"{one:g}" if isinstance(one, float) else str(one)]
    return shlex.join([*words, *(["--sort", sort] if sort else [])])


def query_python(campaign: str | None, conditions: Mapping[str, Any], sort: str | None) -> str:
    """Return the Python that finds the same predictions, of all campaigns without a name."""
    given = {
        **{name: list(one) if isinstance(one, tuple) else one for name, one in conditions.items()},
        **({"sort": sort} if sort else {}),
    }
    arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
    if campaign is None:
        return (
            "from exafscn_flows.store.everywhere import all_predictions\n\n"
            f"frame = all_predictions({arguments})\nprint(frame)"
        )
    return (
        "from exafscn_flows import Campaign\n\n"
        f"frame = Campaign({campaign!r}).predictions({arguments})\nprint(frame)"
    )


def query_pymongo(search: Search, limit: int) -> str:
    """Return the question to MongoDB that finds the first page.

    Parameters
    ----------
    search
        Of the first page, which is one part.
    """
    (part,) = search.parts[:1]
    if not part.filters:
        return "# nothing can meet these conditions"
    filters: Any = part.filters[0] if len(part.filters) == 1 else {"$or": part.filters}
    shown = pformat(filters, width=88, sort_dicts=False)
    return (
        "import os\n\nfrom pymongo import MongoClient\n\n"
        'client = MongoClient(os.environ["EXAFSCN_MONGODB_URI"])\n'
        'database = client.get_default_database("exafscn")\n'
        f"found = database.predictions.find(\n{_indented(shown)}\n)"
        f".sort({part.sort!r}).limit({limit})\nprint(*found, sep='\\n')"
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
