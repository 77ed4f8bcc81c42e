"""Predictions of three metals in oxides, sulfides and alloys, as a forest would make them."""

from collections.abc import Iterator

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.evaluation.metrics import expected_errors, predicted_classes
from exafscn_flows.store.results import PredictionDoc, PromotionDoc

ABSORBERS = ["Cu", "Fe", "Ni"]
CLASSES = np.array([2, 4, 5, 6, 8, 12])
TREES = 20  # so few that many predictions are equally probable


def config(campaign: str = "test") -> CampaignConfig:
    """Settings of the campaign that the predictions are of."""
    settings = {"campaign": campaign, "absorbers": ABSORBERS, "sources": [{"kind": "amcsd"}]}
    return CampaignConfig.model_validate(settings)


def version(absorber: str) -> str:
    """Version of the model that predicts an absorber."""
    return f"first-{absorber}"


def promotions() -> Iterator[PromotionDoc]:
    """Make queries mean the versions that the predictions are of."""
    for absorber in ABSORBERS:
        yield PromotionDoc(
            campaign="test",
            hash=version(absorber),
            absorber=absorber,
            feature_set="r_space",
            model="random_forest",
        )


def made_predictions(count: int, seed: int = 0) -> Iterator[PredictionDoc]:
    """Make predictions, the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASSES, count)
    weights = 0.05 + 3 * np.exp(-np.abs(CLASSES - labels[:, None]))
    votes = rng.gamma(weights)
    proba = rng.multinomial(TREES, votes / votes.sum(axis=1, keepdims=True)) / TREES
    predicted = predicted_classes(proba, CLASSES)
    errors = expected_errors(proba, CLASSES, predicted)
    for row in range(count):
        absorber = str(rng.choice(ABSORBERS))
        anion = str(rng.choice(["O", "S", ""], p=[0.6, 0.3, 0.1]))
        partner = str(rng.choice(["Li", "Zn", "Cu", ""], p=[0.3, 0.2, 0.1, 0.4]))
        if partner == absorber:
            partner = ""
        elements = sorted({absorber, anion, partner} - {""})
        amount = str(rng.choice(["", *"23456789"]))
        yield PredictionDoc(
            campaign="test",
            hash=version(absorber),
            site=f"m{rng.integers(10**6):06d}-{row}:{absorber}:0",
            absorber=absorber,
            material_id=f"m-{row}",
            formula=f"{partner}{absorber}{amount}{anion}",
            elements=elements,
            neighbours=sorted({anion or absorber, partner or absorber}),
            oxide=anion == "O",
            feature_set="r_space",
            model="random_forest",
            cn=int(predicted[row]),
            cn_label=int(labels[row]),
            probability=float(proba[row].max()),
            probabilities=dict(zip(map(str, CLASSES), proba[row].tolist(), strict=True)),
            expected_error=float(errors[row]),
            disagrees=bool(predicted[row] != labels[row]),
            fold=0,
        )
