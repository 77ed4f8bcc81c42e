"""`exafscn import`: the sites of a table of spectra, brought into the database as a campaign."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML

from exafscn_flows.cell_checks import MAX_ATOMS
from exafscn_flows.config.campaign import NAME_WORDS, CampaignConfig, CampaignName
from exafscn_flows.elements import check_absorber
from exafscn_flows.errors import UsageError
from exafscn_flows.sources.parquet import Table, open_table
from exafscn_flows.store.store import Store
from launcher.run import run_config

_PARQUET = b"PAR1"


def is_table(file: Path) -> bool:
    """Whether a file is a Parquet table, by its name or its content."""
    if file.suffix.lower() == ".parquet":
        return True
    try:
        with file.expanduser().open("rb") as stream:
            return stream.read(len(_PARQUET)) == _PARQUET
    except OSError:  # whoever reads it says why
        return False


def import_table(file: Path, campaign: str | None, absorbers: Sequence[str]) -> None:
    """Bring structures, labels and spectra of a table into the database, and say how to go on.

    Parameters
    ----------
    file
        Parquet table, as a `table` source reads it.
    campaign
        Name of the campaign; by default, one like that of the file.
    absorbers
        Elements whose sites are brought; by default, all in the table.

    Raises
    ------
    UsageError
        If there is no such table or absorber in it, or if the name is wrong or taken.
    CampaignError
        As `run_config`.
    """
    settings = table_campaign(file.expanduser().resolve(), campaign, absorbers)
    config = CampaignConfig.model_validate({**settings, "models": []})
    _check_free(config)
    run_config(config, retry_failed=False)
    text = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None  # the innermost mappings in one line each
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 10_000
    yaml.dump({**settings, "models": [{"kind": "random_forest"}]}, text)
    print(
        "\nModels are fitted by a campaign file such as this one; give it to `exafscn run`:\n\n"
        + text.getvalue()
    )


def campaign_name(path: Path, name: str | None) -> str:
    """Return the name of a campaign: the one that is given, or one like that of its file.

    Raises
    ------
    UsageError
        If it cannot be one.
    """
    if name is None:
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-_")[:64] or "table"
    try:
        TypeAdapter(CampaignName).validate_python(name)
    except ValidationError:
        raise UsageError(f"campaign {name!r}: a name has {NAME_WORDS}") from None
    return name


def table_campaign(path: Path, name: str | None, absorbers: Sequence[str]) -> dict[str, Any]:
    """Return the content of a campaign file, but for its models, that takes all sites of a table.

    Parameters
    ----------
    path
        The table, as a full path.
    name, absorbers
        As for `import_table`.

    Raises
    ------
    UsageError
        As `import_table`.
    """
    name = campaign_name(path, name)
    table = open_table(str(path))
    table.check()
    return {
        "campaign": name,
        "absorbers": _absorbers(table, path, absorbers),
        "sources": [{"kind": "table", "path": str(path)}],
        "spectra": {"kind": "stored"},
        "filters": {"max_atoms": MAX_ATOMS},
        "features": {"sets": [_feature_set(table)]},
    }


def _absorbers(table: Table, path: Path, wanted: Sequence[str]) -> list[str]:
    found = table.distinct("absorber")
    known = sorted(filter(_is_absorber, found))
    if not known:
        raise UsageError(f"{path}: no absorber in it is an element of which there are K edges")
    if missing := [symbol for symbol in wanted if symbol not in known]:
        raise UsageError(f"{path} has no absorber {missing[0]!r}; it has {', '.join(known)}")
    if not wanted and (others := sorted(found.difference(known))):
        print(f"left out: {len(others)} that cannot be an absorber, such as {others[0][:20]!r}")
    return list(dict.fromkeys(wanted)) or known


def _is_absorber(symbol: str) -> bool:
    try:
        check_absorber(symbol)
    except ValueError:
        return False
    return True


def _feature_set(table: Table) -> dict[str, str]:
    """Choose the features that take least and fit what the table holds."""
    if "spectrum_type" in table.columns and table.distinct("spectrum_type") == {"XANES"}:
        return {"kind": "xanes"}
    return {"kind": "r_space", "input": "chi" if "chi" in table.columns else "mu"}


def _check_free(config: CampaignConfig) -> None:
    """Refuse a name that another campaign has: its sites would be put aside, and its models go."""
    store = Store.open()
    if config.campaign not in store.campaign_names():
        return
    known = store.config(config.campaign)
    if known.sources != config.sources or known.models:
        what = "models" if known.sources == config.sources else "other sources"
        raise UsageError(
            f"there is a campaign {config.campaign} already, with {what}: give another name with "
            "--campaign"
        )
