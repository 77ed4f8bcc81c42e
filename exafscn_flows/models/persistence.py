"""Fitted models as bytes and back, without pickle: loading runs no code of the file.

The same model gives the same bytes in every process, so that two runs of a campaign end in the
same files. What the file of a model is like is the business of its kind.
"""

import hashlib

from exafscn_flows.errors import CampaignError
from exafscn_flows.models import MODELS
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.curves import FittedCurves
from exafscn_flows.models.curves_file import dump_curves, holds_curves, load_curves
from exafscn_flows.registry import kind_of
from exafscn_flows.tasks.fitted import Fitted


def dump_model(model: ModelBase, fitted: Fitted) -> bytes:
    """Return a fitted model as the bytes of a file.

    Parameters
    ----------
    model
        The model whose `fit` it comes from.
    fitted
        The fitted model.

    Raises
    ------
    TypeError
        If it holds a type that ``load_model`` would refuse.
    """
    if isinstance(fitted, FittedCurves):
        return dump_curves(fitted, model.dump(fitted.regressor))
    return model.dump(fitted)


def load_model(kind: str, data: bytes, sha256: str) -> Fitted:
    """Return the fitted model that ``dump_model`` made ``data`` from.

    Parameters
    ----------
    kind
        Kind of the model.
    data
        Bytes of the file.
    sha256
        Its checksum, as kept beside the model, in hexadecimal.

    Raises
    ------
    CampaignError
        If there is no such kind, if the bytes are not those of the checksum, hold a type that no
        model of this kind needs, or do not make up a model that can be used.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CampaignError(
            "a stored model does not have the checksum that was kept with it; fit it again"
        )
    classes = {kind_of(one): one for one in MODELS}
    if kind not in classes:
        raise CampaignError(
            f"a stored model is of kind {kind!r}, which there is not: install what adds it"
        )
    try:
        if holds_curves(data):
            return load_curves(data, classes[kind].load)
        return classes[kind].load(data)
    except CampaignError:
        raise
    except Exception as error:
        # A file made by hand can break the libraries that read it in any way.
        line = " ".join(str(error).split())[:150]
        raise CampaignError(
            f"a stored model cannot be read as one of kind {kind} ({type(error).__name__}: {line})"
        ) from error
