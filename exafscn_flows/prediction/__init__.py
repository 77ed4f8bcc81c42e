"""Coordination numbers of measured spectra. Importing it imports neither scipy nor a model."""

from exafscn_flows.prediction.answer import Answer, Failed, ModelAnswer
from exafscn_flows.prediction.answering import check_settings
from exafscn_flows.prediction.arrays import predict
from exafscn_flows.prediction.campaign_model import CampaignModels
from exafscn_flows.prediction.files import answer_file
from exafscn_flows.prediction.predictor import Predictor, general

__all__ = [
    "Answer",
    "CampaignModels",
    "Failed",
    "ModelAnswer",
    "Predictor",
    "answer_file",
    "check_settings",
    "general",
    "predict",
]
