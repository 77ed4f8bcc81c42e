"""How a web service is asked: not too often, with patience, and without telling anybody the key.

Stands in for `requests.Session` where a client library takes one, and replaces that library's own
idea of retries.
"""

import json
import logging
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import requests

from exafscn_flows.errors import CampaignError, UsageError

PAUSE = 0.2
"""Between two requests, seconds. The Materials Project allows 25 requests a second, 1,000 a minute
and 40,000 an hour."""

TIME_LIMIT = 60.0
"""Longest silence of the server within one request, seconds."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Waits before the second and later attempts, seconds; each is twice the one before."""

PATIENCE = 300.0
"""Time over which a request that fails is tried again, seconds."""

# Replaced by tests.
_sleep = time.sleep
_clock = time.monotonic

_log = logging.getLogger(__name__)


class _AttemptError(Exception):
    """An attempt that may succeed later; `after` is what the server asks to wait, seconds."""

    def __init__(self, cause: str, after: float = 0.0) -> None:
        super().__init__(cause)
        self.after = after


class PoliteSession:
    """A session with one service.

    Parameters
    ----------
    service
        Name of the service, for messages.
    key
        API key, sent as ``x-api-key``.
    refused
        What users can do when the service does not take the key.
    """

    def __init__(self, service: str, key: str, refused: str) -> None:
        self.headers = {"x-api-key": key, "user-agent": f"exafscn/{version('exafscn')}"}
        self._service = service
        self._refused = refused
        self._last = -PAUSE
        # No retries of its own: an adapter without `max_retries` has none.
        self._session = requests.Session()

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        patience: float = PATIENCE,
        **_: Any,
    ) -> requests.Response:
        """Get a page of JSON, again and again while that may help.

        Parameters
        ----------
        url, params
            What is asked for.
        patience
            Time over which a request that fails is tried again, seconds.
        **_
            Other arguments of ``requests.Session.get``, such as a time limit, that a client
            library passes; they are not used.

        Returns
        -------
        requests.Response
            With status 200, holding a JSON object.

        Raises
        ------
        UsageError
            If the key is refused.
        CampaignError
            If there is no useful answer in the end.
        """
        start: float | None = None
        wait = FIRST_WAIT
        while True:
            try:
                return self._attempt(url, params)
            except _AttemptError as failed:
                now = _clock()
                start = now if start is None else start
                delay = max(wait, failed.after)
                if now - start + delay > patience:
                    raise CampaignError(self._give_up(failed, now - start)) from None
                _log.info("%s %s; asking again in %.0f s", self._service, failed, delay)
                _sleep(delay)
                wait = min(2 * wait, LONGEST_WAIT)

    def _attempt(self, url: str, params: Mapping[str, Any] | None) -> requests.Response:
        pause = self._last + PAUSE - _clock()
        if pause > 0:
            _sleep(pause)
        try:
            response = self._session.get(
                url,
                params=params,
                headers=self.headers,
                timeout=TIME_LIMIT,
                # To another host, requests would send the key as well.
                allow_redirects=False,
            )
        except requests.Timeout:
            raise _AttemptError(f"did not answer within {TIME_LIMIT:.0f} s") from None
        # The errors of requests hold the whole request, with its headers.
        except requests.ConnectionError:
            raise _AttemptError("cannot be reached") from None
        except (
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ):
            raise _AttemptError("broke its answer off") from None
        except requests.RequestException as error:
            cause = type(error).__name__
            raise CampaignError(f"{self._service} cannot be asked: {cause}") from None
        finally:
            self._last = _clock()
        self._check_status(response)
        # Otherwise requests guesses the encoding, which takes seconds for a large page.
        response.encoding = "utf-8"
        if _parse(response) is None:
            raise _AttemptError("sent an answer that is cut, or no JSON")
        return response

    def _check_status(self, response: requests.Response) -> None:
        status = response.status_code
        if status == HTTPStatus.OK:
            return
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            message = f"{self._service} refuses the API key (status {status})"
            raise UsageError(f"{message}; {self._refused}")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise _AttemptError("answers that there were too many requests", _retry_after(response))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _AttemptError(f"answers with status {status}", _retry_after(response))
        raise CampaignError(
            f"{self._service} answers with status {status}: {self._detail(response)}"
        )

    def _detail(self, response: requests.Response) -> str:
        answer = _parse(response) or {}
        detail = str(answer.get("detail") or answer.get("message") or "no reason given")
        # A service may quote what it was sent.
        detail = detail.replace(self.headers["x-api-key"], "<key>")
        return " ".join(detail.split())[:200]

    def _give_up(self, failed: _AttemptError, waited: float) -> str:
        message = f"{self._service} {failed}"
        if waited >= 1:
            message += f", for {waited:.0f} s"
        if failed.after:
            message += f", and asks to wait another {failed.after:.0f} s"
        return f"{message}; run again later: what was fetched is kept"


def _parse(response: requests.Response) -> dict[str, Any] | None:
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _retry_after(response: requests.Response) -> float:
    """Return what the header Retry-After asks for, seconds (RFC 9110, 10.2.3)."""
    text = response.headers.get("Retry-After", "")
    try:
        if text.strip().isdecimal():
            return float(text)
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
