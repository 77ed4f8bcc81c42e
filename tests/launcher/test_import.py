"""`exafscn import`: tables of spectra brought into the database, and what goes on from there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from campaigns import Workspace, make_workspace
from tables import ARRAYS, NIO, copper, nio, row, write_table

from exafscn_flows.errors import UsageError
from launcher.import_table import table_campaign

BROUGHT = ("structures", "sites", "labels", "spectra", "features")


@pytest.fixture
def empty(server_uri: str) -> Iterator[Workspace]:
    """A folder and a database without anything in them."""
    workspace = make_workspace(server_uri, {})
    yield workspace
    workspace.remove()


def test_sites_come_in_and_a_campaign_file_goes_on(empty):
    large = NIO * (3, 3, 3)  # above what a campaign takes if it is not told
    rows = [nio(), row("large", large, 0, "feff_nio"), copper()]
    table = write_table(empty.folder / "my spectra.parquet", *rows)
    out = empty.exafscn("import", str(table))
    sites = {"NiO:Ni:0", "large:Ni:0", "Cu:Cu:0"}
    names = {"sites": "", "labels": "/coordination_number", "spectra": "/stored"}
    for collection, name in names.items():
        assert set(empty.documents(collection)) == {f"my-spectra/{site}{name}" for site in sites}
    labels = empty.documents("labels").values()
    assert {(doc["absorber"], doc["value"]) for doc in labels} == {("Ni", 6), ("Cu", 12)}
    assert not empty.documents("models")

    # The lines that it ends with are a campaign file that computes nothing of this again.
    file = empty.folder / "my.yaml"
    file.write_text(out[out.index("campaign: my-spectra") :])
    before = empty.written(*BROUGHT)
    empty.exafscn("run", str(file))
    assert empty.written(*BROUGHT) == before
    failures = empty.documents("failures").values()
    assert {doc["stage"] for doc in failures} == {"models"}  # for want of sites

    (line,) = empty.exafscn("import", str(table), "--campaign", "my-spectra", rc=2).splitlines()
    assert "there is a campaign my-spectra already, with models" in line


@pytest.mark.parametrize(
    ("without", "changes", "wanted"),
    [
        ((), {}, {"kind": "r_space", "input": "chi"}),
        (("energy_rel", "mu", "mu0"), {}, {"kind": "r_space", "input": "chi"}),
        (("k", "chi"), {}, {"kind": "r_space", "input": "mu"}),
        ((), {"spectrum_type": "XANES"}, {"kind": "xanes"}),
    ],
)
def test_features_are_such_as_the_table_has_data_for(tmp_path, without, changes, wanted):
    rows = [nio(**changes), copper(**changes)]
    table = write_table(tmp_path / "x.parquet", *rows, without=without)
    assert table_campaign(table, None, [])["features"] == {"sets": [wanted]}


@pytest.mark.parametrize(
    ("file", "name"),
    [("my spectra (2).parquet", "my-spectra-2"), ("é.parquet", "table"), ("n" * 80, "n" * 64)],
)
def test_a_campaign_is_named_after_its_file(tmp_path, file, name):
    assert table_campaign(write_table(tmp_path / file, nio()), None, [])["campaign"] == name


def test_absorbers_are_those_of_the_table_or_the_ones_named(tmp_path, capsys):
    rows = [nio(), nio(4), copper(), copper(absorber="Xx"), copper(absorber=None)]
    table = write_table(tmp_path / "x.parquet", *rows, nio(2, absorber="H"))
    assert table_campaign(table, None, ["Ni"])["absorbers"] == ["Ni"]
    assert capsys.readouterr().out == ""
    assert table_campaign(table, None, [])["absorbers"] == ["Cu", "Ni", "O"]
    assert "left out: 2 that cannot be an absorber, such as 'H'" in capsys.readouterr().out


def refused(table: Path, name: str | None = None, absorbers: tuple[str, ...] = ()) -> str:
    with pytest.raises(UsageError) as error:
        table_campaign(table, name, absorbers)
    (line,) = str(error.value).splitlines()
    return line


def test_what_cannot_be_imported_is_refused(tmp_path):
    table = write_table(tmp_path / "x.parquet", nio(), copper())
    assert "has no absorber 'Fe'; it has Cu, Ni" in refused(table, absorbers=("Ni", "Fe"))
    assert "campaign 'a b': a name has up to 64 letters" in refused(table, name="a b")
    assert "no absorber in it" in refused(write_table(tmp_path / "xx", nio(absorber="Xx")))
    assert "No such file" in refused(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("absorber\nCu\n")
    assert "not a Parquet file" in refused(tmp_path / "text.parquet")
    without = write_table(tmp_path / "no.parquet", nio(), without=ARRAYS)
    assert "no spectra in it" in refused(without)


def test_a_missing_table_is_a_usage_error(empty):
    (line,) = empty.exafscn("import", "none.parquet", rc=2).splitlines()
    assert "none.parquet: No such file" in line
