"""Checkpoints: the last one is read, outdated ones go, and damage is as if there were none."""

import pytest

from exafscn_flows.store.store import Store

VERSION = "coordination_number/Ni/r_space/mlp/abc"


def names(store: Store) -> set[str]:
    return set(store.database["checkpoints.files"].distinct("filename"))


def test_the_last_one_is_read_and_the_only_one(store: Store) -> None:
    fit = store.checkpoints.of("test", VERSION, "grouped-0")
    assert fit.read("part1") is None
    for data in (b"first", b"second" * 100_000, b"third"):
        fit.write("part1", data)
        assert fit.read("part1") == data
    assert store.database["checkpoints.files"].count_documents({}) == 1
    assert store.database["checkpoints.chunks"].count_documents({}) == 1
    assert store.checkpoints.of("test", VERSION, "grouped-1").read("part1") is None
    assert store.checkpoints.of("other", VERSION, "grouped-0").read("part1") is None


def test_what_a_kill_left_half_written_is_none(store: Store) -> None:
    fit = store.checkpoints.of("test", VERSION, "final")
    fit.write("part1", b"x" * 600_000)
    store.database["checkpoints.chunks"].delete_one({"n": 1})
    assert fit.read("part1") is None
    fit.write("part1", b"again")
    assert fit.read("part1") == b"again"


@pytest.mark.parametrize("absorber", ["Ni", "all"])
def test_outdated_ones_of_an_absorber_go_and_all_others_stay(store: Store, absorber: str) -> None:
    kept = f"coordination_number/{absorber}/r_space/mlp/abc"
    others = [
        f"coordination_number/{absorber}/r_space/mlp/abcd",
        f"coordination_number/{absorber}/r_space/other/abc",
        f"bond_length/{absorber}/r_space/mlp/abc",
    ]
    of_others = ["coordination_number/Cu/r_space/mlp/abc"]
    for version in (kept, *others, *of_others):
        store.checkpoints.of("test", version, "final").write("part1", b"x")
    store.checkpoints.of("test-2", kept, "final").write("part1", b"x")
    store.checkpoints.drop_outdated("test", absorber, [kept])
    stay = {f"test/{kept}/final/part1", f"test-2/{kept}/final/part1"}
    stay |= {f"test/{one}/final/part1" for one in of_others}
    assert names(store) == stay
    store.checkpoints.drop("test", kept.removesuffix("/abc"))
    assert f"test/{kept}/final/part1" not in names(store)
    assert f"test-2/{kept}/final/part1" in names(store)
