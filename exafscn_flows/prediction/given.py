"""Settings of the processing, as users give them."""

from collections.abc import Mapping

from pydantic import ValidationError

from exafscn_flows.errors import UsageError, problem_text
from exafscn_flows.prediction.answering import check_settings
from exafscn_flows.processing import ProcessingSettings


def processing_settings(given: Mapping[str, float]) -> ProcessingSettings:
    """Return the settings of the processing, of which a user gives some.

    Raises
    ------
    UsageError
        If one makes no sense.
    """
    try:
        settings = ProcessingSettings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        (problem, *_) = error.errors()
        place = f"{problem['loc'][0]}: " if problem["loc"] else ""
        raise UsageError(f"{place}{problem_text(problem)}") from None
    check_settings(settings)
    return settings
