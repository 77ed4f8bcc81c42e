"""What every feature set offers, and what all sets made from a spectrum share."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, StringConstraints, model_validator

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.features.inputs import Inputs
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.hashing import content_hash
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.parts import Part
from exafscn_flows.strict import LocatedError, NamedModel

# Long enough for the names of several sets, joined by +.
FeatureName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_+]+$", max_length=100)]

Curve = Literal["chi", "normalised", "as_published"]
"""Which chi(k): the program's own, or the one that a route makes of mu(E)."""


class FeatureSetModel(NamedModel):
    """Base of feature sets: the fields are what can be written in a campaign file."""

    kind: str
    name: FeatureName

    takes_structure: ClassVar[bool] = False
    """Whether the features depend on the structure beside, or without, any spectrum."""
    has_edge: ClassVar[bool] = False
    """Whether it is a curve along energy that rises at an edge by a step of 1."""

    @property
    @abstractmethod
    def spectra(self) -> tuple[str | None, ...]:
        """Names of the spectra it is made from, in an order of its own; None: not yet resolved."""

    @abstractmethod
    def resolved(self, offers: Mapping[str, frozenset[Part]]) -> Self:
        """Return the set with the name of every spectrum it is made from.

        Parameters
        ----------
        offers
            What the spectra of a campaign hold, by name, in the order of its file.

        Raises
        ------
        LocatedError
            If there is no such spectrum, or none that holds what the set is made from.
        """

    @abstractmethod
    def check(self, settings: LarchSettings) -> None:
        """Refuse what does not go together with the larch settings.

        Raises
        ------
        ValueError
            One line, without the name of the set.
        """

    @abstractmethod
    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        """Return everything that determines the vector of a given spectrum, JSON-serialisable.

        This includes a number that grows whenever the code, also that which all sets share, or
        the version of larch gives other values than before.
        """

    @abstractmethod
    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return the coordinate of every feature, shape (n_features,), and its label with unit.

        Features without a common coordinate are numbered; the label says what the numbers are. One
        that begins with ``R (Å)``, or whose part before any comma ends with ``(eV)``, names a
        coordinate that a study can set limits to.
        """

    def columns(self, settings: LarchSettings) -> Columns:
        """Return what the features are a function of, for models."""
        return Columns(self.axis(settings)[0])

    @abstractmethod
    def value_label(self, settings: LarchSettings) -> str:
        """Return what a feature value is, with its unit, for plots."""

    @abstractmethod
    def vector(self, inputs: Inputs, settings: LarchSettings) -> np.ndarray:
        """Return the features of a site, float32, shape (n_features,).

        Raises
        ------
        ItemFailure
            ``bad_spectrum`` for arrays that cannot be used, ``background_failed`` for a
            background that is not physical.
        """


def vectors_hash(
    fset: FeatureSetModel, settings: LarchSettings, spectra: Sequence[Mapping[str, Any]]
) -> str:
    """Hash the settings that vectors of a feature set depend on, whatever the site.

    Parameters
    ----------
    spectra
        Parameters of the spectra that it is made from, in its own order.
    """
    return content_hash("vectors", list(spectra), fset.parameters(settings))


class FromStructure(FeatureSetModel):
    """A set made from the structure alone."""

    takes_structure = True

    @property
    def spectra(self) -> tuple[str | None, ...]:
        return ()

    def resolved(self, offers: Mapping[str, frozenset[Part]]) -> Self:
        return self

    def check(self, settings: LarchSettings) -> None:
        """Refuse nothing: larch has no part in this set."""


class OneSpectrum(FeatureSetModel):
    """A set made from one spectrum."""

    spectrum: str | None = Field(
        default=None,
        description="Name of the spectrum it is made from; None: the first that holds what it "
        "needs.",
    )

    @property
    @abstractmethod
    def needs(self) -> frozenset[Part]:
        """What the spectrum must hold."""

    @property
    def spectra(self) -> tuple[str | None, ...]:
        return (self.spectrum,)

    def resolved(self, offers: Mapping[str, frozenset[Part]]) -> Self:
        if self.spectrum is not None:
            if self.spectrum not in offers:
                message = f"spectrum {self.spectrum!r} is not computed: there are {_list(offers)}"
                raise LocatedError(("spectrum",), message)
            offers = {self.spectrum: offers[self.spectrum]}
        for name, brings in offers.items():
            if self.needs <= brings:
                return self.model_copy(update={"spectrum": name})
        held = "; ".join(f"{name} holds {_list(sorted(brings))}" for name, brings in offers.items())
        needed = _list(sorted(self.needs))
        raise LocatedError((), f"{self.name} is made from {needed}, but {held}: list other sets")

    def vector(self, inputs: Inputs, settings: LarchSettings) -> np.ndarray:
        return self.transform(inputs.spectrum(self.spectrum), settings)

    @abstractmethod
    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        """Return the features of a spectrum, as `vector` does."""


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


class SpectrumSet(OneSpectrum):
    """A set made from one chi(k): FEFF's own, or the one that autobk makes of mu(E)."""

    input: Literal["mu", "chi"] = Field(
        default="mu", description="mu(E), or the chi(k) that FEFF itself gives, if it is known."
    )
    route: Literal["normalised", "as_published"] = Field(
        default="normalised",
        description="From mu(E) to chi(k): with FEFF's E0 and edge step, or with those that "
        "larch's pre_edge finds.",
    )

    @model_validator(mode="after")
    def _route_has_mu(self) -> Self:
        if self.input == "chi" and self.route == "as_published":
            raise ValueError("route as_published begins at mu(E): take input mu")
        return self

    @classmethod
    def _default_name(cls, values: dict[str, Any]) -> str:
        name = super()._default_name(values)
        if values.get("input") == "chi":
            return f"{name}_chi"
        return f"{name}_as_published" if values.get("route") == "as_published" else name

    @property
    def needs(self) -> frozenset[Part]:
        return frozenset({"chi(k)" if self.input == "chi" else "EXAFS in mu(E)"})

    @property
    def curve(self) -> Curve:
        """Which chi(k) the set is made from."""
        return "chi" if self.input == "chi" else self.route

    def _curve_parameters(self, settings: LarchSettings) -> dict[str, Any]:
        parameters: dict[str, Any] = {"kind": self.kind, "input": self.input}
        if self.input == "mu":
            parameters |= {"route": self.route, "autobk": settings.autobk.model_dump()}
        return parameters


def transform_parameters(settings: LarchSettings) -> dict[str, Any]:
    """Return what determines chi(R), apart from where it ends."""
    return settings.xftf.model_dump(exclude={"rmax_out"})


def check_points(name: str, x: np.ndarray, y: np.ndarray) -> None:
    """Refuse a curve that cannot be used.

    Parameters
    ----------
    name
        What to call the curve.
    x, y
        Its points, shape (n,).

    Raises
    ------
    ItemFailure
        ``bad_spectrum``, unless there are finite numbers in ascending order of x.
    """
    problem = ""
    if x.shape != y.shape or x.ndim != 1 or len(x) < 2:
        problem = f"{name} has no points or unequal lengths"
    elif not (np.isfinite(x).all() and np.isfinite(y).all()):
        problem = f"{name} has values that are not numbers"
    elif (np.diff(x) < 0).any():
        problem = f"the points of {name} are not in order"
    if problem:
        raise ItemFailure("bad_spectrum", problem, "look at the stored spectrum of this site")


def per_angstrom(power: int) -> str:
    """Return the unit Å^-power as it is written in labels."""
    return "Å" + f"-{power}".translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
