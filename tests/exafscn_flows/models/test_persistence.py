import copy
import functools
import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from exafscn_flows.errors import CampaignError
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Bagging, ExtraTrees, GradientBoosting, Mlp, RandomForest
from exafscn_flows.models.persistence import dump_model, load_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import TaskName

FIT = """
import numpy as np
from exafscn_flows.models import RandomForest
rng = np.random.default_rng(5)
y = rng.choice([0, 1, 2], 120)
X = (rng.normal(size=(120, 20)) + 0.3 * y[:, None]).astype(np.float32)
labels = {"classes": y, "numbers": X[:, 0] + rng.normal(size=120)}
"""
FOREST = RandomForest(n_estimators=12)


def fitted(**settings: object) -> tuple[RandomForestClassifier, np.ndarray]:
    space: dict = {}
    exec(FIT, space)
    forest = RandomForest(**settings).build(7, "classes").fit(space["X"], space["y"])
    return forest, space["X"]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def forest() -> RandomForestClassifier:
    return fitted(n_estimators=12)[0]


@pytest.fixture(scope="module")
def data(forest: RandomForestClassifier) -> bytes:
    return dump_model(FOREST, forest)


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
    data = dump_model(FOREST, forest)
    loaded: Any = load_model("random_forest", data, sha(data))
    assert (loaded.predict_proba(X) == forest.predict_proba(X)).all()
    assert (loaded.feature_importances_ == forest.feature_importances_).all()
    assert loaded.get_params() == forest.get_params()
    assert dump_model(FOREST, loaded) == data


def test_a_forest_that_came_from_another_process_writes_the_same_bytes(
    forest: RandomForestClassifier, data: bytes
) -> None:
    assert dump_model(FOREST, pickle.loads(pickle.dumps(forest))) == data


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
            load_model("random_forest", bad, sha(data))
    with pytest.raises(CampaignError, match="checksum"):
        load_model("random_forest", data, "0" * 64)


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
            loaded: Any = load_model("random_forest", bytes(bad), sha(bad))
        except CampaignError:
            refused += 1
        else:
            assert (loaded.predict_proba(X) == forest.predict_proba(X)).all()
    assert refused > 80


@pytest.mark.parametrize("size", [0, 100, -100, -1])
def test_a_broken_file_with_a_checksum_to_match_is_refused(data: bytes, size: int) -> None:
    bad = data[:size]
    with pytest.raises(CampaignError, match="cannot be read"):
        load_model("random_forest", bad, sha(bad))


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        (LogisticRegression(), "sklearn.linear_model._logistic.LogisticRegression"),
        (make_pipeline(FunctionTransformer(np.exp)), "sklearn.pipeline.Pipeline"),
    ],
)
def test_other_models_are_refused_by_name(estimator: object, named: str) -> None:
    with pytest.raises(TypeError, match=named):
        dump_model(FOREST, estimator)  # type: ignore[arg-type]
    data = skops.io.dumps(estimator)
    with pytest.raises(CampaignError, match=named):
        load_model("random_forest", data, sha(data))


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
        load_model("random_forest", bad, sha(bad))


def test_a_known_type_under_another_loader_is_refused(data: bytes) -> None:
    bad = with_schema(data, lambda schema: schema.update(__loader__="MethodNode"))
    with pytest.raises(CampaignError, match="RandomForestClassifier"):
        load_model("random_forest", bad, sha(bad))


def test_a_file_of_allowed_types_that_is_no_forest_is_refused(data: bytes) -> None:
    number = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}

    def replace(schema: dict) -> None:
        schema.update(number, content="1", is_json=True, __id__=1)

    bad = with_schema(data, replace)
    with pytest.raises(CampaignError, match="sound"):
        load_model("random_forest", bad, sha(bad))


def damaged(data: bytes, field: str, value: float) -> bytes:
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


MODELS: dict[str, Any] = {
    "random_forest": RandomForest(n_estimators=3),
    "extra_trees": ExtraTrees(n_estimators=3),
    "bagging": Bagging(n_estimators=3),
    "gradient_boosting": GradientBoosting(max_iter=2),
    "mlp": Mlp(max_epochs=1),
}
TREES = ["random_forest", "extra_trees", "bagging"]
TASKS: list[TaskName] = ["classes", "numbers"]
both_tasks = pytest.mark.parametrize("task", TASKS)


