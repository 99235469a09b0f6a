"""One run on any mesh: the losses of a single device, whatever the mesh."""

import dataclasses

import jax
import keras
import keras_hub
import numpy as np
import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.data.rows import PlannedRows, RowPlan, TokenRows
from gemma_keras_ft.inference.scoring import score_rows
from gemma_keras_ft.model.lora import Adapter, adapter_variables, enable_adapter
from gemma_keras_ft.model.mesh import mesh_scope, parse_mesh
from gemma_keras_ft.model.preset import load_preset, load_tokenizer
from gemma_keras_ft.model.quantization import quantize_base
from gemma_keras_ft.model.shapes import SHAPES
from gemma_keras_ft.training.trainer import Trainer

TRAINER = Trainer(
    max_steps=20,
    epochs=20,
    evaluations=20,
    learning_rate=1e-2,
    global_batch_size=8,
)
SMALL = {
    "vocabulary_size": 1024,
    "num_layers": 2,
    "hidden_dim": 64,
    "intermediate_dim": 256,
    "head_dim": 16,
}
WINDOW = {"sliding_window_size": 32}
# Heads of queries, and of keys and values, are those of Gemma 2 2B, 8 and 4, and of
# Gemma 1 2B, 8 and 1; the embedded model has 4 and 2.
MINIATURES = {
    "gemma2_2b": {**SHAPES["gemma2_2b_en"], **SMALL, **WINDOW},
    "gemma_2b": {**SHAPES["gemma_2b_en"], **SMALL},
}
TINY = "tiny"
MESHES = (
    *("batch=2", "fsdp=2", "model=2"),
    *("batch=4", "fsdp=4", "model=4", "batch=2,model=2", "fsdp=2,model=2"),
    *("batch=8", "fsdp=8", "batch=2,model=4", "batch=4,model=2", "batch=2,fsdp=4"),
    *("fsdp=2,model=4", "fsdp=4,model=2", "batch=2,fsdp=2,model=2"),
)
# Each axis alone on as many devices as there are, or in a product with another.
BY_DEFAULT = {
    *(("gemma2_2b", mesh) for mesh in ("fsdp=8", "model=8", "batch=2,model=4")),
    (TINY, "batch=2,fsdp=4"),
}


def scope(mesh):
    """The scope of a mesh on the first devices; of a single device for None."""
    if mesh is None:
        return mesh_scope(None)
    mesh = parse_mesh(mesh)
    return mesh.distribution(jax.devices()[: mesh.size]).scope()


def load(base, quantize=None):
    if base == TINY:
        return load_preset(quantize=quantize)
    keras.utils.set_random_seed(0)
    backbone = keras_hub.models.GemmaBackbone(**MINIATURES[base], dtype="float32")
    # Its tokenizer is only looked at.
    preprocessor = keras_hub.models.GemmaCausalLMPreprocessor(load_tokenizer())
    model = keras_hub.models.GemmaCausalLM(backbone, preprocessor)
    if quantize:
        quantize_base(model, quantize)
    return model


def uneven_rows(count=30, length=96, seed=0, buckets=1):
    """Rows of two songs each, of other lengths and weights in each row."""
    draw = np.random.default_rng(seed)
    found = tuple(bucket(draw, count, length - 16 * n) for n in range(buckets))
    return PlannedRows(plan=RowPlan(sequence_length=length), buckets=found)


def bucket(draw, count, length):
    ids = draw.integers(8, 200, (count, length + 1)).astype("int32")
    places = np.arange(length)
    first, both = np.sort(draw.integers(6, length + 1, (2, count, 1)), axis=0)
    segments = (places < first).astype("int32") + 2 * (
        (places >= first) & (places < both)
    )
    weight = draw.choice([0.0, 0.5, 1.0], (count, length)) * (segments > 0)
    arrays = {
        "token_ids": ids[:, :-1] * (segments > 0),
        "segment_ids": segments.astype("int32"),
        "labels": ids[:, 1:],
        "sample_weight": weight.astype("float32"),
    }
    numbers = np.arange(count)
    return TokenRows(
        arrays=arrays,
        segments=np.stack([numbers, np.ones(count, int), numbers], axis=1),
        record_ids=tuple(f"r{number}" for number in numbers),
    )


