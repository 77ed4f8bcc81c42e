"""Limits that a shell or a batch system sets to processes."""

import resource

from exafscn_flows.errors import CampaignError


def largest_file() -> int | None:
    """Size that files of this process and its children may have, bytes; None without a limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return None if limit == resource.RLIM_INFINITY else limit


def too_large(what: str) -> CampaignError:
    """Return what ends a campaign whose files may not become as large as they have to.

    Parameters
    ----------
    what
        What needs larger ones.
    """
    limit = largest_file()
    size = "" if limit is None else f", to {limit / 1024:.0f} kB"
    return CampaignError(
        f"the size of files is limited here{size}, and {what} needs more: raise the limit "
        "(`ulimit -f unlimited`) and run the same command again"
    )