@functools.cache
def fitted_model(kind: str, task: TaskName) -> Any:
    space: dict = {}
    exec(FIT, space)
    return MODELS[kind].fit(
        TrainingSet(
            space["X"], space["labels"][task], np.arange(120), Columns(np.arange(20)), task
        ),
        7,
    )


@functools.cache
def file(kind: str, task: TaskName) -> bytes:
    return dump_model(MODELS[kind], fitted_model(kind, task))


def changed(kind: str, task: TaskName, change: Callable[[Any], object]) -> bytes:
    """Return the file of a model that was tampered with."""
    model = copy.deepcopy(fitted_model(kind, task))
    change(model)
    return dump_model(MODELS[kind], model)


@both_tasks
@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize(
    ("field", "value"),
    [("left_child", 10**6), ("right_child", -7), ("left_child", 0), ("feature", 999)],
)
def test_trees_that_would_lead_sklearn_astray_are_refused(
    kind: str, task: TaskName, field: str, value: int
) -> None:
    bad = damaged(file(kind, task), field, value)
    with pytest.raises(CampaignError, match="sound"):
        load_model(kind, bad, sha(bad))


@both_tasks
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left", 10**6),
        ("right", 10**6),
        ("left", 0),
        ("feature_idx", 20),
        ("feature_idx", -1),
        ("is_categorical", 1),
        ("value", np.nan),
    ],
)
def test_boosted_trees_that_would_lead_sklearn_astray_are_refused(
    task: TaskName, field: str, value: float
) -> None:
    bad = damaged(file("gradient_boosting", task), field, value)
    with pytest.raises(CampaignError, match="sound"):
        load_model("gradient_boosting", bad, sha(bad))


@both_tasks
@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("change", [np.full_like, lambda value, nan: np.repeat(value, 2, axis=2)])
def test_leaves_that_hold_no_number_or_several_are_refused(
    kind: str, task: TaskName, change: Callable[..., np.ndarray]
) -> None:
    def rewrite(name: str, content: bytes) -> bytes:
        if not name.endswith(".npy"):
            return content
        value = np.load(io.BytesIO(content), allow_pickle=False)
        if value.ndim != 3:
            return content
        buffer = io.BytesIO()
        np.save(buffer, change(value, np.nan), allow_pickle=False)
        return buffer.getvalue()

    bad = rewritten(file(kind, task), rewrite)
    with pytest.raises(CampaignError, match=r"sound|cannot be read"):
        load_model(kind, bad, sha(bad))


@pytest.mark.parametrize("kind", TREES)
def test_trees_of_classes_in_a_mean_over_numbers_are_refused(kind: str) -> None:
    for task, other in (TASKS, TASKS[::-1]):
        trees = fitted_model(kind, other).estimators_
        bad = changed(kind, task, lambda model, trees=trees: setattr(model, "estimators_", trees))
        with pytest.raises(CampaignError, match="sound"):
            load_model(kind, bad, sha(bad))


@both_tasks
@pytest.mark.parametrize("kind", TREES)
def test_trees_of_several_outputs_are_refused(kind: str, task: TaskName) -> None:
    for change in (
        lambda model: setattr(model, "n_outputs_", 2),
        lambda model: setattr(model.estimators_[0], "n_outputs_", 2),
    ):
        bad = changed(kind, task, change)
        with pytest.raises(CampaignError, match="sound"):
            load_model(kind, bad, sha(bad))


@pytest.mark.parametrize("kind", TREES)
def test_trees_with_other_classes_than_their_leaves_are_refused(kind: str) -> None:
    def change(model: Any) -> None:
        model.estimators_[-1].classes_ = np.arange(2)

    bad = changed(kind, "classes", change)
    with pytest.raises(CampaignError, match="sound"):
        load_model(kind, bad, sha(bad))


