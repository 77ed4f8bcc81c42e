"""Who may see the page: whoever knows its token, on this machine, by its own address."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from flask import Flask, Response, redirect, request

HOST = "127.0.0.1"

_NAMES = (HOST, "localhost")
"""What a browser on this machine may call it; any other name is an attempt at DNS rebinding."""

_FOREIGN = "This page is for programs of this machine, under the address {address}."
_TOKEN = (
    "Open the address that `exafscn serve` has printed: it ends with the token, without which "
    "nothing is shown. Programs send it as `Authorization: Bearer TOKEN`."
)
_ELSEWHERE = "This was asked for by the page of somebody else, and is refused."

_KEPT = "/_dash-component-suites/"
"""Programs of the page, which are the same for everybody and may be kept by the browser."""


@dataclass(frozen=True)
class Access:
    """Address and token of a page.

    Attributes
    ----------
    port
        Port on 127.0.0.1.
    token
        What has to be known; by default 32 random bytes.
    """

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def address(self) -> str:
        """The page, without the token."""
        return f"http://{HOST}:{self.port}/"

    @property
    def link(self) -> str:
        """The page, with the token."""
        return f"{self.address}?token={self.token}"

    @property
    def cookie(self) -> str:
        """Name of the cookie that holds the token: ports of a machine share their cookies."""
        return f"exafscn-{self.port}"

    def knows(self, token: str | None) -> bool:
        """Whether this is the token; takes as long for one that is almost it as for any other."""
        return token is not None and hmac.compare_digest(token.encode(), self.token.encode())

    def is_own_host(self, host: str) -> bool:
        """Whether a Host header names this page."""
        # Browsers leave out the port of http.
        known = {f"{name}:{self.port}" for name in _NAMES}
        return host in known or (self.port == 80 and host in _NAMES)


def guard(server: Flask, access: Access, scripts: Sequence[str]) -> None:
    """Let a server answer to those alone who may see the page, and say what browsers must not do.

    Parameters
    ----------
    scripts
        Sources of inline scripts that belong to the page, such as ``'sha256-...'``; may be added
        to before the first request.
    """
    headers = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }

    @server.before_request
    def check() -> Response | None:
        if not access.is_own_host(request.host):
            return _refusal(400, _FOREIGN.format(address=access.address))
        if request.method not in ("GET", "HEAD") and not _is_from_page(access):
            return _refusal(403, _ELSEWHERE)
        given = request.args.get("token")
        if given is not None and access.knows(given):
            return _entered(access)
        kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and access.knows(bearer.strip()):
            return None
        if access.knows(request.cookies.get(access.cookie)):
            return None
        response = _refusal(401, _TOKEN)
        # What a program has to send; browsers ask nobody for a password of this kind.
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    @server.after_request
    def restrict(response: Response) -> Response:
        response.headers.update(headers)
        response.headers["Content-Security-Policy"] = _policy(scripts)
        if not request.path.startswith(_KEPT):
            response.headers["Cache-Control"] = "no-store"
        return response


def _policy(scripts: Sequence[str]) -> str:
    """Return the Content-Security-Policy: nothing comes from, or goes to, another machine."""
    own = "'self'"
    rules = {
        "default-src": "'none'",
        "script-src": " ".join([own, *scripts]),
        # plotly.js writes styles of its own.
        "style-src": f"{own} 'unsafe-inline'",
        "img-src": f"{own} data: blob:",
        "font-src": own,
        "connect-src": own,
        "form-action": own,
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _is_from_page(access: Access) -> bool:
    """Whether a request that may change something is not sent by another page."""
    origin = request.headers.get("Origin")
    if origin is not None and not access.is_own_host(urlsplit(origin).netloc):
        return False
    return request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")


def _entered(access: Access) -> Response:
    """Keep the token as a cookie, and show the page under an address without it."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "token"]
    from urllib.parse import urlencode

    query = f"?{urlencode(kept)}" if kept else ""
    # Of this server, whatever the path looks like: // would lead to another one.
    path = "/" + request.path.lstrip("/")
    response = redirect(f"{path}{query}", 303)
    response.set_cookie(access.cookie, access.token, httponly=True, samesite="Strict")
    return Response(response.response, response.status, response.headers)


def _refusal(status: int, sentence: str) -> Response:
    return Response(f"{sentence}\n", status, content_type="text/plain; charset=utf-8")
