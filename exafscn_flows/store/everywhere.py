"""Predictions of all campaigns of a database at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from exafscn_flows.errors import UsageError
from exafscn_flows.store.asked import AskedTarget
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.pages import Order, merged
from exafscn_flows.store.queries import COLUMNS, FIELDS, Search, check_limit, row_of, search_for
from exafscn_flows.store.results import PredictionDoc
from exafscn_flows.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

ALL_COLUMNS = ("campaign", *COLUMNS)
"""Columns of every result, in this order."""


@dataclass(frozen=True)
class Everywhere:
    """What was found in all campaigns.

    Attributes
    ----------
    rows
        One value for each of :data:`ALL_COLUMNS`, in one order for all campaigns.
    target
        What is predicted.
    campaigns
        Those that were searched.
    passed_over
        Why others were not, by their names: they have no such target, absorber or model.
    """

    rows: Iterator[dict[str, Any]]
    target: AskedTarget
    campaigns: list[str]
    passed_over: dict[str, str]


def find_everywhere(
    store: Store,
    conditions: Mapping[str, Any],
    order: Order | None = None,
    *,
    limit: int | None = None,
) -> Everywhere:
    """Find predictions in all campaigns.

    Parameters
    ----------
    conditions
        Fields of PredictionQuery but the campaign. Where no target is named, it is the one that
        the campaign run last means.
    order
        As of `find_predictions`.
    limit
        Most results, at least 1; by default all.

    Raises
    ------
    UsageError
        If there is no campaign, or none in which this can be asked: for the reason that the
        campaign run last has.
    """
    if limit is not None:
        limit = check_limit(limit)
    searches, passed_over = searched(store, conditions, order)
    target = next(iter(searches.values())).target
    rows = _stream(store, list(searches.values()), limit)
    return Everywhere(rows, target, list(searches), passed_over)


def searched(
    store: Store, conditions: Mapping[str, Any], order: Order | None = None
) -> tuple[dict[str, Search], dict[str, str]]:
    """Return what to search in each campaign, and why others are passed over, both by name.

    Parameters and errors are those of `find_everywhere`.
    """
    latest = store.latest_campaign()
    names = [latest, *(name for name in store.campaign_names() if name != latest)]
    searches: dict[str, Search] = {}
    passed_over: dict[str, UsageError] = {}
    for name in names:
        try:
            searches[name] = search_for(store, PredictionQuery(campaign=name, **conditions), order)
        except UsageError as error:
            passed_over[name] = error
    if not searches:
        raise passed_over[latest]
    # One order for all needs values of one kind.
    target = next(iter(searches.values())).target
    for name, search in list(searches.items()):
        if (search.target.name, search.target.values) != (target.name, target.values):
            del searches[name]
            passed_over[name] = UsageError(f"it asks for {search.target.name}")
    return searches, {name: str(error) for name, error in passed_over.items()}


def _stream(store: Store, searches: list[Search], limit: int | None) -> Iterator[dict[str, Any]]:
    def rows() -> Iterator[dict[str, Any]]:
        # From the beginning on, the parts of one order are the same in all of them.
        for parts in zip(*(search.parts for search in searches), strict=True):
            streams = [
                store.project(PredictionDoc, one, fields, sort=part.sort, limit=limit or 0)
                for part in parts
                for one in part.filters
            ]
            yield from merged(streams, parts[0].sort)

    fields = ["campaign", *FIELDS.values()]
    for raw in islice(rows(), limit):
        yield {"campaign": raw["campaign"], **row_of(raw)}


def all_predictions(
    *,
    store: Store | None = None,
    sort: str | None = None,
    limit: int | None = None,
    **conditions: Any,
) -> "pd.DataFrame":
    """Out-of-fold predictions of all campaigns that meet conditions.

    Parameters
    ----------
    store
        Where the campaigns are kept; by default the database of the settings.
    sort, limit
        As of `Campaign.predictions`.
    conditions
        Others of its parameters, but `after`.

    Returns
    -------
    pandas.DataFrame
        Columns as in :data:`ALL_COLUMNS`. ``attrs["campaigns"]`` names those that were searched.

    Raises
    ------
    UsageError
        As `find_everywhere` says, or if there is no such condition.
    """
    import pandas as pd

    unknown = sorted(
        conditions.keys() - (PredictionQuery.__dataclass_fields__.keys() - {"campaign"})
    )
    if unknown:
        raise UsageError(
            f"{unknown[0]}: there is no such condition on predictions of all campaigns"
        )
    order = None if sort is None else Order.named(sort)
    found = find_everywhere(store or Store.open(), conditions, order, limit=limit)
    frame = pd.DataFrame(list(found.rows), columns=list(ALL_COLUMNS))
    frame.attrs["campaigns"] = found.campaigns
    return frame
