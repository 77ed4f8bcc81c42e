"""What the readers of structure files have in common."""

from exafscn_flows.errors import ItemFailure


def unreadable(name: str, cause: object) -> ItemFailure:
    """Return the failure of a file that cannot be read, its cause in one short line."""
    line = " ".join(str(cause).split()) or type(cause).__name__
    line = line if len(line) <= 160 else f"{line[:157]}..."
    return ItemFailure("unreadable", f"{name}: {line}", "repair or remove the file")
