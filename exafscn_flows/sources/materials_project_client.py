"""The only module that imports mp_api: the Materials Project, with all its traps, as plain pages.

Importing mp_api takes seconds, so it is imported where it is used. Of its client, the classes of
the two routes are used, without document models: one document that emmet's models do not accept
would end the whole search. Three things are changed, in `_rester_class`:

- the heartbeat, which mp_api asks for without a time limit, is asked for here;
- a search returns one page, with the number of all documents. It never goes to the copies on S3,
  where mp_api sends a search without criteria, and drops no document, as mp_api does where the
  server does not count right;
- requests are sent by `PoliteSession`, without mp_api's three silent retries.
"""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from exafscn_flows.errors import CampaignError, ExafscnError
from exafscn_flows.sources.materials_project_key import GET_A_KEY, find_key
from exafscn_flows.sources.polite_session import PoliteSession
from exafscn_flows.spectra.parts import SpectrumType

_log = logging.getLogger(__name__)

PAGE = 1000
"""Documents in a page of a listing, the most that the server sends."""

SERVICE = "the Materials Project"

_FIRST_PATIENCE = 30.0
"""For the first request of a session, seconds: without a network, nobody wants to wait long."""

_MATERIAL = ["material_id", "elements", "nsites", "last_updated"]
_MATERIAL_RECORD = [
    "material_id",
    "structure",
    "last_updated",
    "theoretical",
    "energy_above_hull",
    "builder_meta",
]
_SPECTRUM = ["task_id", "elements", "nsites", "last_updated"]


class Page(NamedTuple):
    """Documents by material id; those without a readable id are left out."""

    documents: list[tuple[str, dict[str, Any]]]
    total: int
    """Documents of the whole listing."""
    more: bool
    """Whether another page follows."""


class MaterialsProjectClient:
    """Searches of the Materials Project; each is one request.

    All raise UsageError if the key is refused, and CampaignError if there is no useful answer
    after patient retries.
    """

    def __init__(self, key: str, session: PoliteSession) -> None:
        self.version = _version(session)
        """Version of the database."""
        self._summary = _rester("Summary", key, session, self.version)
        self._xas = _rester("XAS", key, session, self.version)

    def list_materials(
        self,
        page: int,
        *,
        elements: Sequence[str],
        max_energy_above_hull: float | None,
        max_sites: int | None,
        theoretical: bool | None,
    ) -> Page:
        """List one page, from 0 on, of the materials with all of some elements, ordered by id.

        Parameters
        ----------
        page
            Number of the page.
        elements
            Symbols, at least one.
        max_energy_above_hull
            Highest energy above the hull, eV/atom.
        max_sites
            Most atoms in the cell.
        theoretical
            True: only what was never made; False: only what was.
        """
        hull, sites = max_energy_above_hull, max_sites
        return self._search(
            self._summary,
            page,
            elements=list(elements),
            energy_above_hull=None if hull is None else (0.0, hull),
            num_sites=None if sites is None else (1, sites),
            theoretical=theoretical,
            deprecated=False,
            fields=_MATERIAL,
            _sort_fields="material_id",
        )

    def find_materials(self, ids: Sequence[str]) -> Page:
        """List those of some materials that the database has; at most `PAGE` ids."""
        return self._search(self._summary, material_ids=list(ids), fields=_MATERIAL)

    def fetch_materials(self, ids: Sequence[str]) -> Page:
        """Fetch structure and provenance of some materials; at most `PAGE` ids."""
        return self._search(self._summary, material_ids=list(ids), fields=_MATERIAL_RECORD)

    def list_spectra(
        self, page: int, absorber: str, spectrum_type: SpectrumType, elements: Sequence[str]
    ) -> Page:
        """List one page, from 0 on, of the K-edge spectra of an absorber, ordered by id.

        Parameters
        ----------
        page
            Number of the page.
        absorber
            Element symbol.
        spectrum_type
            "EXAFS" or "XANES".
        elements
            Symbols of elements that must all be there, besides the absorber.
        """
        return self._search(
            self._xas,
            page,
            edge="K",
            absorbing_element=absorber,
            spectrum_type=spectrum_type,
            elements=list(elements) or None,
            fields=_SPECTRUM,
            _sort_fields="task_id",
        )

    def find_spectra(self, ids: Sequence[str], absorber: str, spectrum_type: SpectrumType) -> Page:
        """List the K-edge spectra of an absorber in some materials; at most `PAGE` ids."""
        return self._spectra(ids, absorber, spectrum_type, fields=_SPECTRUM)

    def fetch_spectra(self, ids: Sequence[str], absorber: str, spectrum_type: SpectrumType) -> Page:
        """Fetch the K-edge spectra of an absorber in some materials; at most `PAGE` ids."""
        return self._spectra(ids, absorber, spectrum_type, all_fields=True)

    def _spectra(
        self, ids: Sequence[str], absorber: str, spectrum_type: SpectrumType, **fields: Any
    ) -> Page:
        # By `task_ids`: in these documents the id of the material has that name, and a search
        # by `spectrum_ids` fails in mp_api whatever it is given.
        return self._search(
            self._xas,
            edge="K",
            absorbing_element=absorber,
            spectrum_type=spectrum_type,
            task_ids=list(ids),
            **fields,
        )

    def _search(self, rester: Any, page: int | None = None, **criteria: Any) -> Page:
        if page is not None:
            # The server counts pages from 1.
            criteria["_page"] = page + 1
        try:
            with _quiet():
                reply = rester.search(**criteria)
        except ExafscnError:
            raise
        except Exception as error:
            # Whatever mp_api makes of an odd answer. Its errors may quote what was sent.
            cause = f"{type(error).__name__} in mp-api"
            raise CampaignError(f"{SERVICE} cannot be asked: {cause}; run again later") from None
        return _page(reply, rester.primary_key, page or 0)


