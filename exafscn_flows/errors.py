"""Errors that users meet, each with one line that says what, where and what to do."""

from collections.abc import Mapping
from typing import Any


class ExafscnError(Exception):
    """Base of every error that is shown to users as one line, without a traceback."""

    exit_code = 1

    def to_dict(self) -> dict[str, str]:
        """Return what FireWorks keeps of an error that ended a job."""
        return {"kind": type(self).__name__, "message": str(self)}


class UsageError(ExafscnError):
    """A wrong command line, campaign file or setting (exit code 2)."""

    exit_code = 2


class CampaignError(ExafscnError):
    """A campaign that cannot go on: no database, no scratch space (exit code 1)."""


class DatabaseLost(CampaignError):
    """The database went away in the middle of something."""


LEFT_OUT = {
    "no_absorber": "hold none of the absorbers",
    "other_coordination": "have a coordination number that is not asked for",
    "other_environment": "have an environment that is not asked for",
}
"""Kinds of what is recorded like a failure, and is none: the campaign file leaves it out."""


class ItemFailure(ExafscnError):
    """One structure, site or model that failed; the campaign records it and goes on.

    Parameters
    ----------
    kind
        Short machine-readable name of the cause, e.g. ``"disordered"``.
    message
        One line: what is wrong, and where.
    hint
        What a user can do about it.
    """

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint

    @staticmethod
    def worker_died(error: Exception) -> "ItemFailure":
        """Describe an item whose worker process did not survive it."""
        return ItemFailure(
            "worker_died",
            f"the worker process died: {type(error).__name__}",
            "look at its memory use, and run with --retry-failed",
        )

    def __reduce__(self) -> tuple[type["ItemFailure"], tuple[str, str, str]]:
        # Exceptions with several arguments do not survive pickling between processes by themselves.
        return type(self), (self.kind, self.message, self.hint)


def problem_text(problem: Mapping[str, Any]) -> str:
    """Return what pydantic says of a wrong value, as the end of a line.

    Its own sentences begin with a capital, which goes; ours begin as they should, also with FEFF.

    Parameters
    ----------
    problem
        One of the errors of a ValidationError.
    """
    message: str = problem["msg"].partition(" after validation")[0]
    if problem["type"] == "value_error":
        return message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
