import hashlib
import json
import os
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson
import numpy as np
import pytest
from bson import Decimal128, Int64
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from gridfs import GridFSBucket
from pydantic import SecretStr
from pymongo.database import Database

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.settings import Settings
from exafscn_flows.store.connection import connect
from exafscn_flows.store.documents import DOCUMENTS, CampaignDoc, FeatureDoc, SpectrumDoc
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.lock import campaign_lock
from exafscn_flows.store.schema import SCHEMA, write_schema
from exafscn_flows.store.store import Store
from exafscn_flows.store.transfer import export_campaigns, export_spectra, import_campaigns

Mongo = Database[dict[str, Any]]
MODEL = bytes(range(256)) * 2400  # three chunks


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path_factory.mktemp("transfer"))
    server.start()
    yield server
    server.stop()


def empty(server: EmbeddedServer, name: str) -> Mongo:
    uri = server.uri.rpartition("/")[0]
    database = connect(Settings(MONGODB_URI=SecretStr(f"{uri}/{name}")))
    database.client.drop_database(name)
    return database


@pytest.fixture
def source(server: EmbeddedServer) -> Mongo:
    """Three campaigns whose names begin alike."""
    database = empty(server, "source")
    for campaign in ("ni", "ni-2", "ni2"):
        fill(database, campaign)
    return database


@pytest.fixture
def target(server: EmbeddedServer) -> Mongo:
    return empty(server, "target")


def fill(database: Mongo, campaign: str, model: bytes = MODEL) -> None:
    write_schema(database)
    for number in range(3):
        vector = np.random.default_rng(number).random(326)
        feature = FeatureDoc(
            campaign=campaign,
            hash="0",
            site=f"mp-{number}:Ni:0",
            absorber="Ni",
            feature_set="r",
            vector=vector,
        )
        database.features.insert_one(feature.to_mongo())
    database.structures.insert_one(
        {
            "_id": f"{campaign}/mp-1",
            "campaign": campaign,
            "time": datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
            "numbers": [1, Int64(1), 2**40, 0.1, -0.0, float("nan"), float("inf")],
            "exact": Decimal128("1.10"),
            "bytes": bson.Binary(os.urandom(50), 5),
            "nothing": None,
            "nested": {"z": {"é": "\0"}, "a": []},
        }
    )
    database.campaigns.insert_one({"_id": campaign, "campaign": campaign, "config": {"a": 1}})
    bucket = GridFSBucket(database, bucket_name="model_files")
    bucket.upload_from_stream_with_id(
        f"{campaign}/Ni/forest", "forest", model, metadata={"campaign": campaign}
    )


def content(database: Mongo, campaign: str = "") -> dict[str, list[bytes]]:
    """All documents as the bytes that MongoDB keeps."""
    options: Any = CodecOptions(document_class=RawBSONDocument)
    names = [document.collection for document in DOCUMENTS]
    found = {}
    for name in [*names, "campaigns", "model_files.files", "model_files.chunks"]:
        key = "files_id" if name.endswith("chunks") else "_id"
        query = {key: {"$regex": f"^{campaign}(/|$)"}} if campaign else {}
        cursor = database.get_collection(name, codec_options=options).find(query, sort=[("_id", 1)])
        found[name] = [document.raw for document in cursor]
    return found


def test_a_fresh_server_gets_identical_documents(
    source: Mongo, embedded: EmbeddedServer, tmp_path: Path
) -> None:
    file = tmp_path / "all.zip"
    counts = export_campaigns(source, file, None)
    assert counts["features"] == 9
    assert counts["model_files.chunks"] == 9
    assert counts["campaigns"] == 3
    fresh = connect(Settings(DATA_DIR=embedded.folder.parent))
    for _ in range(2):  # doing it again changes nothing
        assert import_campaigns(fresh, file) == counts
        assert content(fresh) == content(source)
    bucket = GridFSBucket(fresh, bucket_name="model_files")
    assert bucket.open_download_stream("ni2/Ni/forest").read() == MODEL
    assert {path.name for path in tmp_path.iterdir()} == {"all.zip"}


