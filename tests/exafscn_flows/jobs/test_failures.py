"""Failures by cause: one cause is what has one message, names, elements and numbers apart."""

import pytest

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.jobs.failures import failure_groups, list_failures
from exafscn_flows.jobs.status import campaign_status
from exafscn_flows.store.documents import FailureDoc


def failure(stage, item, kind, message, source=None):
    return FailureDoc(
        campaign="test",
        hash="x",
        stage=stage,
        item=item,
        absorber="Ni" if stage == "labels" else None,
        kind=kind,
        message=message,
        hint="look",
        source=source,
    )


@pytest.fixture
def failed(store):
    settings = {"campaign": "test", "absorbers": ["Ni"], "sources": [{"kind": "amcsd"}]}
    store.save_config(CampaignConfig.model_validate(settings))
    store.write(
        [
            failure("structures", "a", "unreadable", "file 'a.cif' ends in line 3"),
            failure("structures", "b/c", "unreadable", "file 'b/c.cif' ends in line 17"),
            failure(
                "structures", "d", "unreadable", "file 'd.cif' has no cell", {"file": "x/d.cif"}
            ),
            failure("structures", "e", "no_absorber", "NaCl holds none of the absorbers Ni"),
            failure("structures", "g", "overlapping_atoms", "Ba and O are 0.06 Å apart"),
            failure("structures", "h", "overlapping_atoms", "H and H are 0.3 Å apart"),
            failure("structures", "i", "disordered", "a site is shared: Zn:0.4, Cu:0.6"),
            failure("structures", "j", "disordered", "a site is shared: Fe:0.2, Mg:0.3, Mn:0.5"),
            failure("labels", "f:Ni:0/coordination_number", "other_coordination", "it has 5"),
            failure("spectra", "f:Ni:0/exafs", "feff_timeout", "did not end within 60 s"),
        ]
    )
    store.database.structures.insert_one(
        {
            "_id": "test/f",
            "campaign": "test",
            "material_id": "f",
            "source": {"mineral": "bunsenite"},
        }
    )
    return store


def test_every_cause_is_listed_with_its_count_and_an_example(failed):
    groups = failure_groups(failed, "test")
    assert [(one.stage, one.kind, one.count, one.item) for one in groups] == [
        ("structures", "disordered", 2, "i"),
        ("structures", "overlapping_atoms", 2, "g"),
        ("structures", "unreadable", 2, "a"),
        ("structures", "unreadable", 1, "d"),
        ("spectra", "feff_timeout", 1, "f:Ni:0/exafs"),
    ]


def test_all_are_listed_with_the_names_of_their_minerals_and_files(failed):
    rows = list(list_failures(failed, "test"))
    assert {row["item"]: row["name"] for row in rows} == {
        "a": None,
        "b/c": None,
        "d": "d.cif",
        **dict.fromkeys("ghij"),
        "f:Ni:0/exafs": "bunsenite",
    }
    (left_out,) = list_failures(failed, "test", kind="no_absorber")
    assert left_out["item"] == "e"
    assert [row["item"] for row in list_failures(failed, "test", stage="spectra")] == [
        "f:Ni:0/exafs"
    ]


@pytest.mark.parametrize(
    ("stage", "kind", "words"),
    [
        ("spectrum", None, "stages are structures, labels, spectra"),
        (None, "timeout", "feff_timeout"),
        ("models", "one_class", "at stage models; nothing has failed"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(failed, stage, kind, words):
    with pytest.raises(UsageError, match=words):
        list_failures(failed, "test", stage, kind)


def test_what_is_left_out_is_a_count_of_its_own(failed):
    failed.set_plan("test", "hash", 7)
    status = campaign_status(failed, "test")
    assert status.left_out == {"filters": 7, "no_absorber": 1, "other_coordination": 1}
    structures = status.counts[0]
    assert (structures.failed, structures.left_out) == (7, 8)
