from hypothesis import given
from hypothesis import strategies as st

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.catalog import Candidate
from exafscn_flows.jobs.sampling import Outcome, ReadResult, Sampler, in_order

ELEMENTS = ("Ti", "Cu", "Zn")


def config(absorbers, **sample):
    return CampaignConfig.model_validate(
        {
            "campaign": "test",
            "absorbers": list(absorbers),
            "sources": [{"kind": "amcsd"}],
            "sample": sample or None,
        }
    )


def candidates(contents, known):
    return [
        Candidate(0, "", f"m{i}", f"m{i}", frozenset(elements) if known else None, "")
        for i, elements in enumerate(contents)
    ]


def run(settings, contents, broken=(), known=True):
    """Sample with a reader that fails for some structures; returns the choice and what was read."""
    found = in_order(candidates(contents, known), settings.sample)
    sampler = Sampler(settings, settings.sample, found)
    read = []
    for wave in sampler.waves():
        for candidate in wave:
            read.append(candidate.material_id)
            elements = frozenset(contents[int(candidate.material_id[1:])])
            if candidate.material_id in broken:
                result = ReadResult(candidate.material_id, Outcome.FAILED)
            elif elements.isdisjoint(settings.absorbers):
                result = ReadResult(candidate.material_id, Outcome.NO_ABSORBER)
            else:
                result = ReadResult(candidate.material_id, Outcome.USABLE, elements)
            sampler.add(result)
    chosen = {absorber: set() for absorber in settings.absorbers}
    for absorber, material_id in sampler.chosen():
        chosen[absorber].add(material_id)
    return chosen, read


structures = st.lists(st.sets(st.sampled_from(ELEMENTS), min_size=1), max_size=60)
failing = st.sets(st.integers(0, 59).map(lambda i: f"m{i}"), max_size=20)


@given(structures, failing, st.integers(1, 10), st.integers(0, 3), st.booleans())
def test_adding_an_absorber_leaves_the_others_as_they_are(contents, broken, size, seed, known):
    settings = {"per_absorber": size, "seed": seed}
    few, _ = run(config(["Cu", "Ti"], **settings), contents, broken, known)
    more, _ = run(config(["Zn", "Ti", "Cu"], **settings), contents, broken, known)
    assert more["Cu"] == few["Cu"]
    assert more["Ti"] == few["Ti"]


@given(structures, failing, st.integers(1, 10), st.booleans())
def test_sample_is_as_large_as_possible_and_nothing_is_read_twice(contents, broken, size, known):
    chosen, read = run(config(ELEMENTS, per_absorber=size), contents, broken, known)
    assert len(read) == len(set(read))
    for absorber in ELEMENTS:
        usable = [i for i, e in enumerate(contents) if absorber in e and f"m{i}" not in broken]
        assert len(chosen[absorber]) == min(size, len(usable))


def test_known_elements_spare_reading():
    contents = [{"Ti"}] * 500 + [{"Cu"}] * 5
    _, read = run(config(["Cu"], per_absorber=3), contents)
    assert len(read) == 3


def test_sample_of_structures_counts_those_that_fail():
    contents = [{"Cu"}] * 50
    chosen, read = run(config(["Cu"], structures=20), contents, broken={"m1", "m2", "m3"})
    assert len(read) == 20
    assert len(chosen["Cu"]) == 20 - len({"m1", "m2", "m3"} & set(read))


def test_seed_changes_the_sample():
    contents = [{"Cu"}] * 200
    first, _ = run(config(["Cu"], structures=20, seed=1), contents)
    again, _ = run(config(["Cu"], structures=20, seed=1), contents)
    other, _ = run(config(["Cu"], structures=20, seed=2), contents)
    assert first == again != other
