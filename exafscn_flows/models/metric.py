"""Which directions of the inputs count when sites are compared."""

import numpy as np

from exafscn_flows.models.likeness import distances, worth
from exafscn_flows.models.site_kernel import Fit

SITES, ASKED = 4_000, 2_000
"""A metric is learned from so many sites at most, and from the slopes at so many of them."""
DIRECTIONS = 800
"""Of more inputs, those along which sites differ most."""
COMPONENTS = 24
"""Principal components of what is predicted whose slopes count, at most."""
POWER = 0.5
"""Of the mean outer product of slopes: of 0, all directions count alike."""
CERTAIN = 2.0
"""Standard errors by which a round must make the squared error of sites less: else it is chance."""
FORGOTTEN = 1e-4
"""Share of the variance of sites that directions may have which are dropped."""


def with_learned_metric(
    fit: Fit,
    wanted: np.ndarray,
    groups: np.ndarray,
    rounds: int,
    seed: int,
) -> Fit:
    """Learn a metric of the inputs, and compare sites by it.

    What a regression predicts changes much along some directions of its inputs, and hardly along
    others, in which sites may differ as they like. A round takes the mean outer product of the
    slopes of a regression, and compares sites by a power of it from then on: a recursive feature
    machine (A. Radhakrishnan, D. Beaglehole, P. Pandit and M. Belkin, Science 383, 1461 (2024)).
    Rounds end when what is predicted of formulas that took no part gets no better; of few sites,
    no metric is learned at all.

    Parameters
    ----------
    fit
        The sites.
    wanted
        What is predicted of each, shape (n, n_outputs).
    groups
        Group of each site, shape (n,).
    rounds
        At most so many.
    seed
        Seed of the draw of sites.

    Returns
    -------
    Fit
        With the same mean square distance of sites.
    """
    if not rounds:
        return fit
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.permutation(len(fit.sites))[:SITES])
    parts = _components(np.asarray(wanted[drawn], dtype=np.float64))
    kept_aside = _kept_aside(groups[drawn], rng)
    parts, truth = parts[~kept_aside], parts[kept_aside]
    plain, others = fit.part(drawn[~kept_aside]), fit.part(drawn[kept_aside])
    if not kept_aside.any():
        return fit
    basis = _basis(plain.sites)
    plain, others = _seen(plain, basis), _seen(others, basis)
    best, errors, turn = None, None, np.eye(basis.shape[1])
    for done in range(rounds + 1):
        seen = _seen(plain, turn)
        kernel = seen.solve(parts)
        said = kernel.predict(_seen(others, turn).sites, others.absorbers)
        now = ((said - truth) ** 2).sum(axis=1)
        if errors is not None:
            if not _is_less(now, errors):
                break
            best = turn
        errors = now
        if done < rounds:
            slopes = _outer_product(seen, kernel.weights, rng.permutation(len(parts))[:ASKED])
            slopes = turn @ slopes @ turn.T
            if not slopes.any():
                break
            turn = _turn(slopes, plain.sites)
    return fit if best is None else fit.turned(basis @ best)


def _is_less(errors: np.ndarray, before: np.ndarray) -> bool:
    """Tell whether the errors of sites are less than they were, by more than chance makes them."""
    gain = before - errors
    return bool(gain.mean() > CERTAIN * gain.std() / np.sqrt(len(gain)))


def _seen(fit: Fit, turn: np.ndarray) -> Fit:
    """Return a fit whose inputs are turned sites."""
    n = turn.shape[1]
    one = fit._replace(mean=np.zeros(n, dtype=np.float32), scale=np.ones(n, dtype=np.float32))
    return one._replace(sites=fit.sites @ turn.astype(np.float32), turn=None)


def _basis(sites: np.ndarray) -> np.ndarray:
    """Return the directions in which sites differ, shape (n_inputs, n_directions)."""
    if sites.shape[1] <= DIRECTIONS:
        return np.eye(sites.shape[1])
    centred = sites - sites.mean(axis=0)
    _, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    found: np.ndarray = vectors[:, : -DIRECTIONS - 1 : -1]
    return found


def _kept_aside(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return which sites are kept aside: those of one group in five, shape (n,)."""
    names, place = np.unique(groups, return_inverse=True)
    chosen = np.zeros(len(names), dtype=bool)
    chosen[rng.permutation(len(names))[: len(names) // 5]] = True
    found: np.ndarray = chosen[place]
    return found


def _components(wanted: np.ndarray) -> np.ndarray:
    """Return the principal components of what is predicted, shape (n, n_components)."""
    wanted = wanted - wanted.mean(axis=0)
    _, vectors = np.linalg.eigh(wanted.T @ wanted)
    found: np.ndarray = wanted @ vectors[:, : -COMPONENTS - 1 : -1]
    return found


def _outer_product(fit: Fit, weights: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the mean outer product of the slopes at some sites, summed over what is predicted.

    The slope of exp(-d) with respect to x is exp(-d) (x' - x) / d; at a site itself there is none.
    """
    sites, absorbers = fit.sites, fit.absorbers
    far = distances(sites[asked], sites)
    steep = np.zeros_like(far)
    np.divide(np.exp(-far), far, out=steep, where=far > 1e-3)
    steep *= worth(absorbers[asked], absorbers, fit.shared)
    steep = steep.astype(np.float32)
    found = np.zeros((sites.shape[1],) * 2)
    for of_output in weights.T.astype(np.float32):
        pull = steep * of_output
        slopes = pull @ sites - pull.sum(axis=1)[:, None] * sites[asked]
        found += slopes.T.astype(np.float64) @ slopes
    return found / len(asked)


def _turn(slopes: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """Return what turns and stretches sites, shape (n_inputs, n_metric)."""
    values, vectors = np.linalg.eigh(slopes)
    turn = vectors * np.maximum(values, 0) ** (POWER / 2)
    variance = (sites @ turn).var(axis=0)
    order = np.argsort(variance)
    kept = np.sort(order[np.cumsum(variance[order]) > FORGOTTEN * variance.sum()])
    found: np.ndarray = turn[:, kept] * np.sqrt(sites.var(axis=0).sum() / variance[kept].sum())
    return found
