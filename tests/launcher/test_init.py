"""`exafscn init`: the campaign file that it writes is valid, and is about what stands there."""

import pytest
from crystals import fcc, rock_salt, write_cifs
from tables import nio, write_table

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import UsageError
from launcher.init import init_campaign


def test_structures_of_a_folder_are_the_source_and_their_metals_the_absorbers(tmp_path, capsys):
    write_cifs(
        tmp_path / "cifs",
        {
            "NiO": rock_salt("Ni", "O", 4.18),
            "MgO": rock_salt("Mg", "O", 4.21),
            "Cu": fcc("Cu", 3.61),
        },
    )
    (tmp_path / "cifs" / "broken.cif").write_text("data_x\n")
    (tmp_path / "foil.xdi").write_text("")
    init_campaign(tmp_path)
    config = load_campaign_file(tmp_path / "campaign.yaml")
    assert config.absorbers == ["Ni", "Cu"]
    (source,) = config.sources
    assert (source.kind, source.path) == ("files", str(tmp_path / "cifs"))
    text = (tmp_path / "campaign.yaml").read_text()
    assert "# also in them: O, Mg" in text
    shown = capsys.readouterr().out
    assert "4 structure files; absorbers Ni, Cu" in shown
    assert f"exafscn predict {tmp_path / 'foil.xdi'}" in shown
    # What is commented out is valid, too.
    lines = [
        line.replace("# ", "", 1) if line.lstrip().startswith("# ") else line
        for line in text.splitlines()[2:]
    ]
    (tmp_path / "all.yaml").write_text("\n".join(lines))
    full = load_campaign_file(tmp_path / "all.yaml")
    assert len(full.targets) == 4
    assert full.sample.per_absorber == 200
    with pytest.raises(UsageError, match="is there already"):
        init_campaign(tmp_path)


def test_a_table_of_spectra_is_the_source_with_features_that_it_has_data_for(tmp_path):
    write_table(tmp_path / "my spectra.parquet", nio())
    init_campaign(tmp_path)
    config = load_campaign_file(tmp_path / "campaign.yaml")
    assert (config.stored, config.absorbers) == (True, ["Ni"])
    config.sources[0].check()


def test_an_empty_folder_gets_minerals(tmp_path):
    init_campaign(tmp_path)
    config = load_campaign_file(tmp_path / "campaign.yaml")
    assert config.sources[0].kind == "amcsd"


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is no folder"):
        init_campaign(tmp_path / "gone")
