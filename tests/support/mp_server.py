"""A Materials Project on loopback, which the real mp-api client talks to.

Its routes, parameters, limits and errors are those of api.materialsproject.org, as far as they
are used here; faults can be ordered. Nothing of a request's headers is kept.
"""

import json
import string
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

Document = dict[str, Any]

KEY = "0123456789abcdefghijklmnopqrstuv"
VERSION = "2026.02.12"

_LARGEST_PAGE = 1000
_PAGING = ("_limit", "_skip", "_page", "_per_page", "_fields", "_all_fields", "_sort_fields")


class Request(NamedTuple):
    path: str
    parameters: dict[str, str]


@dataclass
class _Fault:
    path: str
    after: int
    times: int
    status: int
    retry_after: str | None
    detail: str
    cut: bool
    garbled: bool
    delay: float


class _ProblemError(Exception):
    def __init__(self, status: int, answer: Document) -> None:
        self.status = status
        self.answer = answer


class MPServer:
    """A server with some documents; use it in a with statement.

    Parameters
    ----------
    materials, spectra
        Documents of the routes ``/materials/summary/`` and ``/materials/xas/``.
    key
        The only API key that it takes.
    refusal
        Status with which it refuses others.
    version
        Version of the database, which the heartbeat tells.
    """

    def __init__(
        self,
        materials: Iterable[Document] = (),
        spectra: Iterable[Document] = (),
        *,
        key: str = KEY,
        refusal: int = 401,
        version: str = VERSION,
    ) -> None:
        self.materials = list(materials)
        self.spectra = list(spectra)
        self.key = key
        self.refusal = refusal
        self.version = version
        self.requests: list[Request] = []
        """Every request, in the order in which they came, faulty answers included."""
        self._faults: list[_Fault] = []
        self._lock = Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        # Small steps, so that leaving does not take half a second.
        self._thread = Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> "MPServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/"

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process use this server."""
        return {"MP_API_ENDPOINT": self.endpoint, "MP_API_KEY": self.key}

    def add(self, materials: Iterable[Document] = (), spectra: Iterable[Document] = ()) -> None:
        self.materials += materials
        self.spectra += spectra

    def paths(self) -> list[str]:
        """Paths of the requests."""
        return [request.path for request in self.requests]

    def fail(
        self,
        times: int = 1,
        *,
        after: int = 0,
        path: str = "/materials/",
        status: int = 200,
        retry_after: str | None = None,
        detail: str = "",
        cut: bool = False,
        garbled: bool = False,
        delay: float = 0.0,
    ) -> None:
        """Order a fault for some of the coming requests.

        Parameters
        ----------
        times, after, path
            Concerns so many requests to paths that begin so, after the first `after` of them;
            requests that an earlier order concerns do not count.
        status, retry_after, detail
            Answer with an error, and a header Retry-After.
        cut
            Break the answer off in the middle.
        garbled
            Send half of the JSON, as if it were all.
        delay
            Wait before answering, seconds.
        """
        self._faults.append(
            _Fault(path, after, times, status, retry_after, detail, cut, garbled, delay)
        )

    def note(self, request: Request) -> _Fault | None:
        """Write a request down, and tell which fault is due."""
        with self._lock:
            self.requests.append(request)
            for fault in self._faults:
                if not request.path.startswith(fault.path) or fault.times == 0:
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return fault
        return None

    def answer(self, request: Request) -> Document:
        """Answer a request that is in order; raises _ProblemError."""
        if request.path == "/materials/summary/":
            return _search(self.materials, request.parameters, _SUMMARY, ["material_id"])
        if request.path == "/materials/xas/":
            return _search(self.spectra, request.parameters, _XAS, ["task_id", "edge"])
        raise _ProblemError(404, {"detail": "Not Found"})


def _handler(server: MPServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            request = Request(parts.path, dict(parse_qsl(parts.query)))
            fault = server.note(request)
            if fault is not None:
                time.sleep(fault.delay)
                if fault.status != 200:
                    self._send(fault.status, {"detail": fault.detail}, fault)
                    return
            try:
                if request.path == "/heartbeat":
                    answer: Document = {
                        "status": "OK",
                        "version": "0.87.3",
                        "db_version": server.version,
                        "access_controlled_batch_ids": ["gnome_r2scan_statics"],
                    }
                else:
                    self._check_key()
                    answer = server.answer(request)
            except _ProblemError as problem:
                self._send(problem.status, problem.answer, fault)
            else:
                self._send(200, answer, fault)

        def _check_key(self) -> None:
            key = self.headers.get("x-api-key")
            if not key:
                raise _ProblemError(401, {"message": "No API key found in request"})
            if key != server.key:
                raise _ProblemError(
                    server.refusal, {"message": "Invalid authentication credentials"}
                )

        def _send(self, status: int, answer: Document, fault: _Fault | None) -> None:
            body = json.dumps(answer).encode()
            if fault is not None and fault.garbled:
                body = body[: len(body) // 2]
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if fault is not None and fault.retry_after is not None:
                self.send_header("Retry-After", fault.retry_after)
            self.end_headers()
            if fault is not None and fault.cut:
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
                return
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


_Test = Callable[[Document, str], bool]


def _number(id_: object) -> object:
    """What a material is by, however it is written: mp-149, mp-ft, mp-aaaaaaft, aaaaaaft."""
    text = str(id_).rpartition("-")[2]
    if text.isdecimal():
        return int(text)
    number = 0
    for letter in text:
        if letter not in string.ascii_lowercase:
            return text
        number = 26 * number + string.ascii_lowercase.index(letter)
    return number


def _one_of(field: str) -> _Test:
    return lambda doc, text: _number(doc.get(field)) in {_number(id_) for id_ in text.split(",")}


def _equal(field: str) -> _Test:
    return lambda doc, text: doc.get(field) == text


def _flag(field: str) -> _Test:
    return lambda doc, text: doc.get(field, False) == (text.lower() == "true")


def _at_least(field: str) -> _Test:
    return lambda doc, text: doc.get(field) is not None and doc[field] >= float(text)


def _at_most(field: str) -> _Test:
    return lambda doc, text: doc.get(field) is not None and doc[field] <= float(text)


def _has_elements(doc: Document, text: str) -> bool:
    return set(text.split(",")) <= set(doc.get("elements") or [])


_SUMMARY: Mapping[str, _Test] = {
    "material_ids": _one_of("material_id"),
    "elements": _has_elements,
    "theoretical": _flag("theoretical"),
    "deprecated": _flag("deprecated"),
    "energy_above_hull_min": _at_least("energy_above_hull"),
    "energy_above_hull_max": _at_most("energy_above_hull"),
    "nsites_min": _at_least("nsites"),
    "nsites_max": _at_most("nsites"),
}
_XAS: Mapping[str, _Test] = {
    "task_ids": _one_of("task_id"),
    "elements": _has_elements,
    "edge": _equal("edge"),
    "absorbing_element": _equal("absorbing_element"),
    "spectrum_type": _equal("spectrum_type"),
}


def _search(
    documents: list[Document],
    parameters: Mapping[str, str],
    tests: Mapping[str, _Test],
    default_fields: list[str],
) -> Document:
    unknown = [name for name in parameters if name not in tests and name not in _PAGING]
    if unknown:
        detail = f"Request contains query parameters which cannot be used: {', '.join(unknown)}"
        raise _ProblemError(400, {"detail": detail})
    given = [(test, parameters[name]) for name, test in tests.items() if name in parameters]
    found = [doc for doc in documents if all(test(doc, text) for test, text in given)]
    for field in reversed(parameters.get("_sort_fields", "").split(",")):
        if field:
            name = field.removeprefix("-")
            found.sort(key=lambda doc: str(doc.get(name)), reverse=field.startswith("-"))
    if "_page" in parameters:
        limit = int(parameters.get("_per_page", 100))
        skip = max(0, int(parameters["_page"]) - 1) * limit
    else:
        limit, skip = int(parameters.get("_limit", 100)), int(parameters.get("_skip", 0))
    if limit > _LARGEST_PAGE:
        detail = (
            "Requested more data per query than allowed by this endpoint. "
            f"The max limit is {_LARGEST_PAGE} entries"
        )
        raise _ProblemError(400, {"detail": detail})
    page = found[skip : skip + limit]
    if parameters.get("_all_fields", "").lower() != "true":
        fields = parameters["_fields"].split(",") if "_fields" in parameters else default_fields
        page = [{name: doc[name] for name in fields if name in doc} for doc in page]
    meta = {
        "api_version": "0.86.4",
        "time_stamp": "2026-11-20T12:00:00",
        "total_doc": len(found),
        "max_limit": _LARGEST_PAGE,
    }
    return {"data": page, "meta": meta}
