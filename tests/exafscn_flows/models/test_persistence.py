import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from exafscn_flows.errors import CampaignError
from exafscn_flows.models import Bagging, ExtraTrees, GradientBoosting, RandomForest
from exafscn_flows.models.persistence import dump_model, load_model

FIT = """
import numpy as np
from exafscn_flows.models import RandomForest
rng = np.random.default_rng(5)
y = rng.choice([4, 5, 6], 120)
X = (rng.normal(size=(120, 20)) + 0.3 * y[:, None]).astype(np.float32)
forest = RandomForest(n_estimators=12).build(7).fit(X, y)
"""


def fitted(**settings: object) -> tuple[RandomForestClassifier, np.ndarray]:
    space: dict = {}
    exec(FIT, space)
    return RandomForest(**settings).build(7).fit(space["X"], space["y"]), space["X"]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def forest() -> RandomForestClassifier:
    return fitted(n_estimators=12)[0]


@pytest.fixture(scope="module")
def data(forest: RandomForestClassifier) -> bytes:
    return dump_model(forest)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"max_features": 0.3, "class_weight": "balanced"},
        {"max_features": 2, "min_samples_leaf": 5},
    ],
)
def test_a_loaded_forest_predicts_the_same_to_the_last_bit(settings: dict) -> None:
    forest, X = fitted(n_estimators=20, **settings)
    data = dump_model(forest)
    loaded = load_model(data, sha(data))
    assert (loaded.predict_proba(X) == forest.predict_proba(X)).all()
    assert (loaded.feature_importances_ == forest.feature_importances_).all()
    assert loaded.get_params() == forest.get_params()
    assert dump_model(loaded) == data


def test_a_forest_that_came_from_another_process_writes_the_same_bytes(
    forest: RandomForestClassifier, data: bytes
) -> None:
    assert dump_model(pickle.loads(pickle.dumps(forest))) == data


def test_the_file_is_compressed_and_holds_no_addresses_and_no_times(
    forest: RandomForestClassifier, data: bytes
) -> None:
    assert len(data) < 0.35 * len(skops.io.dumps(forest))
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert all(int(name[:-4]) < 1e5 for name in file.namelist() if name.endswith(".npy"))


def test_gaps_between_the_fields_of_a_node_hold_no_left_over_memory(data: bytes) -> None:
    gaps = 0
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        for name in file.namelist():
            if not name.endswith(".npy"):
                continue
            content = file.read(name)
            nodes = np.load(io.BytesIO(content), allow_pickle=False)
            if nodes.dtype.names is not None:
                raw = np.frombuffer(content[-nodes.nbytes :], np.uint8).reshape(len(nodes), -1)
                assert not raw[:, 57:].any()
                gaps += raw[:, 57:].size
    assert gaps > 0


def test_flipped_byte_and_truncation_are_seen_before_anything_is_read(data: bytes) -> None:
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    for bad in (bytes(flipped), data[:-100], b""):
        with pytest.raises(CampaignError, match="checksum"):
            load_model(bad, sha(data))
    with pytest.raises(CampaignError, match="checksum"):
        load_model(data, "0" * 64)


def test_no_single_byte_can_be_changed_into_another_prediction(
    forest: RandomForestClassifier, data: bytes
) -> None:
    """Whoever changes a byte, and the checksum with it, is refused, or has changed nothing."""
    X = fitted(n_estimators=1)[1]
    refused = 0
    for place in np.linspace(0, len(data) - 1, 100).astype(int):
        bad = bytearray(data)
        bad[place] ^= 1
        try:
            loaded = load_model(bytes(bad), sha(bad))
        except CampaignError:
            refused += 1
        else:
            assert (loaded.predict_proba(X) == forest.predict_proba(X)).all()
    assert refused > 80


@pytest.mark.parametrize("size", [0, 100, -100, -1])
def test_a_broken_file_with_a_checksum_to_match_is_refused(data: bytes, size: int) -> None:
    bad = data[:size]
    with pytest.raises(CampaignError, match="cannot be read"):
        load_model(bad, sha(bad))


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        (LogisticRegression(), "sklearn.linear_model._logistic.LogisticRegression"),
        (make_pipeline(FunctionTransformer(np.exp)), "sklearn.pipeline.Pipeline"),
    ],
)
def test_other_models_are_refused_by_name(estimator: object, named: str) -> None:
    with pytest.raises(TypeError, match=named):
        dump_model(estimator)  # type: ignore[arg-type]
    data = skops.io.dumps(estimator)
    with pytest.raises(CampaignError, match=named):
        load_model(data, sha(data))