def test_only_the_campaigns_that_are_asked_for(
    source: Mongo, target: Mongo, tmp_path: Path
) -> None:
    file = tmp_path / "ni.zip"
    assert export_campaigns(source, file, ["ni"])["features"] == 3
    import_campaigns(target, file)
    assert content(target) == content(source, "ni")
    assert target.campaigns.distinct("_id") == ["ni"]


def test_an_older_model_file_is_replaced(source: Mongo, target: Mongo, tmp_path: Path) -> None:
    fill(target, "ni", model=os.urandom(3_000_000))  # more chunks than the new one
    file = tmp_path / "ni.zip"
    export_campaigns(source, file, ["ni"])
    import_campaigns(target, file)
    assert content(target) == content(source, "ni")
    bucket = GridFSBucket(target, bucket_name="model_files")
    assert bucket.open_download_stream("ni/Ni/forest").read() == MODEL


def test_a_lock_stays_where_it_is(source: Mongo, target: Mongo, tmp_path: Path) -> None:
    file = tmp_path / "ni.zip"
    with campaign_lock(Store(source), "ni"):
        export_campaigns(source, file, ["ni"])
        with pytest.raises(CampaignError, match="campaign ni is being run"):
            import_campaigns(source, file)
    import_campaigns(target, file)
    assert target.campaigns.find_one({}) == {"_id": "ni", "campaign": "ni", "config": {"a": 1}}


def test_what_cannot_be_exported(source: Mongo, target: Mongo, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no campaign 'co'; there are: ni, ni-2, ni2"):
        export_campaigns(source, tmp_path / "x.zip", ["ni", "co"])
    with pytest.raises(UsageError, match="no campaign to export"):
        export_campaigns(target, tmp_path / "x.zip", None)
    with pytest.raises(UsageError, match="cannot be made: No such file or directory"):
        export_campaigns(source, tmp_path / "missing" / "x.zip", None)
    kept = tmp_path / "kept.zip"
    kept.write_text("precious")
    with pytest.raises(UsageError, match=r"kept\.zip exists"):
        export_campaigns(source, kept, None)
    assert kept.read_text() == "precious"
    assert os.listdir(tmp_path) == ["kept.zip"]


def test_a_full_disk_leaves_no_partial_file(
    source: Mongo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CampaignError, match="No space left on device"):
        export_campaigns(source, tmp_path / "x.zip", None)
    assert os.listdir(tmp_path) == []


def rewrite(file: Path, **changes: bytes | None) -> None:
    """Write the archive again with members changed, added, or left out."""
    with zipfile.ZipFile(file) as archive:
        members: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    members.update(changes)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)


def member(file: Path, name: str) -> bytes:
    with zipfile.ZipFile(file) as archive:
        return archive.read(name)


def swap_value(file: Path) -> None:
    data = member(file, "features.bson")
    rewrite(file, **{"features.bson": data.replace(b"mp-1:Ni", b"mp-9:Ni")})


def drop_document(file: Path) -> None:
    data = member(file, "features.bson")
    rewrite(file, **{"features.bson": data[int.from_bytes(data[:4], "little") :]})


def cut_document(file: Path) -> None:
    rewrite(file, **{"features.bson": member(file, "features.bson")[:-10]})


def huge_document(file: Path) -> None:
    rewrite(file, **{"features.bson": b"\xff\xff\xff\x7f" + b"\0" * 100})


def broken_document(file: Path) -> None:
    rewrite(file, **{"features.bson": b"\x10\0\0\0\x7fa\0" + b"x" * 9})


def foreign_document(file: Path) -> None:
    rewrite(file, **{"labels.bson": bson.encode({"_id": "co/mp-1:Co:0", "campaign": "co"})})


def extra_member(file: Path) -> None:
    rewrite(file, **{"../../evil.py": b"boom"})