@dataclasses.dataclass(frozen=True)
class Case:
    """A run, but for the mesh that it is on."""

    base: str = "gemma2_2b"
    quantize: str | None = None
    adapter: Adapter = dataclasses.field(default_factory=lambda: Adapter(rank=4))
    trainer: Trainer = TRAINER
    rows: dict = dataclasses.field(default_factory=dict)

    def run(self, mesh, **options):
        """Returns the run's result and its adapter."""
        with scope(mesh):
            model = load(self.base, self.quantize)
            enable_adapter(model, self.adapter, seed=0)
            result = self.trainer.fit(model, uneven_rows(**self.rows), **options)
            adapter = {
                path: np.asarray(variable.value)
                for path, variable in adapter_variables(model).items()
            }
        assert result["compilations"]["train_step"] == self.rows.get("buckets", 1)
        return result, adapter


@pytest.fixture(scope="module")
def alone():
    """A function: the losses of a run on a single device, computed once."""
    known = {}

    def losses(case):
        if repr(case) not in known:
            found = case.run(None)[0]["history"]["loss"]
            assert len(found) == 20 and found[-1] < found[0] - 0.05
            known[repr(case)] = found
        return known[repr(case)]

    return losses


def check(alone, case, mesh):
    found, _ = case.run(mesh)
    np.testing.assert_allclose(found["history"]["loss"], alone(case), rtol=1e-5)
    return found


def cases(base, meshes):
    for mesh in meshes:
        marks = () if (base, mesh) in BY_DEFAULT else pytest.mark.long
        yield pytest.param(base, mesh, id=f"{base}-{mesh}", marks=marks)


@pytest.mark.parametrize(
    ("base", "mesh"),
    [
        # Three divide neither rows nor widths.
        *cases("gemma2_2b", (*MESHES, "model=8", "fsdp=3,model=2")),
        *cases(TINY, MESHES),
        *cases("gemma_2b", ("fsdp=8", "model=8", "batch=2,model=4", "fsdp=2,model=2")),
    ],
)
def test_losses_are_those_of_one_device(alone, base, mesh):
    rows = {"length": 48} if base == TINY else {}
    check(alone, Case(base=base, rows=rows), mesh)


OBJECTIVE = {"label_smoothing": 0.1, "z_loss": 1e-3, "neftune_alpha": 10.0}


