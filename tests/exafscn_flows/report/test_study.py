"""The numbers of a study: per element, beside the published ones, by feature set, by R."""

import json

import numpy as np
import pytest

from exafscn_flows.evaluation.label_study import Agreement, CertaintyBin
from exafscn_flows.report.study_data import LabelReport, StudyData
from exafscn_flows.report.summary import to_json as report_json

CN = "coordination_number"

NEW = {
    "elements",
    "published",
    "feature_sets",
    "interpretation",
    "curves",
    "claims",
    "label_study",
    "model_cards",
}


def to_json(data):
    """Numbers of the only target."""
    (numbers,) = report_json(data)["targets"].values()
    return numbers


def test_a_campaign_without_a_study_has_none_of_it(campaign):
    numbers = to_json(campaign())
    assert all(not numbers[name] for name in NEW)


def test_a_study_without_models_has_none_of_it(campaign):
    numbers = to_json(campaign(models=[], study=StudyData(CN, "r_space", [])))
    assert all(not numbers[name] for name in NEW)


def test_a_study_is_strict_json(study):
    numbers = to_json(study(["Ti", "V"]))
    assert all(numbers[name] for name in NEW)
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_elements_have_rare_classes_with_their_sites_and_a_best_model(study):
    table = to_json(study(["Ti", "Zn"]))["elements"]
    assert table["splits"] == ["grouped", "random", "chemical_system"]
    titanium = table["absorbers"]["Ti"]
    assert titanium["rare"] == {"3": 8}
    assert titanium["n_sites"] == 1240
    assert titanium["best"] == "extra_trees"
    assert titanium["is_ahead"] is True
    grouped = [
        table["absorbers"][el]["models"]["mlp"]["grouped"]["accuracy"] for el in table["absorbers"]
    ]
    assert table["mean"]["mlp"]["grouped"]["accuracy"] == pytest.approx(np.mean(grouped))


def test_means_say_how_many_elements_they_are_over(study):
    data = study(["Ti", "V"])
    left = [m for m in data.models if (m.absorber, m.model) != ("V", "mlp")]
    mean = to_json(study(["Ti", "V"], models=left))["elements"]["mean"]
    assert mean["mlp"]["n_absorbers"] == 1
    assert mean["bagging"]["n_absorbers"] == 2


def test_published_protocol_takes_the_best_of_three_kinds_per_element(study, model):
    counts = {4: 500, 6: 500}
    models = [
        model("V", "r_space", counts, 0.70, "a", "random_forest"),
        model("V", "r_space", counts, 0.80, "b", "bagging"),
        model("V", "r_space", counts, 0.75, "c", "mlp"),
        model("V", "r_space", counts, 0.99, "d", "extra_trees"),
        model("V", "k_space_chi", counts, 0.99, "a", "random_forest"),
        model("Zn", "r_space", counts, 0.90, "a", "random_forest"),
        model("Zn", "r_space", counts, 0.60, "c", "mlp"),
    ]
    own = to_json(study(models=models))["published"]
    assert own["grouped"] == pytest.approx({"V": 80.0, "Zn": 90.0})
    assert own["grouped_models"] == {"V": "b", "Zn": "a"}
    assert own["grouped_average"] == pytest.approx(85.0)
    assert own["random"] == pytest.approx({"V": 90.0, "Zn": 95.0})
    assert own["random_average"] == pytest.approx(92.5)
    assert own["reference"]["random"] == {"V": 81.74}
    assert own["reference"]["random_average"] == 70


def test_combinations_cover_every_element_and_are_sorted(study, model):
    data = study(["Ti", "V"])
    lucky = model("Ti", "k_space_chi", {4: 10, 6: 10}, 1.0, "lucky")
    sets = to_json(study(["Ti", "V"], models=[*data.models, lucky]))["feature_sets"]
    found = [one["grouped"] for one in sets["combinations"]]
    assert found == sorted(found, reverse=True)
    assert "lucky" not in {one["model"] for one in sets["combinations"]}
    assert sets["best"] == sets["combinations"][0]
    assert (sets["best"]["feature_set"], sets["best"]["model"]) == ("r_space", "extra_trees")