@contextmanager
def open_client() -> Iterator[MaterialsProjectClient]:
    """Connect with the key that mp_api itself would use.

    Raises
    ------
    UsageError
        If there is no key, or it cannot be one.
    CampaignError
        If the server does not answer.
    """
    key = find_key()
    refused = f"{GET_A_KEY} (looked up in MP_API_KEY, then in pymatgen's PMG_MAPI_KEY)"
    session = PoliteSession(SERVICE, key, refused)
    try:
        yield MaterialsProjectClient(key, session)
    finally:
        session.close()


def material_id(raw: Any) -> str | None:
    """Return a material id as users know it, such as mp-19009, or None if it cannot be one.

    The same material may be written mp-149, mp-ft, mp-aaaaaaft or, in spectra, aaaaaaft. Ids that
    are newer than the change to letters have no number.
    """
    from emmet.core.mpid import AlphaID

    if not isinstance(raw, str) or not raw:
        return None
    try:
        parsed = AlphaID(raw)
        text = AlphaID(int(parsed), padlen=8, prefix=parsed._prefix or "mp").string
    except Exception:  # AlphaID raises whatever its parsing runs into
        return None
    return str(text)


def _version(session: PoliteSession) -> str:
    version = (
        session.get(f"{_endpoint()}heartbeat", patience=_FIRST_PATIENCE).json().get("db_version")
    )
    if not isinstance(version, str) or not version:
        raise CampaignError(f"{SERVICE} does not tell the version of its database; run again later")
    return version


def _endpoint() -> str:
    with _quiet():
        from mp_api.client.core.utils import validate_endpoint
    # mp_api looks at the environment once, when it is imported.
    return str(validate_endpoint(os.environ.get("MP_API_ENDPOINT")))


def _rester(route: str, key: str, session: PoliteSession, version: str) -> Any:
    with _quiet():
        return _rester_class(route)(
            db_version=version,
            api_key=key,
            endpoint=_endpoint(),
            session=session,
            use_document_model=False,
            mute_progress_bars=True,
        )


@cache
def _rester_class(route: str) -> Any:
    with _quiet():
        from mp_api.client.routes.materials.summary import SummaryRester
        from mp_api.client.routes.materials.xas import XASRester
    base: Any = {"Summary": SummaryRester, "XAS": XASRester}[route]

    class OnePageRester(base):  # type: ignore[misc]
        def _get_heartbeat_info(self, _: str) -> tuple[str, list[str]]:
            # The second are batches that are left out of copies from S3.
            return "", []

        def _get_all_documents(
            self,
            query_params: Mapping[str, Any],
            all_fields: bool = True,
            fields: Sequence[str] | None = None,
            **_: Any,
        ) -> Any:
            criteria = {name: value for name, value in query_params.items() if value is not None}
            if all(name.startswith("_") for name in criteria):
                raise ValueError("a search without criteria would go through the whole database")
            criteria["_limit"] = PAGE
            if "_page" in criteria:
                criteria["_per_page"] = PAGE
            if fields:
                criteria["_fields"] = ",".join(fields)
            elif all_fields:
                criteria["_all_fields"] = True
            reply, _total = self._submit_request_and_process(
                url=self.endpoint, verify=True, params=criteria, use_document_model=False
            )
            return reply

    return OnePageRester


def _page(reply: Mapping[str, Any], id_field: str, number: int) -> Page:
    data, meta = reply.get("data"), reply.get("meta")
    if not isinstance(data, list):
        raise CampaignError(f"{SERVICE} sent an answer without data; run again later")
    total = meta.get("total_doc") if isinstance(meta, dict) else None
    documents = []
    for document in data:
        id_ = material_id(document.get(id_field)) if isinstance(document, dict) else None
        if id_ is not None:
            documents.append((id_, document))
    if len(documents) < len(data):
        n_lost = len(data) - len(documents)
        _log.warning("%s sent %d documents without a readable id", SERVICE, n_lost)
    seen = number * PAGE + len(data)
    total = total if isinstance(total, int) else seen
    if len(data) < PAGE and seen < total:
        raise CampaignError(
            f"{SERVICE} counts {total} documents, but its last page ends at {seen}; run again later"
        )
    return Page(documents, total, more=len(data) == PAGE)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what mp_api, emmet and pymatgen warn about from users, who cannot change it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
