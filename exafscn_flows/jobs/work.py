"""What work a campaign has left, in the words of the forecast."""

from collections import Counter
from collections.abc import Iterator, Sequence

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.fits import Experiment, model_keys
from exafscn_flows.jobs.forecast import Guess, Work
from exafscn_flows.jobs.parts import Told
from exafscn_flows.jobs.states import SiteState, State
from exafscn_flows.keys import ALL, ModelKey
from exafscn_flows.models import ModelSettings
from exafscn_flows.store.store import Store

MODELS = "models"
EXPERIMENTS = "experiments"

_TYPICAL_ATOMS = 20
"""Atoms of the cell for which a way to spectra says its seconds."""
_POWER = 0.35
"""FEFF looks at the atoms of a sphere: what grows with the cell is how many of them differ."""
_FEATURES = Guess(0.05)
"""Labels and features of a site, whatever its size."""
_TYPICAL_SITES = 200
"""Sites for which a model says its seconds; of more, each takes somewhat longer."""
_FIT_POWER = 1.1


def site_work(store: Store, config: CampaignConfig, states: Sequence[SiteState]) -> dict[str, Work]:
    """Say what there is to do for each site that has work left, by its key.

    Parameters
    ----------
    states
        Some hundred to a thousand sites, for one query.
    """
    pending = [state for state in states if state.pending]
    ways = [way for way in config.spectra if not way.stored]
    wanted = {
        (state.site.site, way.name): state.wanted.spectra[way.name]
        for state in pending
        for way in ways
        if state.spectra[way.name] is State.PENDING
    }
    by_content = {way.name for way in ways if way.found_by_content}
    known = store.known_spectra(hash_ for (_, name), hash_ in wanted.items() if name in by_content)
    found = {}
    for state in pending:
        site = state.site
        computed = [
            way
            for way in ways
            if (hash_ := wanted.get((site.site, way.name))) is not None
            and not (way.name in by_content and hash_ in known)
        ]
        if computed:
            kind = f"{config.campaign} spectra {'+'.join(way.name for way in computed)}"
            seconds = _FEATURES.seconds + sum(way.seconds for way in computed)
            guess = Guess(seconds, _TYPICAL_ATOMS, _POWER)
            found[site.site] = Work(kind, max(site.n_atoms, 1), 1, guess)
        else:
            found[site.site] = Work(f"{config.campaign} features", 1, 1, _FEATURES)
    return found


def joined(work: Sequence[Work]) -> Iterator[Work]:
    """Join what is of one kind and size."""
    counts = Counter((one.kind, one.size) for one in work)
    guesses = {one.kind: one.guess for one in work}
    for (kind, size), count in counts.items():
        yield Work(kind, size, count, guesses[kind])


def fit_told(config: CampaignConfig, part: str, key: ModelKey, n_sites: int) -> Told:
    """Say as what the forecast knows the parts of a training."""
    return Told(part, _fit_kind(config, key), n_sites)


def models_work(config: CampaignConfig, keys: Sequence[ModelKey], n_sites: int) -> list[Work]:
    """Say what the training of some models takes.

    Parameters
    ----------
    n_sites
        Sites that they learn from.
    """
    models = {model.name: model for model in config.models}
    evaluation = config.evaluation
    n_parts = 1 + evaluation.n_folds * len(evaluation.splits)
    return [
        Work(_fit_kind(config, key), n_sites, n_parts, _guess(models[key.model]))
        for key in dict.fromkeys(keys)
    ]


def expected_models(config: CampaignConfig, n_sites: dict[str, int]) -> dict[str, list[ModelKey]]:
    """List the models that are trained after work on sites, by absorber or `ALL`.

    Parameters
    ----------
    n_sites
        Sites by absorber that has work left on them.
    """
    joint = {model.name for model in config.models if model.per == "campaign"}
    found: dict[str, list[ModelKey]] = {}
    for absorber in n_sites:
        keys = model_keys(config, absorber)
        found[absorber] = [key for key in keys if key.model not in joint]
    if joint and n_sites:
        keys = model_keys(config, ALL)
        found[ALL] = [key for key in keys if key.model in joint]
    return found


def experiments_work(
    config: CampaignConfig, wanted: Sequence[Experiment], n_sites: int
) -> list[Work]:
    """Say what some experiments take."""
    n_folds = config.evaluation.n_folds
    return [
        Work(_experiment_kind(config, one), n_sites, n_folds, _guess(one.model)) for one in wanted
    ]


def experiments_told(
    config: CampaignConfig, part: str, wanted: Sequence[Experiment], n_sites: int
) -> dict[str, Told]:
    """Say as what the forecast knows the folds of experiments, by their keys."""
    return {one.key: Told(part, _experiment_kind(config, one), n_sites) for one in wanted}


def _guess(model: ModelSettings) -> Guess:
    seconds = model.seconds_per_site * _TYPICAL_SITES
    return Guess(seconds, _TYPICAL_SITES, _FIT_POWER, model.seconds_to_start)


def _fit_kind(config: CampaignConfig, key: ModelKey) -> str:
    return f"{config.campaign} {MODELS} {key.target}/{key.feature_set}/{key.model}"


def _experiment_kind(config: CampaignConfig, one: Experiment) -> str:
    return f"{config.campaign} {EXPERIMENTS} {one.name}/{one.model.name}"