def test_routes_are_compared_with_one_model_and_everything_else_equal(study):
    data = study(["Ti", "V"])
    route = to_json(data)["feature_sets"]["route"]
    assert route["model"] == "extra_trees"
    assert (route["normalised"], route["as_published"]) == ("r_space", "r_space_as_published")
    assert route["difference"]["grouped"] == pytest.approx(0.12, abs=0.001)
    published = data.provenance.feature_sets["r_space_as_published"]
    transform = published.pop("xftf")  # some sets need none on this route
    assert to_json(data)["feature_sets"]["route"] == route
    published["xftf"] = transform | {"kmin": 2.0}
    assert to_json(data)["feature_sets"]["route"] is None


def test_shares_are_those_of_the_measures(study, model, experiment):
    bands, drop = np.arange(0, 10.5, 0.5), np.zeros(20)
    drop[[2, 4, 14]] = 0.3, -0.2, 0.1  # 1-1.5 Å, 2-2.5 Å, 7-7.5 Å: what is gained is not lost
    fitted = model("Zn", "r_space", {4: 50, 6: 50}, 0.9, "mlp", "mlp")
    gradients = np.zeros(326)
    gradients[:10], gradients[-30:] = 0.075, 0.25 / 30
    found = [
        experiment(
            "Zn", "mlp", "importance", None, 0.9, bands=bands, drop=drop, gradients=gradients
        )
    ]
    looks = to_json(study(models=[fitted], study=StudyData(CN, "r_space", found)))["interpretation"]
    entry = looks["absorbers"]["Zn"]
    assert entry["gini"] is None
    shares = [
        (one["mlp"]["below"], one["mlp"]["above"])
        for one in (entry["permutation"], entry["gradients"])
    ]
    assert shares[0] == pytest.approx((0.75, 0.25))
    assert shares[1] == pytest.approx((0.75, 0.25), abs=1e-5)
    assert looks["mean"]["permutation"]["mlp"]["below"] == pytest.approx(0.75)


def test_a_model_that_loses_nothing_has_no_shares(study, model, experiment):
    fitted = model("Zn", "r_space", {4: 50, 6: 50}, 0.9, "mlp", "mlp")
    found = [
        experiment(
            "Zn", "mlp", "importance", None, 0.9, bands=np.arange(0, 10.5, 0.5), drop=np.zeros(20)
        )
    ]
    looks = to_json(study(models=[fitted], study=StudyData(CN, "r_space", found)))["interpretation"]
    assert looks["absorbers"]["Zn"]["permutation"]["mlp"]["below"] is None
    assert looks["mean"]["permutation"]["mlp"]["above"] is None


def test_values_at_one_distance_are_added_up(study, model):
    # Real and imaginary part of chi(R) stand at the same R.
    fitted = model("Zn", "r_space")
    half = fitted.model_doc.axis[:163]
    fitted.model_doc.axis = np.concatenate([half, half])
    gini = to_json(study(models=[fitted], study=StudyData(CN, "r_space", [])))["interpretation"]
    shown = gini["absorbers"]["Zn"]["gini"]
    assert shown["axis"] == pytest.approx(half.tolist(), rel=1e-4)
    parts = fitted.model_doc.importances
    assert shown["values"] == pytest.approx((parts[:163] + parts[163:]).tolist(), rel=1e-4)


