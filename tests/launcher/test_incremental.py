SITE_COLLECTIONS = ("structures", "sites", "labels", "spectra")


def test_second_run_computes_nothing_and_a_new_absorber_only_itself(workspace):
    workspace.run()
    everything = (*SITE_COLLECTIONS, "features", "models", "metrics", "predictions")
    before = workspace.written(*everything)
    workspace.run()
    assert workspace.written(*everything) == before

    workspace.run(absorbers=["Ni", "Cu"])
    after = workspace.written(*everything)
    assert {key: after[key] for key in before} == before
    new = set(after) - set(before)
    assert {doc["absorber"] for doc in workspace.documents("spectra").values()} == {"Ni", "Cu"}
    assert all("Cu" in key for key in new)

    # A changed transform redoes the features and what follows, but not FEFF.
    workspace.run(features={"xftf": {"kmax": 11.0}})
    latest = workspace.written(*everything)
    same = workspace.written(*SITE_COLLECTIONS)
    assert {key: after[key] for key in same} == same
    assert all(latest[key] > after[key] for key in workspace.written("features"))
    # Models with all they made are there once more, as a new version beside the old one.
    old = {key for key in after if key.split()[0] in ("models", "metrics", "predictions")}
    assert {key: latest[key] for key in old} == {key: after[key] for key in old}
    assert len(set(latest) - set(after)) == len(old)

    # Changed FEFF cards redo spectra and features, but not labels.
    workspace.run(spectra={"kind": "feff", "cards": {"RPATH": 4, "NLEG": 2}}, absorbers=["Ni"])
    assert all(
        latest[key] == time for key, time in workspace.written("labels", "structures").items()
    )
    nickel = {k: t for k, t in workspace.written("spectra").items() if ":Ni:" in k}
    assert all(latest[key] < time for key, time in nickel.items())
    # An absorber that was taken out is not predicted any more, but its spectra are kept.
    assert {doc["absorber"] for doc in workspace.documents("promotions").values()} == {"Ni"}
    assert {doc["absorber"] for doc in workspace.documents("spectra").values()} == {"Ni", "Cu"}
