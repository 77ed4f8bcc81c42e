"""Models of campaigns that answer for measured spectra."""

from dataclasses import replace

import numpy as np
import pytest
from measurements import absorption, energies, shell
from xas_files import COLUMNS, IRON, rows, xdi

from exafscn_flows.errors import UsageError
from exafscn_flows.features import (
    Composition,
    Concatenation,
    KSpace,
    LarchSettings,
    Pdf,
    RSpace,
    RunningCoordination,
    Xanes,
    XftfSettings,
)
from exafscn_flows.formulas import amounts
from exafscn_flows.prediction import CampaignModels, Failed, ModelAnswer, answer_file
from exafscn_flows.prediction.campaign_model import CampaignModel
from exafscn_flows.processing import ProcessingSettings

ENERGY = energies()
I0 = np.full(len(ENERGY), 1e5)
FOIL = xdi(rows(ENERGY, I0, I0 * np.exp(-absorption(ENERGY))), *COLUMNS, *IRON)
CHI = KSpace(input="chi", kmin=4, kmax=12, kweight=2, spectrum="exafs")


class Recorder:
    """A model that keeps what it is asked, and always answers the same."""

    classes_ = np.arange(2)

    def __init__(self) -> None:
        self.asked: list[np.ndarray] = []

    def predict_proba(self, X):
        self.asked.append(X)
        return np.array([[0.2, 0.8]])

    def predict(self, X):
        self.asked.append(X)
        return np.array([2.05])


def model(fset=CHI, **changes: object) -> CampaignModel:
    plain = CampaignModel(
        name="own/coordination_number/Fe/chi/forest",
        version="0123456789abcdef",
        target="coordination_number",
        title="coordination number",
        short="CN",
        unit="",
        task="classes",
        classes=(4, 6),
        fset=fset,
        settings=LarchSettings(),
        absorber="Fe",
        absorbers=(),
        fitted=Recorder(),
        doubt={"temperature": 1.0, "4": 0.3, "6": 0.3},
    )
    return replace(plain, **changes)


@pytest.fixture
def ask(tmp_path):
    """Ask a model about a foil; returns what it answers."""
    (tmp_path / "foil.xdi").write_bytes(FOIL)

    def answer(of: CampaignModel, formula: str | None = None, **settings: float):
        models = CampaignModels({"Fe": of}, None if formula is None else amounts(formula))
        given = ProcessingSettings(**settings)
        (found,) = answer_file(str(tmp_path / "foil.xdi"), models, given)
        return found

    return answer


def test_it_sees_the_features_of_the_measured_chi_as_those_of_a_site(ask):
    of = model()
    found = ask(of)
    assert isinstance(found, ModelAnswer)
    (vector,) = of.fitted.asked[0]
    k = CHI.k(LarchSettings())
    # The known chi(k), as far as a background leaves it.
    assert vector == pytest.approx(k**2 * shell(k), abs=0.4)
    assert np.corrcoef(vector, k**2 * shell(k))[0, 1] > 0.99
    assert (found.value, found.probability, found.set) == (6, 0.8, (6,))
    assert found.probabilities == {"4": pytest.approx(0.2), "6": pytest.approx(0.8)}
    assert found.expected_value == pytest.approx(0.2 * 4 + 0.8 * 6)
    assert (found.model, found.version) == (of.name, of.version)
    assert (found.kmin, found.kmax) == (4, 12)


def test_one_of_several_absorbers_is_told_which_it_is(ask):
    of = model(absorbers=("Co", "Fe", "Ni"))
    ask(of)
    assert of.fitted.asked[0][0, -3:].tolist() == [0, 1, 0]


def test_numbers_have_an_error_and_no_probability(ask):
    numbers = model(task="numbers", classes=(), unit="Å", doubt={"constant": 0.03, "slope": 0.0})
    found = ask(numbers)
    assert (found.value, found.unit, found.probability, found.set) == (2.05, "Å", None, None)
    assert found.expected_error == pytest.approx(0.03)
    assert found.to_dict()["probabilities"] is None


@pytest.mark.parametrize(
    ("fset", "why"),
    [
        (Pdf(spectrum="pdf"), "G\\(r\\)"),
        (RunningCoordination(), "the structure"),
        (Concatenation(parts=[CHI, RunningCoordination()]), "the structure"),
    ],
)
def test_what_no_measurement_shows_is_refused(fset, why):
    with pytest.raises(UsageError, match=f"is made from {why}") as error:
        model(fset)
    assert "\n" not in str(error.value)


def test_a_range_that_the_measurement_does_not_reach_is_refused(ask):
    found = ask(model(KSpace(input="chi", kmin=4, kmax=12, spectrum="exafs")), kmax=11.0)
    assert isinstance(found, Failed)
    assert "looks at k up to 12 1/Å, and chi(k) can be used up to 11 1/Å" in found.error
    transform = LarchSettings(xftf=XftfSettings(kmax=14))
    for fset in (RSpace(input="chi", spectrum="exafs"), RSpace(input="mu", spectrum="exafs")):
        far = ask(model(fset, settings=transform))
        assert isinstance(far, Failed)
        assert "up to 14 1/Å" in far.error
    low = ask(model(KSpace(input="chi", kmin=1, kmax=12, spectrum="exafs")))
    assert any("below 3 1/Å" in warning for warning in low.warnings)


def test_the_near_edge_is_that_of_normalised_mu(ask):
    of = model(Xanes(spectrum="xanes"))
    found = ask(of)
    vector = of.fitted.asked[0][0]
    assert vector[30:].mean() == pytest.approx(1, abs=0.05)  # from 15 to 40 eV after the edge
    assert vector[0] == pytest.approx(0.5, abs=0.15)  # at E0
    assert (found.kmin, found.kmax) == (None, None)
    assert any("relative to E0" in warning for warning in found.warnings)


def test_a_composition_is_given_to_those_that_take_it_alone(ask):
    both = model(Concatenation(parts=[CHI, Composition()]))
    ask(both, "Fe2O3")
    shares = both.fitted.asked[0][0, -99:]
    assert {n + 1: pytest.approx(shares[n]) for n in np.flatnonzero(shares)} == {8: 0.6, 26: 0.4}
    with pytest.raises(UsageError, match="takes the composition: give --formula"):
        ask(both)
    with pytest.raises(UsageError, match="takes no composition: leave it out"):
        ask(model(), "Fe2O3")
    wrong = ask(both, "NiO")
    assert isinstance(wrong, Failed)
    assert "Fe, is not in the formula" in wrong.error


def test_what_the_model_has_not_learned_is_said(ask):
    class Scoring(Recorder):
        def ood_score(self, X):
            return np.full(len(X), 0.9)

    doubt = {"temperature": 1.0, "4": 0.3, "6": 0.3, "ood_score": 0.5}
    found = ask(model(fitted=Scoring(), doubt=doubt))
    assert any("Out of distribution: the score is 0.90" in one for one in found.warnings)


def test_other_absorbers_are_refused(tmp_path):
    (tmp_path / "foil.xdi").write_bytes(FOIL)
    models = CampaignModels({"Ni": model(absorber="Ni")})
    (found,) = answer_file(str(tmp_path / "foil.xdi"), models, ProcessingSettings())
    assert isinstance(found, Failed)
    assert "does not know Fe" in found.error