def test_curves_are_sorted_and_averaged_over_elements_that_are_complete(study, experiment):
    found = [
        experiment(el, "random_forest", "rmax", rmax, accuracy)
        for el, rmax, accuracy in (
            ("Ti", 6.0, 0.60),
            ("Ti", 3.0, 0.50),
            ("V", 3.0, 0.70),
            ("V", 6.0, 0.80),
            ("Zn", 3.0, 0.10),  # 6 Å is missing
        )
    ]
    data = study(["Ti", "V", "Zn"], study=StudyData(CN, "r_space", found))
    (curve,) = to_json(data)["curves"]
    assert [point["value"] for point in curve["absorbers"]["Ti"]["points"]] == [3.0, 6.0]
    assert curve["mean"]["absorbers"] == ["Ti", "V"]
    assert [p["accuracy"] for p in curve["mean"]["points"]] == pytest.approx([0.6, 0.7])
    whole = {m.absorber: m for m in data.models if m.model == "random_forest"}
    expected = [whole[el].metrics.splits["grouped"]["accuracy"] for el in ("Ti", "V")]
    assert curve["mean"]["all"] == pytest.approx(np.mean(expected))


def test_labels_of_all_elements_count_by_their_sites(study):
    def labels(absorber, n_sites, agree, accuracy):
        return LabelReport(
            CN,
            absorber,
            "r_space",
            "mlp",
            [Agreement("voronoi_nn", n_sites, agree, 2 * agree)],
            [CertaintyBin(0, 0.5, 0, None), CertaintyBin(0.5, 1, n_sites, accuracy)],
        )

    pair = [labels("Ti", 300, 0.5, 0.9), labels("V", 100, 0.9, 0.5)]
    total = to_json(study(["Ti", "V"], labels=pair))["label_study"]["all"]
    assert total["agreements"]["voronoi_nn"] == {
        "method": "voronoi_nn",
        "n_sites": 400,
        "agree": pytest.approx(0.6),
        "mean_difference": pytest.approx(1.2),
    }
    assert [one["n_sites"] for one in total["certainty"]] == [0, 400]
    assert [one["accuracy"] for one in total["certainty"]] == [None, pytest.approx(0.8)]


def test_model_cards_are_of_the_best_model_and_say_where_it_ends(study):
    cards = {card["absorber"]: card for card in to_json(study(["Ti", "V"]))["model_cards"]}
    assert set(cards) == {"Ti", "V"}
    card = cards["Ti"]
    assert (card["feature_set"], card["model"]) == ("r_space", "extra_trees")
    assert card["training"]["classes"] == {
        "3": 8,
        "4": 400,
        "5": 90,
        "6": 600,
        "7": 20,
        "8": 82,
        "12": 40,
    }
    assert card["recall"]["6"] == pytest.approx(0.66)
    assert card["features"]["xftf"]["kmax"] == 12.0
    assert len(card["sha256"]) == 64
    limits = " ".join(card["not_for"])
    assert "χ(k) from 3 to 12 Å⁻¹" in limits
    assert "3, 4, 5, 6, 7, 8, 12" in limits
    assert "3 (8 sites)" in limits
    assert "55.9 %" in limits  # chemical systems that it never saw


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"kind": "k_space", "kmin": 4.0, "kmax": None}, "χ(k) from 4 to 12 Å⁻¹"),
        ({"kind": "k_space", "kmin": 4.0, "kmax": 9.0, "xftf": None}, "χ(k) from 4 to 9 Å⁻¹"),
        (
            {"kind": "xanes", "emin": -5.0, "emax": 40.0, "reference": "e0"},
            "μ(E) from -5 to 40 eV above E0",
        ),
        (
            {"kind": "xanes_derivative", "emin": -9.0, "emax": 20.0, "reference": "half_step"},
            "μ(E) from -9 to 20 eV above the half step",
        ),
    ],
)
def test_model_cards_name_the_range_that_a_spectrum_must_cover(study, settings, expected):
    data = study(["Ti"])
    of_set = data.provenance.feature_sets["r_space"] | settings
    # A set that needs no transform has none.
    data.provenance.feature_sets["r_space"] = {
        name: value for name, value in of_set.items() if name != "xftf" or value
    }
    (card,) = to_json(data)["model_cards"]
    assert any(expected in limit for limit in card["not_for"])