@pytest.mark.long
@pytest.mark.parametrize("mesh", ["batch=4", "fsdp=4", "batch=2,model=2", "model=8"])
@pytest.mark.parametrize(
    "settings",
    [{"remat": "block"}, {"micro_batches": 2}, OBJECTIVE],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_change_a_mesh_as_they_change_one_device(alone, settings, mesh):
    case = Case(trainer=dataclasses.replace(TRAINER, **settings))
    check(alone, case, mesh)
    if settings is OBJECTIVE:
        assert alone(case) != alone(Case())


@pytest.mark.long
@pytest.mark.parametrize("mesh", ["batch=4", "fsdp=8", "model=4", "fsdp=2,model=2"])
def test_dropout_draws_the_same_on_every_mesh(alone, mesh):
    case = Case(adapter=Adapter(rank=4, dropout=0.3))
    check(alone, case, mesh)
    assert np.abs(np.array(alone(case)) - alone(Case())).max() > 1e-3


@pytest.mark.long
@pytest.mark.parametrize("mesh", ["batch=2", "fsdp=4", "model=2", "fsdp=2,model=4"])
def test_a_base_in_8_bits_is_the_same_on_every_mesh(alone, mesh):
    case = Case(quantize="int8")
    check(alone, case, mesh)
    assert alone(case) != alone(Case())


@pytest.mark.long
@pytest.mark.parametrize("mesh", ["fsdp=4", "model=2", "batch=2,model=4", "model=8"])
def test_a_base_in_4_bits_is_the_same_on_every_mesh(alone, mesh):
    case = Case(quantize="int4")
    check(alone, case, mesh)
    assert alone(case) != alone(Case())


@pytest.mark.long
@pytest.mark.parametrize("mesh", ["batch=4", "fsdp=8", "batch=2,model=4"])
@pytest.mark.parametrize("size", [1, 6])
def test_a_batch_that_the_mesh_does_not_divide_is_filled_up(alone, size, mesh):
    case = Case(trainer=dataclasses.replace(TRAINER, global_batch_size=size))
    check(alone, case, mesh)


@pytest.mark.long
def test_rows_of_several_lengths_are_served_to_a_mesh(alone):
    case = Case(rows={"buckets": 2, "count": 15})
    check(alone, case, "fsdp=4,model=2")


@pytest.mark.long
@pytest.mark.parametrize("mesh", ["fsdp=4", "batch=2,model=2"])
def test_the_best_adapter_of_a_run_is_that_of_one_device(mesh):
    case = Case(trainer=dataclasses.replace(TRAINER, evaluations=4))
    results = []
    for where in (None, mesh):
        watched = uneven_rows(count=5, seed=1)
        result, adapter = case.run(where, validation_rows=watched)
        results.append((result, adapter))
    (expected, values), (found, others) = results
    assert found["best_step"] == expected["best_step"]
    for name in ("loss", "validation_loss"):
        np.testing.assert_allclose(
            found["history"][name], expected["history"][name], rtol=1e-5
        )
    for path, value in values.items():
        np.testing.assert_allclose(others[path], value, rtol=0, atol=1e-5)


@pytest.mark.long
def test_a_run_goes_on_from_mesh_to_mesh(alone, stop_after, tmp_path):
    """Saved by one device, then by four, each stopped, and ended by other four."""
    case = Case(adapter=Adapter(rank=4, dropout=0.3))
    saved = [0]
    for mesh, steps in ((None, 7), ("fsdp=4", 6)):
        with pytest.raises(KeyboardInterrupt):
            case.run(mesh, directory=tmp_path, callbacks=[stop_after(steps)])
        saved.append(max(int(path.name) for path in tmp_path.glob("[0-9]*")))
        assert saved[-1] >= saved[-2] + steps - 1
    found, _ = case.run("batch=2,model=2", directory=tmp_path)
    assert found["first_step"] == saved[-1]
    np.testing.assert_allclose(found["history"]["loss"], alone(case), rtol=1e-5)


PROMPTS = ["ਸਤਿ ਨਾਮੁ\n", "rāma\n", "x\n"]


def scores_and_text(mesh):
    with scope(mesh):
        model = load_preset()
        enable_adapter(model, Adapter(rank=2))
        draw = np.random.default_rng(0)
        for _, variable in sorted(adapter_variables(model).items()):
            variable.assign(draw.normal(0, 0.05, variable.shape))
        arrays = uneven_rows(count=5, length=64).buckets[0].arrays
        scores = score_rows(model, arrays)
        greedy = gkf.Generator(temperature=0, max_new_tokens=12)
        return scores, greedy.generate(model, PROMPTS)


@pytest.fixture(scope="module")
def expected():
    return scores_and_text(None)


@pytest.mark.long
@pytest.mark.parametrize("mesh", ["batch=8", "fsdp=8", "model=4", "fsdp=4,model=2"])
def test_scores_and_text_are_those_of_one_device(expected, mesh):
    (scores, texts), (found, others) = expected, scores_and_text(mesh)
    np.testing.assert_allclose(found.nats, scores.nats, rtol=1e-5)
    np.testing.assert_array_equal(found.correct, scores.correct)
    np.testing.assert_array_equal(found.tokens, scores.tokens)
    assert others == texts and any(text.strip() for text in texts)


@pytest.mark.parametrize("mesh", ["model=8", "model=3"])
def test_heads_that_a_mesh_does_not_divide_are_named(mesh):
    with scope(mesh), pytest.raises(ValueError, match="`model` must divide") as raised:
        load_preset()
    assert "fewer devices for `model`" in str(raised.value)
