"""What is seen on the page as a command line, as Python, and as a question to MongoDB."""

import shlex
from typing import Any

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
