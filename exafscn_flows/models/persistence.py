"""Fitted models as bytes and back, without pickle: loading runs no code of the file.

The same model gives the same bytes in every process, so that two runs of a campaign end in the
same files. scikit-learn's models are skops files, a multilayer perceptron is a zip of arrays.
skops is imported where it is used only: it looks through all of scikit-learn, which takes seconds
and imports torch on the way.
"""

import hashlib
import io
import json
import zipfile

from exafscn_flows.errors import CampaignError
from exafscn_flows.models import mlp_file
from exafscn_flows.models.base import Classifier
from exafscn_flows.models.mlp_network import MlpClassifier


def dump_model(fitted: Classifier) -> bytes:
    """Return a fitted model as the bytes of a file.

    Raises
    ------
    TypeError
        If the model holds a type that ``load_model`` would refuse.
    """
    if isinstance(fitted, MlpClassifier):
        return mlp_file.dump_mlp(fitted)
    from exafscn_flows.models import skops_file

    return skops_file.dump_sklearn(fitted)


def load_model(data: bytes, sha256: str) -> Classifier:
    """Return the model that ``dump_model`` made ``data`` from.

    Parameters
    ----------
    data
        Bytes of the file.
    sha256
        Its checksum, as kept beside the model, in hexadecimal.

    Raises
    ------
    CampaignError
        If the bytes are not those of the checksum, hold a type that no model needs, or do not
        make up a model that can be used.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CampaignError(
            "a stored model does not have the checksum that was kept with it; fit it again"
        )
    try:
        return _load(data)
    except CampaignError:
        raise
    except Exception as error:
        # A file made by hand can break the libraries that read it in any way.
        line = " ".join(str(error).split())[:150]
        raise CampaignError(
            f"a stored model cannot be read ({type(error).__name__}: {line})"
        ) from error


def _load(data: bytes) -> Classifier:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        if mlp_file.HEADER in file.namelist():
            return mlp_file.load_mlp(file, json.loads(file.read(mlp_file.HEADER)))
        from exafscn_flows.models import skops_file

        schema = json.loads(file.read(skops_file.HEADER))
    model: Classifier = skops_file.load_sklearn(data, schema)
    return model