def rewritten(data: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return buffer.getvalue()


def with_schema(data: bytes, change: Callable[[dict], object]) -> bytes:
    def rewrite(name: str, content: bytes) -> bytes:
        if name != "schema.json":
            return content
        schema = json.loads(content)
        change(schema)
        return json.dumps(schema).encode()

    return rewritten(data, rewrite)


SYSTEM = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "content": {}}
OPERATOR = {
    "__class__": "attrgetter",
    "__module__": "operator",
    "__loader__": "OperatorFuncNode",
    "attrs": {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode"},
}


@pytest.mark.parametrize(
    ("node", "named"), [(SYSTEM, "os.system"), (OPERATOR, "operator.attrgetter")]
)
def test_a_function_hidden_in_a_forest_is_refused_by_name(
    data: bytes, node: dict, named: str
) -> None:
    def hide(schema: dict) -> None:
        schema["content"]["content"]["criterion"] = {**node, "__id__": 99999}

    bad = with_schema(data, hide)
    with pytest.raises(CampaignError, match=named):
        load_model(bad, sha(bad))


def test_a_known_type_under_another_loader_is_refused(data: bytes) -> None:
    bad = with_schema(data, lambda schema: schema.update(__loader__="MethodNode"))
    with pytest.raises(CampaignError, match="RandomForestClassifier"):
        load_model(bad, sha(bad))


def test_a_file_of_allowed_types_that_is_no_forest_is_refused(data: bytes) -> None:
    number = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}

    def replace(schema: dict) -> None:
        schema.update(number, content="1", is_json=True, __id__=1)

    bad = with_schema(data, replace)
    with pytest.raises(CampaignError, match="sound"):
        load_model(bad, sha(bad))


def damaged(data: bytes, field: str, value: int) -> bytes:
    """Change one field of the root of every tree."""

    def damage(name: str, content: bytes) -> bytes:
        if not name.endswith(".npy"):
            return content
        array = np.load(io.BytesIO(content), allow_pickle=False)
        if array.dtype.names is None:
            return content
        array[field][0] = value
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        return buffer.getvalue()

    return rewritten(data, damage)


OTHERS = {
    "extra_trees": ExtraTrees(n_estimators=3),
    "bagging": Bagging(n_estimators=3),
    "gradient_boosting": GradientBoosting(max_iter=2),
}


@pytest.fixture(scope="module")
def files(data: bytes) -> dict[str, bytes]:
    space: dict = {}
    exec(FIT, space)
    rows = (space["X"], space["y"], np.arange(120), 7)
    others = {kind: dump_model(model.fit(*rows)) for kind, model in OTHERS.items()}
    return {"random_forest": data, **others}


@pytest.mark.parametrize("kind", ["random_forest", "extra_trees", "bagging"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("left_child", 10**6), ("right_child", -7), ("left_child", 0), ("feature", 999)],
)
def test_trees_that_would_lead_sklearn_astray_are_refused(
    files: dict[str, bytes], kind: str, field: str, value: int
) -> None:
    bad = damaged(files[kind], field, value)
    with pytest.raises(CampaignError, match="sound"):
        load_model(bad, sha(bad))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left", 10**6),
        ("right", 10**6),
        ("left", 0),
        ("feature_idx", 20),
        ("feature_idx", -1),
        ("is_categorical", 1),
    ],
)
def test_boosted_trees_that_would_lead_sklearn_astray_are_refused(
    files: dict[str, bytes], field: str, value: int
) -> None:
    bad = damaged(files["gradient_boosting"], field, value)
    with pytest.raises(CampaignError, match="sound"):
        load_model(bad, sha(bad))


@pytest.mark.parametrize("kind", ["random_forest", *OTHERS])
def test_a_file_written_again_without_change_is_loaded(files: dict[str, bytes], kind: str) -> None:
    same = rewritten(files[kind], lambda name, content: content)
    assert load_model(same, sha(same)).n_features_in_ == 20


def test_boosting_that_claims_to_be_in_a_fit_is_refused(files: dict[str, bytes]) -> None:
    def claim(schema: dict) -> None:
        keys, content = schema["content"]["key_types"], schema["content"]["content"]
        content["_in_fit"] = {**content["verbose"], "content": "true", "__id__": 99999}
        keys["content"].append(keys["content"][0])

    bad = with_schema(files["gradient_boosting"], claim)
    with pytest.raises(CampaignError, match="sound"):
        load_model(bad, sha(bad))


@pytest.mark.parametrize(
    "features", [np.arange(20)[::-1].copy(), np.arange(20) < 5, np.arange(5), np.full(20, 99)]
)
def test_bagging_on_other_columns_than_all_is_refused(features: np.ndarray) -> None:
    space: dict = {}
    exec(FIT, space)
    model = OTHERS["bagging"].fit(space["X"], space["y"], np.arange(120), 7)
    model.estimators_features_ = [features] * 3  # type: ignore[attr-defined]
    bad = dump_model(model)
    with pytest.raises(CampaignError, match="sound"):
        load_model(bad, sha(bad))


def test_a_single_tree_is_no_model_of_a_campaign(forest: RandomForestClassifier) -> None:
    bad = dump_model(forest.estimators_[0])
    with pytest.raises(CampaignError, match="sound"):
        load_model(bad, sha(bad))
