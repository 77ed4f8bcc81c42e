"""From a table of named columns to a spectrum, which agrees with what is stated about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from exafscn_flows.sources.measured.axes import energies, in_order
from exafscn_flows.sources.measured.columns import (
    EXAMPLE,
    Roles,
    found_roles,
    listed,
    named_roles,
)
from exafscn_flows.sources.measured.edges import edges_within, find_step, steps_elsewhere
from exafscn_flows.sources.measured.signals import choose_signal
from exafscn_flows.sources.measured.spectrum import (
    ColumnTable,
    Kind,
    MeasuredSpectrum,
    Mode,
    Stated,
    failure,
)
from exafscn_flows.spectra.edge_table import edge_energy

_LARGEST_K = 40.0
"""1/Å; energies in eV, and angles, are larger."""


@dataclass(frozen=True)
class Wish:
    """What the user says about a file.

    Attributes
    ----------
    columns
        Columns by what they are; empty to go by their names.
    mode
        How it was measured; None to go by what is there.
    absorber
        Symbol; None to go by what the file states.
    """

    columns: Mapping[str, int | str] = field(default_factory=dict)
    mode: Mode | None = None
    absorber: str | None = None


def table_spectrum(table: ColumnTable, wish: Wish) -> MeasuredSpectrum:
    """Return the spectrum of a table.

    Raises
    ------
    ItemFailure
        One line that says what the table lacks, or where it contradicts itself.
    """
    roles = named_roles(table, wish.columns) if wish.columns else _roles(table)
    stated = agreed(table.stated, wish, table.name)
    has_mu = any(role in roles for role in ("mu", "norm", "it", "if"))
    axis = roles.get("energy") or roles.get("angle")
    notes = list(table.notes)
    if axis is None or not has_mu:
        if "k" in roles and "chi" in roles:
            k, chi = (table.rows[:, roles[role][0]] for role in ("k", "chi"))
            return chi_spectrum(table, k, chi, stated, notes)
        if axis is None:
            cause = f"its columns do not tell which is the energy: {listed(table.labels)}"
            raise failure("no_energy", table.name, cause, f"name them, such as {EXAMPLE}")
    energy, more = energies(table, axis[0], stated.absorber)
    notes += more
    if not wish.columns and "readback" in table.labels[axis[0]].lower():
        notes.append(f"energies are those of the column {table.labels[axis[0]]}")
    signal, more = choose_signal(
        table,
        energy,
        roles,
        mode=wish.mode,
        near=_near(stated, energy),
        is_named=bool(wish.columns),
    )
    notes += more
    kind: Kind = "normalized" if signal.is_normalized else "mu"
    return mu_spectrum(table, energy, signal.mu, stated, kind, signal.mode, notes)


def mu_spectrum(
    table: ColumnTable,
    energy: np.ndarray,
    mu: np.ndarray,
    stated: Stated,
    kind: Kind,
    mode: Mode,
    notes: list[str],
) -> MeasuredSpectrum:
    """Return a spectrum of mu(E), in order, if it agrees with what is stated about it.

    Parameters
    ----------
    table
        Where it is from.
    energy, mu
        Energy, eV, and mu as they are read; shape (n,).
    stated
        Absorber, edge and E0.
    kind, mode
        As in `MeasuredSpectrum`.
    notes
        What there is to say so far.

    Raises
    ------
    ItemFailure
        ``too_short``, ``no_edge`` if mu is the same everywhere, or ``contradiction``.
    """
    energy, mu, more = in_order(energy, mu, table.breaks, table.name)
    notes = [*notes, *more]
    if not np.ptp(mu) > 0:
        hint = "look at the columns; name them where they are called otherwise"
        raise failure("no_edge", table.name, "mu is the same at all energies", hint)
    if table.is_guess:
        step = find_step(energy, mu, None)
        if step is None or not step.rises:
            cause = "its columns have no names, and the second does not rise as mu at an edge does"
            raise failure("no_names", table.name, cause, f"name them, such as {EXAMPLE}")
    if stated.absorber is not None:
        check_absorber_edge(energy, mu, stated.absorber, stated.edge, table.name)
    e0 = stated.e0
    if e0 is not None and not energy[0] <= e0 <= energy[-1]:
        notes.append(f"the stated E0 of {e0:g} eV is not within the energies, and is left out")
        e0 = None
    return MeasuredSpectrum(
        group=table.group,
        energy=energy,
        mu=mu,
        k=None,
        chi=None,
        kind=kind,
        absorber=stated.absorber,
        edge=stated.edge,
        e0=e0,
        mode=mode,
        format=table.format,
        notes=tuple(notes),
        formula=stated.formula,
    )


def chi_spectrum(
    table: ColumnTable, k: np.ndarray, chi: np.ndarray, stated: Stated, notes: list[str]
) -> MeasuredSpectrum:
    """Return a spectrum of chi(k), in order, from k = 0 on.

    Raises
    ------
    ItemFailure
        ``too_short``, ``bad_k`` or ``no_edge`` if chi is zero everywhere.
    """
    chi = np.where(k < 0, np.nan, chi)
    k, chi, more = in_order(k, chi, table.breaks, table.name)
    if k[-1] > _LARGEST_K:
        cause = f"k reaches {k[-1]:g}, which is not in 1/Å"
        raise failure("bad_k", table.name, cause, "give chi(k) with k in 1/Å")
    if not chi.any():
        raise failure("no_edge", table.name, "chi is zero at every k", "look at the columns")
    return MeasuredSpectrum(
        group=table.group,
        energy=None,
        mu=None,
        k=k,
        chi=chi,
        kind="chi",
        absorber=stated.absorber,
        edge=stated.edge,
        e0=stated.e0,
        mode="mu",
        format=table.format,
        notes=(*notes, *more),
        formula=stated.formula,
    )


def agreed(stated: Stated, wish: Wish, name: str) -> Stated:
    """Return what a file states, with the absorber that the user names.

    Raises
    ------
    ItemFailure
        ``contradiction`` if the file states another absorber.
    """
    if wish.absorber is None or wish.absorber == stated.absorber:
        return stated
    if stated.absorber is not None:
        cause = f"the file states {stated.absorber} as absorber, and {wish.absorber} was given"
        raise failure("contradiction", name, cause, "leave the absorber out, or correct the file")
    return replace(stated, absorber=wish.absorber)


def check_absorber_edge(
    energy: np.ndarray, mu: np.ndarray, absorber: str, edge: str | None, name: str
) -> None:
    """Refuse a spectrum that is not of its absorber's edge.

    Parameters
    ----------
    energy, mu
        Energy, eV, ascending, and mu; shape (n,).
    absorber, edge
        Symbol, and edge; None for any of K, L3, L2, L1.
    name
        What to call it in errors.

    Raises
    ------
    ItemFailure
        ``contradiction``.
    """
    low, high = float(energy[0]), float(energy[-1])
    covered = edges_within(absorber, edge, low, high)
    tabulated = edge_energy(absorber, edge or "K")
    if tabulated is None:
        return
    where = f"the {edge or 'K'} edge of {absorber} is at {tabulated:.0f} eV"
    hint = "correct the absorber, the edge or the unit of energy in the file"
    if not covered:
        cause = f"{where}, and its energies are {low:.6g} to {high:.6g} eV"
        raise failure("contradiction", name, cause, hint)
    elsewhere = [steps_elsewhere(energy, mu, at) for at in covered]
    if all(at is not None for at in elsewhere):
        cause = f"{where}, and mu rises at {elsewhere[0]:.0f} eV and not there"
        raise failure("contradiction", name, cause, hint)


def _roles(table: ColumnTable) -> Roles:
    """Go by the names of the columns."""
    if any(table.labels):
        return found_roles(table.labels)
    cause = f"its {len(table.labels)} columns have no names"
    raise failure("no_names", table.name, cause, f"name them, such as {EXAMPLE}")


def _near(stated: Stated, energy: np.ndarray) -> float | None:
    finite = energy[np.isfinite(energy)]
    if stated.absorber is None or not len(finite):
        return None
    low, high = float(finite.min()), float(finite.max())
    return next(iter(edges_within(stated.absorber, stated.edge, low, high)), None)