@both_tasks
@pytest.mark.parametrize("kind", TREES)
def test_a_tree_that_claims_fewer_features_than_it_has_is_refused(
    kind: str, task: TaskName
) -> None:
    """scikit-learn writes importances to as much memory as a tree says that it has features."""

    def claim(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("__loader__") == "TreeNode":
                arguments = value["__reduce__"]["args"]["content"]
                assert arguments[0]["content"] == "20"
                arguments[0] = {**arguments[0], "content": "1", "__id__": 99999}
            value = list(value.values())
        for child in value if isinstance(value, list) else []:
            claim(child)

    bad = with_schema(file(kind, task), claim)
    with pytest.raises(CampaignError, match="sound"):
        load_model(kind, bad, sha(bad))


@pytest.mark.parametrize("kind", TREES)
def test_a_mean_over_no_trees_is_refused(kind: str) -> None:
    def empty(model: Any) -> None:
        model.estimators_ = model.estimators_features_ = []

    bad = changed(kind, "numbers", empty)
    with pytest.raises(CampaignError, match="sound"):
        load_model(kind, bad, sha(bad))


@both_tasks
@pytest.mark.parametrize("kind", MODELS)
def test_a_file_written_again_without_change_is_loaded(kind: str, task: TaskName) -> None:
    same = rewritten(file(kind, task), lambda name, content: content)
    assert load_model(kind, same, sha(same)).n_features_in_ == 20


@both_tasks
@pytest.mark.parametrize("kind", MODELS)
def test_a_file_of_another_kind_is_refused_in_one_line(kind: str, task: TaskName) -> None:
    for other in MODELS:
        if other == kind:
            continue
        with pytest.raises(CampaignError, match=r"of its kind|as one of kind") as error:
            load_model(other, file(kind, task), sha(file(kind, task)))
        assert len(str(error.value).splitlines()) == 1


def test_a_kind_that_is_not_there_is_named(data: bytes) -> None:
    with pytest.raises(CampaignError, match="of kind 'svm', which there is not"):
        load_model("svm", data, sha(data))


@both_tasks
@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "mlp"])
def test_a_function_hidden_in_any_model_is_refused_by_name(kind: str, task: TaskName) -> None:
    def hide(schema: dict) -> None:
        schema["content"]["content"]["random_state"] = {**SYSTEM, "__id__": 99999}

    bad = with_schema(file(kind, task), hide)
    with pytest.raises(CampaignError, match=r"os\.system"):
        load_model(kind, bad, sha(bad))


@both_tasks
def test_boosting_that_claims_to_be_in_a_fit_is_refused(task: TaskName) -> None:
    def claim(schema: dict) -> None:
        keys, content = schema["content"]["key_types"], schema["content"]["content"]
        content["_in_fit"] = {**content["verbose"], "content": "true", "__id__": 99999}
        keys["content"].append(keys["content"][0])

    bad = with_schema(file("gradient_boosting", task), claim)
    with pytest.raises(CampaignError, match="sound"):
        load_model("gradient_boosting", bad, sha(bad))


def one_tree_more(model: Any) -> None:
    model._predictors[0] = model._predictors[0] + model._predictors[1][:1]


def one_output_more(model: Any) -> None:
    model._baseline_prediction = np.hstack([model._baseline_prediction] * 2)


def a_category(model: Any) -> None:
    model._bin_mapper.is_categorical_[0] = True


@both_tasks
@pytest.mark.parametrize("change", [one_tree_more, one_output_more, a_category])
def test_boosting_that_is_not_as_it_was_fitted_is_refused(
    task: TaskName, change: Callable[[Any], None]
) -> None:
    bad = changed("gradient_boosting", task, change)
    with pytest.raises(CampaignError, match="sound"):
        load_model("gradient_boosting", bad, sha(bad))


@both_tasks
@pytest.mark.parametrize(
    "features",
    [
        [np.arange(20)[::-1].copy()] * 3,
        [np.arange(20) < 5] * 3,
        [np.arange(5)] * 3,
        [np.full(20, 99)] * 3,
        [np.arange(20.0)] * 3,
        [np.arange(20)] * 2,
    ],
)
def test_bagging_on_other_columns_than_all_is_refused(
    features: list[np.ndarray], task: TaskName
) -> None:
    bad = changed("bagging", task, lambda model: setattr(model, "estimators_features_", features))
    with pytest.raises(CampaignError, match="sound"):
        load_model("bagging", bad, sha(bad))


def test_a_single_tree_is_no_model_of_a_campaign(forest: RandomForestClassifier) -> None:
    bad = dump_model(FOREST, forest.estimators_[0])
    with pytest.raises(CampaignError, match="sound"):
        load_model("random_forest", bad, sha(bad))