def test_a_concatenation_must_cover_what_its_parts_do(study):
    data = study(["Ti"])
    parts = [data.provenance.feature_sets["r_space"], data.provenance.feature_sets["k_space_chi"]]
    data.provenance.feature_sets["r_space"] = {"kind": "concatenation", "parts": parts}
    (card,) = to_json(data)["model_cards"]
    assert sum("χ(k) from 3 to 12" in limit for limit in card["not_for"]) == 1


def test_a_study_that_names_no_claims_shows_none(study):
    data = study(["Ti"])
    plain = StudyData(CN, "r_space", data.study.experiments)
    numbers = to_json(study(["Ti"], study=plain))
    assert numbers["elements"]
    assert not numbers["claims"]
    assert numbers["published"] is None


def test_curves_and_importance_of_numbers_are_errors(numbers_study):
    numbers = to_json(numbers_study())
    rmax = next(curve for curve in numbers["curves"] if curve["experiment"] == "rmax")
    point = rmax["absorbers"]["Zn"]["points"][0]
    assert set(point) == {"value", "n_train", "rmse", "rmse_std", "mae", "r2"}
    assert rmax["mean"]["points"][0]["rmse"] == pytest.approx(point["rmse"])
    (model,) = numbers["models"]
    assert rmax["absorbers"]["Zn"]["all"] == model["grouped"]["rmse"]
    assert numbers["elements"]["absorbers"]["Zn"]["baseline"] == model["grouped"]["mean_rmse"]
    (card,) = numbers["model_cards"]
    assert (card["task"], card["unit"], card["recall"]) == ("numbers", "Å", {})
    assert card["predicts"] == "Mean bond length of Zn in a crystal, in Å, from its K edge."
    assert any(limit.startswith("Values beyond those of training, 1.") for limit in card["not_for"])


def test_cards_of_joint_models_name_all_their_absorbers(three, study):
    provenance = study(["Ti"]).provenance
    provenance.targets[:] = [{"name": name} for name in (CN, "environment", "bond_length")]
    provenance.feature_sets["r_mu"] = provenance.feature_sets["r_chi"] = {
        "kind": "r_space",
        "xftf": {"kmin": 3.0, "kmax": 12.0},
    }
    cards = report_json(three(provenance=provenance))["targets"]["bond_length"]["model_cards"]
    assert [(card["absorber"], card["fitted_on"]) for card in cards] == [
        ("Cu", ["Cu", "Fe"]),
        ("Fe", ["Cu", "Fe"]),
    ]
    assert cards[0]["not_for"][0].startswith("Absorbers other than Cu, Fe,")


def test_a_joint_model_names_the_same_classes_all_over_its_card(study, model):
    data = study(["Ti"], models=[model("Ti", "r_space", absorbers=["Ti", "V"])], labels=[])
    # What it knows from other absorbers, it may name here, too.
    data.models[0].model_doc.classes = [4, 5, 6]
    (card,) = to_json(data)["model_cards"]
    assert card["predicts"].endswith("one of 4, 5, 6.")
    assert any(limit.startswith("Classes other than 4, 5, 6: ") for limit in card["not_for"])


def test_a_study_is_about_its_target_alone(three, study):
    provenance = study(["Ti"]).provenance
    provenance.targets[:] = [{"name": name} for name in (CN, "environment", "bond_length")]
    provenance.feature_sets["r_mu"] = provenance.feature_sets["r_chi"] = {
        "kind": "r_space",
        "xftf": {"kmin": 3.0, "kmax": 12.0},
    }
    looked = StudyData("environment", "r_mu", [])
    numbers = report_json(three(provenance=provenance, study=looked))["targets"]
    assert {name: bool(one["elements"]) for name, one in numbers.items()} == {
        CN: False,
        "environment": True,
        "bond_length": False,
    }
