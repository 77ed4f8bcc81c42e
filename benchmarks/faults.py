"""Small faults that a tired programmer could make, each with the tests that could see it."""

from typing import NamedTuple

SCIENCE, OTHERS = "tests/exafscn_flows", "tests/launcher"


class Fault(NamedTuple):
    """A change of one place in one file.

    Attributes
    ----------
    file
        Path in the repository.
    before, after
        What stands there, once in the file, and what the fault makes of it.
    tests
        Files or ids, of which one at least should fail; a file that is not there is left out.
    """

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


def _science(name: str, file: str, before: str, after: str, *tests: str) -> Fault:
    return Fault(
        name, f"exafscn_flows/{file}", before, after, tuple(f"{SCIENCE}/{test}" for test in tests)
    )


def _launcher(name: str, file: str, before: str, after: str, *tests: str) -> Fault:
    return Fault(
        name, f"launcher/{file}", before, after, tuple(f"{OTHERS}/{test}" for test in tests)
    )


FAULTS = (
    # -- config
    _science(
        "an error names the line above",
        "config/loader.py",
        "return key.start_mark.line + 1, value",
        "return key.start_mark.line, value",
        "config/test_loader.py",
    ),
    _science(
        "the last R is no limit of a study",
        "features/axes.py",
        "else axis >= value",
        "else axis > value",
        "config/test_study.py",
    ),
    # -- sources
    _science(
        "a redirection is followed, with the key",
        "sources/polite_session.py",
        "allow_redirects=False",
        "allow_redirects=True",
        "sources/test_polite_session.py",
    ),
    _science(
        "status 500 is not tried again",
        "sources/polite_session.py",
        "if status >= HTTPStatus.INTERNAL_SERVER_ERROR:",
        "if status > HTTPStatus.INTERNAL_SERVER_ERROR:",
        "sources/test_polite_session.py",
    ),
    _science(
        "a key that is sent back is shown",
        "sources/polite_session.py",
        'detail = detail.replace(self.headers["x-api-key"], "<key>")',
        "detail = detail.strip()",
        "sources/test_polite_session.py",
    ),
    _science(
        "a file of the same size is the same",
        "sources/tree.py",
        'return f"{info.st_size}-{info.st_mtime_ns}"',
        'return f"{info.st_size}"',
        "sources/test_files.py",
    ),
    Fault(
        "a path in a store may lead anywhere",
        "exafscn_flows/sources/tree.py",
        'if file.startswith("/") or ".." in file.split("/"):',
        'if file.startswith("/"):',
        ("tests/test_security.py",),
    ),
    # -- crystals and labels
    _science(
        "multiplicities are all 1",
        "crystal.py",
        "AbsorbingSite(index, multiplicity[index])",
        "AbsorbingSite(index, 1)",
        "test_crystal.py",
        "targets/test_averaged.py",
    ),
    _science(
        "of two equally frequent CNs, the larger",
        "targets/averaged.py",
        "(-round(counts[value], DIGITS), value)",
        "(-round(counts[value], DIGITS), -value)",
        "targets/test_averaged.py",
    ),
    _science(
        "electronegativity counts a tenth",
        "targets/crystal_nn.py",
        "_X_WEIGHT, _X_LARGEST = 3.0, 3.3",
        "_X_WEIGHT, _X_LARGEST = 0.3, 3.3",
        "targets/test_crystal_nn.py",
    ),
    _science(
        "neighbours are the weakest bonds",
        "targets/crystal_nn.py",
        "key=lambda face: -bonds[face]",
        "key=lambda face: bonds[face]",
        "targets/test_crystal_nn.py",
    ),
    # -- spectra
    _science(
        "cards of FEFF are not passed on",
        "spectra/feff_input.py",
        '*(f"{name} {cards[name]}" for name in sorted(cards)),',
        '*(f"{name} {cards[name]}" for name in sorted(cards) if name in _RADII),',
        "spectra/test_feff_input.py",
    ),
    _science(
        "another site passes for this one",
        "spectra/feff_run.py",
        "_TOLERANCE = 0.02",
        "_TOLERANCE = 0.2",
        "spectra/test_feff_run.py",
    ),
    _science(
        "the time limit does not reach FEFF",
        "spectra/feff.py",
        "run_external(settings.command, folder, settings.time_limit, settings.name)",
        "run_external(settings.command, folder, 60.0, settings.name)",
        "spectra/test_feff_external.py",
    ),
    _science(
        "FEFF that somebody kills is not run again",
        "spectra/process.py",
        "if tries == _TRIES:",
        "if tries <= _TRIES:",
        "spectra/test_feff.py::test_feff_that_somebody_kills_is_run_again",
    ),
    _science(
        "FEFF 10 uses potentials of which electrons were missing",
        "spectra/feff10_potentials.py",
        "if _BAD_COUNTS in log:",
        "if False:",
        "spectra/test_feff10_broken.py::test_potentials_that_do_not_converge_are_tried_again_with_slower_mixing",
    ),
    _science(
        "FEFF 10 uses potentials with electrons in shells where no atom has them",
        "spectra/feff10_potentials.py",
        "if abs(number - expected) > _MISPLACED:",
        "if False:",
        "spectra/test_feff10_potentials.py::test_d_electrons_that_became_core_are_one",
    ),
    _science(
        "FEFF 10 uses potentials that did not converge",
        "spectra/feff10_potentials.py",
        "if not converged:",
        "if False:",
        "spectra/test_feff10_broken.py::test_potentials_that_do_not_converge_are_tried_again_with_slower_mixing",
    ),
    _science(
        "what FEFF 10 started lives on",
        "spectra/feff10.py",
        "with_offspring=True,",
        "with_offspring=False,",
        "spectra/test_feff10_broken.py::test_a_stage_that_hangs_is_ended_with_all_that_it_started",
    ),
    _science(
        "the first try of FEFF 10 takes no time",
        "spectra/feff10.py",
        "ended = run(_POTENTIALS)\n                seconds += ended.seconds",
        "ended = run(_POTENTIALS)\n                seconds = ended.seconds",
        "spectra/test_feff10_broken.py::test_potentials_that_do_not_converge_are_tried_again_with_slower_mixing",
    ),
    _science(
        "two atoms may be on one spot",
        "spectra/feff_input.py",
        "    _check_overlap(coords)\n",
        "",
        "spectra/test_feff10_broken.py::test_two_atoms_on_one_spot_are_refused_before_feff_runs",
    ),
    _science(
        "what a script started lives on",
        "spectra/process.py",
        "os.killpg(process.pid, signal.SIGKILL)",
        "pass",
        "spectra/test_process.py",
    ),
    _science(
        "scratch folders stay",
        "spectra/scratch.py",
        "    finally:\n        shutil.rmtree(folder, ignore_errors=True)",
        "    finally:\n        pass",
        "spectra/test_scratch.py",
    ),
    # -- features
    _science(
        "the k weight of autobk is one more",
        "features/spline_background.py",
        "k**settings.kweight\n    fitted, chi",
        "k ** (settings.kweight + 1)\n    fitted, chi",
        "features/test_larch_xafs.py",
    ),
    _science(
        "chi is not divided by the edge step",
        "features/larch_xafs.py",
        "    chi /= edge_step\n",
        "",
        "features/test_larch_xafs.py",
        "features/test_sets.py",
    ),
    _science(
        "the wavelet is ordered by R, then k",
        "features/wavelet.py",
        "(along_k @ wavelet.T @ along_r.T)",
        "(along_r @ wavelet @ along_k.T)",
        "features/test_spaces.py",
    ),
    _science(
        "chi(R) of other settings is taken for this one",
        "features/transformed.py",
        "settings.autobk, transform_parameters(settings)\n",
        "settings.autobk\n",
        "features/test_sets.py",
    ),
    # -- models and their evaluation
    _science(
        "the seed does not reach bagging",
        "models/bagging.py",
        "random_state=seed",
        "random_state=0",
        "models/test_models.py",
    ),
    _science(
        "a network keeps its last weights",
        "models/mlp_training.py",
        "{name: value.clone() for",
        "{name: value for",
        "models/test_mlp.py",
    ),
    _science(
        "a search looks at the rows that are held out",
        "models/search.py",
        "candidate.fit(data.part(~test), seed)",
        "candidate.fit(data, seed)",
        "models/test_search.py",
    ),
    _science(
        "k is stretched for no curve",
        "models/spectral_training.py",
        "points * shares)",
        "points)",
        "models/test_spectral_network.py",
    ),
    _science(
        "labels are learned without their doubt",
        "models/network_training.py",
        "if course.softness > 0 and data.shares is not None:",
        "if False:",
        "models/test_spectral_network.py",
    ),
    _science(
        "rare classes count for less",
        "models/class_weights.py",
        "(counts.mean() / counts)",
        "(counts / counts.mean())",
        "models/test_class_weights.py",
    ),
    _science(
        "late fusion weighs what members say of sites that they learned",
        "models/late_fusion_training.py",
        "enumerate(fitted(~test))",
        "enumerate(fitted(test | True))",
        "models/test_late_fusion.py",
    ),
    _science(
        "prediction sets of a site come from its own fold, too",
        "tasks/prediction_sets.py",
        "thresholds(tempered(proba[~test], found), y[~test])",
        "thresholds(tempered(proba, found), y)",
        "tasks/test_prediction_sets.py",
    ),
    _science(
        "the temperature knows the labels it is for",
        "tasks/prediction_sets.py",
        "found = temperature(proba[~test], y[~test])",
        "found = temperature(proba, y)",
        "tasks/test_prediction_sets.py",
    ),
    _science(
        "every class has the threshold of all",
        "tasks/prediction_sets.py",
        "if len(own) >= ENOUGH:",
        "if False:",
        "tasks/test_prediction_sets.py",
    ),
    _science(
        "a member of a part sees the first columns",
        "models/part_fitted.py",
        "X[:, self.start : self.stop]",
        "X[:, : self.stop - self.start]",
        "models/test_average.py",
    ),
    _science(
        "a formula is on both sides of a fold",
        "splits.py",
        "splitter.split(strata, strata, groups)",
        "splitter.split(strata, strata, np.arange(len(strata)))",
        "test_splits.py",
    ),
    _science(
        "features of a band are permuted one by one",
        "evaluation/attribution.py",
        "result[:, columns] = X[random.permutation(len(X))][:, columns]",
        "result[:, columns] = random.permuted(X[:, columns], axis=0)",
        "evaluation/test_attribution.py",
        "evaluation/test_importance.py",
    ),
    _science(
        "F1 is the share of the union",
        "tasks/classes.py",
        "2 * (label & named).sum() / (label.sum() + named.sum())",
        "(label & named).sum() / (label | named).sum()",
        "tasks/test_classes.py",
    ),
    _science(
        "the majority is that of all folds",
        "tasks/classes.py",
        "np.bincount(y[~test])",
        "np.bincount(y)",
        "tasks/test_classes.py",
    ),
    _science(
        "a learning curve draws from what is held out",
        "evaluation/experiments.py",
        "first_groups(data.groups[train], value, seed)",
        "first_groups(data.groups, value, seed)",
        "evaluation/test_experiments.py",
    ),
    # -- jobs
    _science(
        "a label that is out of date is learned from",
        "jobs/dataset.py",
        'if raw is not None and raw["hash"] == wanted.labels[name.target]:',
        "if raw is not None:",
        "jobs/test_dataset.py",
        "jobs/test_samples.py",
        "jobs/test_train.py",
    ),
    _science(
        "the hash of a data set leaves the formula out",
        "jobs/dataset.py",
        "row = (site.site, repr(self.value), weights, neighbours, self.features, site.formula)",
        "row = (site.site, repr(self.value), weights, neighbours, self.features)",
        "jobs/test_dataset.py",
        "jobs/test_samples.py",
        "jobs/test_train.py",
    ),
    _science(
        "the hash of a spectrum leaves the site out",
        "store/wanted.py",
        '"spectra", way.parameters(), site.hash, *([site.stored]',
        '"spectra", way.parameters(), *([site.stored]',
        "jobs/test_states.py",
        "jobs/test_plan.py",
        "jobs/test_sites.py",
    ),
    _science(
        "a version is meant before it is complete",
        "jobs/train.py",
        "            failure = write_version(",
        "            promote_wanted(store, config.campaign, [fit])\n"
        "            failure = write_version(",
        "jobs/test_train.py",
    ),
    _science(
        "a first stage is told of the formula that it is asked about",
        "models/site_kernel.py",
        "said[block[own]] -= moved @ self._left_out(rows)",
        "said[block[own]] -= 0 * moved @ self._left_out(rows)",
        "models/test_two_stage.py",
    ),
    _science(
        "a copy is as it was",
        "models/two_stage_training.py",
        "np.interp(k * factor, k,",
        "np.interp(k, k,",
        "models/test_two_stage.py",
    ),
    _science(
        "a new element is learned from formulas that are asked about",
        "evaluation/experiments.py",
        "np.flatnonzero(~own & ~test & others)",
        "np.flatnonzero(~own & others)",
        "evaluation/test_experiments.py",
    ),
    _science(
        "random numbers of a killed training begin anew",
        "models/network_checkpoint.py",
        'torch.set_rng_state(tensors["random"])',
        "pass",
        "models/test_checkpoint.py",
    ),
    _science(
        "atoms are counted by their distance squared",
        "features/running_coordination.py",
        "ndtr((grid - neighbour.nn_distance) / self.sigma)",
        "ndtr((grid - neighbour.nn_distance**2) / self.sigma)",
        "features/test_running_coordination.py",
    ),
    _science(
        "spectra are in distribution beyond the limit",
        "jobs/predictions.py",
        "score <= doubt[OOD]",
        "score >= doubt[OOD]",
        "jobs/test_train.py",
    ),
    _science(
        "a guard takes a spectrum for what it is most like",
        "models/guarded.py",
        "proba[np.arange(len(X)), absorbers_of(X, self._n_absorbers)]",
        "proba.max(axis=1)",
        "models/test_spectral_network.py",
    ),
    _science(
        "what stands beside a curve is taken for the absorber",
        "models/training_set.py",
        "np.asarray(X)[:, -n_absorbers:].argmax(axis=1)",
        "np.asarray(X)[:, -n_absorbers - 1 :].argmax(axis=1)",
        "models/test_class_weights.py",
        "models/test_spectral_network.py",
        "models/test_curves.py",
    ),
    _science(
        "a failed spectrum says that it is a label",
        "jobs/stages.py",
        '_attempt(state, "spectra", way.name, _spectrum,',
        '_attempt(state, "labels", way.name, _spectrum,',
        "jobs/test_sites.py",
    ),
    _science(
        "a failed spectrum holds up what is made from others",
        "jobs/states.py",
        "for name in fset.spectra):",
        "for name in spectra):",
        "jobs/test_sites.py",
    ),
    _science(
        "absorbers that are learned together have folds of their own",
        "jobs/folds.py",
        "and config.joint_on(name.feature_set, name.target)",
        "and not config.joint_on(name.feature_set, name.target)",
        "jobs/test_train.py",
    ),
    _science(
        "a spectrum of other cards is found",
        "spectra/settings.py",
        '{"kind": self.kind, "cards": self.feff_cards()}',
        '{"kind": self.kind}',
        "jobs/test_sites.py",
        "jobs/test_states.py",
    ),
    _science(
        "the sample is the same for all seeds",
        "jobs/sampling.py",
        'f"{sample.seed}:{candidate.material_id}"',
        'f"{candidate.material_id}"',
        "jobs/test_sampling.py",
    ),
    _science(
        "what could not be written is not told",
        "jobs/sites.py",
        "            self._hand_over()\n            self._wait()\n",
        "            self._hand_over()\n",
        "jobs/test_sites.py",
    ),
    # -- store
    _science(
        "any of the neighbours is enough",
        "store/conditions.py",
        'entered["$and"] = [{"keywords": {"$in": each}} for each in others]',
        "pass",
        "store/test_queries.py",
    ),
    _science(
        "the least doubtful come first",
        "store/pages.py",
        '("expected_error", -1)',
        '("expected_error", 1)',
        "store/test_queries.py",
    ),
    Fault(
        "an operator as the name of a campaign",
        "exafscn_flows/store/store.py",
        'find_one({"_id": {"$eq": name}}, {"lock": 0})',
        'find_one({"_id": name}, {"lock": 0})',
        ("tests/test_security.py",),
    ),
    _science(
        "what the server refuses is no error",
        "store/store.py",
        "            for future in sent:\n                future.result()\n",
        "",
        "store/test_store.py",
    ),
    _science(
        "settings that are saved forget the plan",
        "store/store.py",
        'for name in ("created_at", "plan_hash", "filtered"):',
        'for name in ("created_at",):',
        "store/test_store.py",
        "jobs/test_plan.py",
    ),
    _science(
        "only failures of structures are tried again",
        "store/store.py",
        'failures.delete_many({"campaign": campaign})',
        'failures.delete_many({"campaign": campaign, "stage": "structures"})',
        "jobs/test_experiments.py",
    ),
    _science(
        "a runner of its own goes in beside those that share",
        "store/lock.py",
        'if alone or holder["alone"]:',
        'if holder["alone"]:',
        "store/test_lock.py",
    ),
    _science(
        "campaigns are imported while they are run",
        "store/transfer.py",
        "locks.enter_context(campaign_lock(store, campaign))",
        "pass",
        "store/test_transfer.py",
    ),
    _science(
        "a file goes that a model of another absorber needs",
        "store/models.py",
        "self._delete_files(meant.difference(used))",
        "self._delete_files(meant)",
        "store/test_models.py",
    ),
    _science(
        "a database of another version is read",
        "store/schema.py",
        'if found.get("schema") != SCHEMA:',
        "if False:",
        "store/test_store.py",
    ),
    _science(
        "everybody on the machine reaches the server",
        "store/mongod.py",
        '"--filePermissions", "0600"',
        '"--filePermissions", "0666"',
        "store/test_embedded.py::test_only_the_user_can_reach_it",
    ),
    _science(
        "a password is shown",
        "store/connection.py",
        "f'{user}:***@' if colon",
        "f'{credentials}@' if colon",
        "store/test_connection.py::test_redacted_addresses",
        "store/test_connection.py::test_no_password_survives_redaction",
    ),
    # -- report
    _science(
        "one model that can do without is enough",
        "report/claims/exafs_coordination.py",
        "holds &= all(loss <= FAR_LOSS",
        "holds &= any(loss <= FAR_LOSS",
        "report/test_claims.py",
    ),
    _science(
        "a model card is of the worst model",
        "report/data.py",
        "better(report.score, rival.score)",
        "better(rival.score, report.score)",
        "report/test_study.py",
    ),
    # -- launcher and workflows
    _launcher(
        "every error has the exit code 1",
        "errors.py",
        "sys.exit(error.exit_code)",
        "sys.exit(1)",
        "test_bad_input.py::test_missing_campaign_file",
    ),
    _launcher(
        "a run does not hold its lock",
        "run.py",
        "        campaign_lock(store, config.campaign, news=watcher.forecast.news),\n",
        "",
        "test_kills.py::test_second_runner_is_turned_away",
    ),
    _launcher(
        "--retry-failed does nothing",
        "run.py",
        "        if retry_failed:\n",
        "        if False:\n",
        "test_failures.py::test_hanging_feff_is_a_failure",
    ),
    _launcher(
        "others can read the file with the password",
        "cluster/files.py",
        "_PRIVATE, _PUBLIC = 0o600, 0o644",
        "_PRIVATE, _PUBLIC = 0o644, 0o644",
        "test_cluster.py::test_password_is_in_a_file_for_its_owner_only",
    ),
    _launcher(
        "an interruption that was swallowed does not come again",
        "cluster/interruption.py",
        "signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS, _AGAIN_SECONDS)",
        "signal.setitimer(signal.ITIMER_REAL, 0.0)",
        "test_interruption.py",
    ),
    _launcher(
        "a scheduler in the same network needs no TLS",
        "dask_scheduler.py",
        "ipaddress.ip_address(host).is_loopback",
        "ipaddress.ip_address(host).is_private",
        "test_dask.py::test_scheduler_that_others_reach_needs_tls",
    ),
    Fault(
        "counts of jobs are those of the last one",
        "workflows/campaign.py",
        "total[name] = total.get(name, 0) + count",
        "total[name] = count",
        ("tests/workflows/test_flows.py", "tests/exafscn_flows/jobs/test_deadline.py"),
    ),
    Fault(
        "models do not wait for their sites",
        "workflows/campaign.py",
        "train(campaign, absorber, sites.output)",
        "train(campaign, absorber)",
        ("tests/workflows/test_flows.py", "tests/exafscn_flows/jobs/test_deadline.py"),
    ),
)
