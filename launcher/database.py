"""`exafscn db`: the server that exafscn runs for itself."""

import json
from pathlib import Path

from exafscn_flows.errors import UsageError
from exafscn_flows.settings import Settings
from exafscn_flows.store.connection import connect, redact
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.transfer import export_campaigns, export_spectra, import_campaigns
from launcher.console import console


def _own_server() -> EmbeddedServer:
    settings = Settings()
    if settings.MONGODB_URI is not None:
        raise UsageError(
            "EXAFSCN_MONGODB_URI names a server that exafscn does not run: unset it to use "
            "exafscn's own"
        )
    return EmbeddedServer(settings.DATA_DIR)


def show_server(*, as_json: bool) -> None:
    """Print where the database is, and whether it runs."""
    settings = Settings()
    if settings.MONGODB_URI is not None:
        database = connect(settings)
        version = database.client.server_info()["version"]
        state = {
            "uri": redact(settings.MONGODB_URI.get_secret_value()),
            "database": database.name,
            "version": version,
            "embedded": False,
            "running": True,
        }
    else:
        status = EmbeddedServer(settings.DATA_DIR).status()
        state = {
            "embedded": True,
            "running": status.running,
            "pid": status.pid,
            "uptime_seconds": status.uptime_seconds,
            "version": status.version,
            "folder": str(status.folder),
            "size_bytes": status.size_bytes,
            "socket": str(status.socket),
        }
    if as_json:
        print(json.dumps(state, indent=2))
        return
    for name, value in state.items():
        if value is not None:
            print(f"{name.replace('_', ' '):<16}{value}")


def start_server() -> None:
    """Start the database, if it does not run."""
    print(f"MongoDB runs at {_own_server().start()}")


def stop_server() -> None:
    """Stop the database."""
    print("MongoDB is stopped" if _own_server().stop() else "MongoDB was not running")


def export_file(file: Path, campaigns: list[str] | None, *, spectra: bool) -> None:
    """Write campaigns, or their computed spectra alone, to a file."""
    write = export_spectra if spectra else export_campaigns
    _print_counts("exported to", file, write(connect(), file, campaigns))


def import_file(file: Path) -> None:
    """Read campaigns, or spectra, from a file."""
    _print_counts("imported from", file, import_campaigns(connect(), file))


def _print_counts(what: str, file: Path, counts: dict[str, int]) -> None:
    terminal = console()
    for collection, count in counts.items():
        terminal.print(f"{collection:<20}{count:>10}", highlight=False)
    terminal.print(f"{what} {file}", highlight=False)