def missing_member(file: Path) -> None:
    rewrite(file, **{"labels.bson": None})


def later_format(file: Path) -> None:
    manifest = json.loads(member(file, "manifest.json"))
    rewrite(file, **{"manifest.json": json.dumps({**manifest, "format_version": 3}).encode()})


def later_schema(file: Path) -> None:
    manifest = json.loads(member(file, "manifest.json"))
    manifest["documents_schema"] = SCHEMA + 1
    rewrite(file, **{"manifest.json": json.dumps(manifest).encode()})


def earlier_schema(file: Path) -> None:
    manifest = json.loads(member(file, "manifest.json"))
    del manifest["documents_schema"]
    manifest["format_version"] = 1
    rewrite(file, **{"manifest.json": json.dumps(manifest).encode()})


def spectra_of_none(file: Path) -> None:
    """Say that a campaign is of the name that stands for none."""
    manifest = json.loads(member(file, "manifest.json")) | {"campaigns": ["*"]}
    document = bson.encode({"_id": "*", "campaign": "*"})
    digest = hashlib.sha256(document).hexdigest()
    manifest["members"] = {"campaigns": {"documents": 1, "sha256": digest}}
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("campaigns.bson", document)
        archive.writestr("manifest.json", json.dumps(manifest))


def no_manifest(file: Path) -> None:
    rewrite(file, **{"manifest.json": b"\x80\x04."})


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])


