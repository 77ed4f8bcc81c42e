"""The page as its own server has it, without a socket: for tests that need no browser."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from flask.testing import FlaskClient

from exafscn_flows.web.access import Access
from exafscn_flows.web.app import make_server
from exafscn_flows.web.library import Library

ACCESS = Access(8123, "the-token")
HOST = "127.0.0.1:8123"


class Client:
    """Asks the page as a program does that knows the token."""

    def __init__(self) -> None:
        self.library = Library()
        self.server = make_server(ACCESS, self.library)
        self.plain: FlaskClient = self.server.test_client()

    def get(self, path: str, **headers: str) -> Any:
        own = {"Host": HOST, "Authorization": f"Bearer {ACCESS.token}"} | headers
        return self.plain.get(path, headers=own)

    def call(
        self, outputs: str, inputs: list[Any], state: Sequence[Any] = (), changed: str = ""
    ) -> Any:
        """Call a callback as dash-renderer does; returns its outputs by id and property.

        Parameters
        ----------
        outputs
            Name of the callback, as `_dash-dependencies` has it.
        inputs, state
            Triples of id, property and value.
        changed
            Which input has changed, such as ``drop.contents``; by default the first.
        """

        def each(values: Sequence[Any]) -> list[dict[str, Any]]:
            return [{"id": i, "property": p, "value": v} for i, p, v in values]

        listed = outputs.strip(".").split("...")
        wanted = [dict(zip(("id", "property"), one.rsplit(".", 1), strict=True)) for one in listed]
        body = {
            "output": outputs,
            "outputs": wanted if outputs.startswith("..") else wanted[0],
            "inputs": each(inputs),
            "state": each(state),
            "changedPropIds": [changed or ".".join(inputs[0][:2])],
        }
        own = {"Host": HOST, "Authorization": f"Bearer {ACCESS.token}"}
        answer = self.plain.post("/_dash-update-component", json=body, headers=own)
        if answer.status_code == 204:
            return None
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text)["response"]


def clients() -> Iterator[Client]:
    """Make a client, and end what it has started."""
    client = Client()
    yield client
    client.library.close()


def texts(component: Any) -> str:
    """All text of a component, as it is sent to the browser."""
    if isinstance(component, dict):
        return texts(component.get("props", component).get("children"))
    if isinstance(component, list):
        return " ".join(texts(one) for one in component)
    return "" if component is None else str(component)


def shown(client: Client, search: str, path: str = "/screening") -> Any:
    """Page of an address, as it is sent to the browser."""
    made = client.call(
        "..page.children...nav.children..",
        [("address", "pathname", path), ("address", "search", search)],
    )
    return made["page"]["children"]


def found(component: Any, kind: str) -> list[Any]:
    """All components of a kind in another one."""
    if isinstance(component, list):
        return [one for part in component for one in found(part, kind)]
    if not isinstance(component, dict):
        return []
    own = [component] if component.get("type") == kind else []
    return own + found(component.get("props", {}).get("children"), kind)