def flipped_bit(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        start = archive.getinfo("features.bson").header_offset
    data = bytearray(file.read_bytes())
    data[start + 200] ^= 1
    file.write_bytes(data)


def no_zip(file: Path) -> None:
    file.write_bytes(b"\x80\x04\x95")


def empty_file(file: Path) -> None:
    file.write_bytes(b"")


def removed(file: Path) -> None:
    file.unlink()


def a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (swap_value, "features is not what was exported"),
        (drop_document, "features is not what was exported"),
        (cut_document, "features ends in the middle of a document"),
        (huge_document, "features holds something that is no document"),
        (broken_document, "features holds something that is no document"),
        (foreign_document, "labels: 'co/mp-1:Co:0' is not of its campaigns"),
        (extra_member, "members are not those of an export"),
        (missing_member, "manifest does not name the members"),
        (later_format, "format_version"),
        (
            later_schema,
            f"schema {SCHEMA + 1} of exafscn .*, and this version reads schema {SCHEMA}",
        ),
        (earlier_schema, f"schema 1 of exafscn .*, and this version reads schema {SCHEMA}"),
        (spectra_of_none, r"campaigns: '\*' is not of its campaigns"),
        (no_manifest, "manifest"),
        (truncated, "damaged, or not an export"),
        (flipped_bit, "not an export"),
        (no_zip, "damaged, or not an export"),
        (empty_file, "damaged, or not an export"),
        (removed, "cannot be read: No such file"),
        (a_pipe, "is no file"),
    ],
)
def test_a_damaged_or_foreign_file_changes_nothing(
    source: Mongo, target: Mongo, tmp_path: Path, damage: Any, message: str
) -> None:
    file = tmp_path / "x.zip"
    export_campaigns(source, file, None)
    damage(file)
    with pytest.raises(UsageError, match=message) as caught:
        import_campaigns(target, file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert target.list_collection_names() == []


def test_what_is_imported_into_a_new_database_can_be_read(
    source: Mongo, target: Mongo, tmp_path: Path
) -> None:
    export_campaigns(source, tmp_path / "x.zip", None)
    import_campaigns(target, tmp_path / "x.zip")
    assert target.schema.find_one()["schema"] == SCHEMA  # type: ignore[index]
    assert len(target.spectra.index_information()) > 1


def spectrum(campaign: str, hash_: str, **fields: Any) -> dict[str, Any]:
    values = {"seconds": 2.5, "found_in": None, "chi": np.arange(3) / 7, **fields}
    return SpectrumDoc(
        campaign=campaign,
        hash=hash_,
        site=f"{campaign}-{hash_}:Ni:0",
        absorber="Ni",
        spectrum="exafs",
        edge="K",
        e0=8333.0,
        k=np.arange(3),
        energy_rel=[],
        mu=[],
        mu0=[],
        program="FEFF",
        version="6",
        cards={"RPATH": "5"},
        **values,
    ).to_mongo()


@pytest.fixture
def computed(source: Mongo) -> Mongo:
    """Two campaigns that share a spectrum, one of them with one that is stored."""
    source.spectra.insert_many(
        [
            spectrum("ni", "shared"),
            spectrum("ni-2", "shared", found_in="ni"),
            spectrum("ni-2", "own"),
            spectrum("ni2", "stored", computed=False),
        ]
    )
    return source


def test_computed_spectra_travel_without_their_campaigns(
    computed: Mongo, target: Mongo, tmp_path: Path
) -> None:
    file = tmp_path / "spectra.zip"
    assert export_spectra(computed, file, None) == {"spectra": 2}
    store = Store(target)
    store.prepare()
    store.write([CampaignDoc(campaign="ni", hash="0", config={})])
    target.spectra.insert_one(spectrum("ni", "of the target"))
    for _ in range(2):  # doing it again changes nothing
        assert import_campaigns(target, file) == {"spectra": 2}
        assert target.spectra.count_documents({}) == 3
        assert target.spectra.count_documents({"campaign": "ni"}) == 1
        assert store.campaign_names() == target.campaigns.distinct("_id") == ["ni"]
    found = store.computed(["shared", "own", "stored", "of the target"])
    assert set(found) == {"shared", "own", "of the target"}
    assert found["shared"].found_in == "ni"
    assert found["own"].found_in == "ni-2"
    assert found["own"].chi.tolist() == pytest.approx([0, 1 / 7, 2 / 7])
    # From there they go on, and with no campaign.
    assert export_spectra(target, tmp_path / "again.zip", None) == {"spectra": 3}
    assert export_campaigns(target, tmp_path / "ni.zip", None)["spectra"] == 1


def test_only_spectra_of_the_campaigns_that_are_asked_for(
    computed: Mongo, target: Mongo, tmp_path: Path
) -> None:
    file = tmp_path / "spectra.zip"
    assert export_spectra(computed, file, ["ni", "ni"]) == {"spectra": 1}
    import_campaigns(target, file)
    assert [doc["hash"] for doc in target.spectra.find()] == ["shared"]
    with pytest.raises(UsageError, match="no campaign 'co'; there are: ni, ni-2, ni2"):
        export_spectra(computed, tmp_path / "x.zip", ["co"])
    with pytest.raises(UsageError, match="no computed spectrum to export"):
        export_spectra(computed, tmp_path / "x.zip", ["ni2"])


def test_pages_of_two_listings_never_mix(source: Mongo, target: Mongo, tmp_path: Path) -> None:
    page = {"campaign": "ni", "hash": "h", "absorber": "Ni"}
    source.listings.insert_one({"_id": "ni/h/Ni/0", **page, "page": 0, "more": False})
    for number in range(2):
        target.listings.insert_one({"_id": f"ni/h/Ni/{number}", **page, "page": number})
    file = tmp_path / "x.zip"
    export_campaigns(source, file, None)
    import_campaigns(target, file)
    assert [doc["page"] for doc in target.listings.find({"campaign": "ni"})] == [0]


def test_memory_stays_flat(source: Mongo, target: Mongo, tmp_path: Path) -> None:
    size = 1_000_000
    source.spectra.insert_many(
        {"_id": f"ni/{number:03}", "campaign": "ni", "data": bytes(size)} for number in range(100)
    )
    file = tmp_path / "x.zip"
    tracemalloc.start()
    export_campaigns(source, file, None)
    import_campaigns(target, file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert target.spectra.count_documents({}) == 100
    assert peak < 75 * size  # MongoDB sends 16 MB at a time
