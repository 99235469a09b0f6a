import jax
import keras
import numpy as np
import pytest

from gemma_keras_ft.model.distribution import current_distribution
from gemma_keras_ft.model.mesh import BATCH, ROW_AXES, Mesh, parse_mesh
from gemma_keras_ft.model.placement import (
    assigned_in_parts,
    constrain,
    fetch,
    loss_shards,
    put_rows,
    spread,
)
from gemma_keras_ft.model.preset import load_preset

ALL = Mesh(batch=2, fsdp=2, model=2)
P = jax.sharding.PartitionSpec


@pytest.fixture
def on_all():
    """Within the scope of a mesh of all axes; gives its distribution."""
    with ALL.distribution().scope():
        yield current_distribution()


VALUES = np.arange(8 * 6, dtype="float32").reshape(8, 6)


def test_nothing_is_placed_outside_of_a_mesh():
    batch = {"token_ids": VALUES}
    assert constrain(VALUES, BATCH) is VALUES
    assert put_rows(batch) is batch
    assert fetch(VALUES) is VALUES
    assert loss_shards(None) == {"row_shards": 1}


def test_arrays_are_kept_in_place_within_a_program(on_all):
    placed = jax.jit(lambda values: constrain(values * 2, ROW_AXES))(VALUES)
    assert placed.sharding.is_equivalent_to(on_all.sharding(ROW_AXES), 2)
    whole = jax.jit(constrain)(placed)
    assert whole.sharding.is_fully_replicated
    np.testing.assert_array_equal(whole, VALUES * 2)


def test_rows_are_put_onto_their_devices(on_all):
    placed = put_rows({"a": VALUES, "b": VALUES[:, 0]})
    for name, values in {"a": VALUES, "b": VALUES[:, 0]}.items():
        sharding = placed[name].sharding
        assert sharding.is_equivalent_to(on_all.sharding(ROW_AXES), values.ndim)
        np.testing.assert_array_equal(placed[name], values)
    shards = placed["a"].addressable_shards
    assert [shard.data.shape for shard in shards] == [(2, 6)] * 8


class Asked(np.ndarray):
    """An array that remembers the sizes of what was taken of it."""

    sizes: list[int] = []  # noqa: RUF012 - each test replaces it

    def __getitem__(self, index):
        part = super().__getitem__(index)
        self.sizes.append(part.size)
        return part


def test_no_device_is_ever_given_all_of_an_array(on_all, monkeypatch):
    monkeypatch.setattr(Asked, "sizes", [])
    values = spread(VALUES.view(Asked), on_all.sharding(("fsdp", "model"), "batch"))
    assert set(Asked.sizes) == {2 * 3}
    np.testing.assert_array_equal(values, VALUES)


def test_what_is_spread_is_fetched_whole(on_all):
    placed = spread(VALUES, on_all.sharding("model", "fsdp"))
    found = fetch(placed)
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, VALUES)
    assert fetch(VALUES) is VALUES


@pytest.fixture
def assigned(monkeypatch):
    """The arrays that variables were given, each with what it was given to."""
    seen = []
    stock = keras.Variable._direct_assign

    def note(variable, value):
        seen.append((variable, value))
        return stock(variable, value)

    monkeypatch.setattr(keras.Variable, "_direct_assign", note)
    return seen


def test_a_preset_is_loaded_in_parts(small_preset, small_model, assigned):
    """Every weight comes to the devices as it will be kept there."""
    with ALL.distribution().scope():
        model = load_preset(small_preset)
    expected = {v.path: np.asarray(v.value) for v in small_model.backbone.variables}
    given = {variable.path: value for variable, value in assigned}
    assert set(expected) <= set(given)
    for variable in model.backbone.variables:
        path = variable.path
        assert isinstance(given[path], jax.Array), path
        assert given[path].sharding == variable.value.sharding
        np.testing.assert_array_equal(variable.value, expected[path])


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_values_of_the_host_take_on_the_dtype_of_their_variable(on_all, dtype):
    variable = keras.Variable(np.zeros((8, 6)), dtype=dtype)
    with assigned_in_parts():
        variable.assign(VALUES.astype("float64"))
    assert variable.value.dtype == dtype
    np.testing.assert_array_equal(variable.value.astype("float32"), VALUES)


def test_all_else_is_assigned_as_keras_does_it(on_all):
    variable = keras.Variable(np.zeros((8, 6)), dtype="float32")
    stock = keras.Variable.assign
    with assigned_in_parts():
        assert keras.Variable.assign is not stock
        variable.assign(jax.numpy.asarray(VALUES))
        with pytest.raises(ValueError, match="shape"):
            variable.assign(VALUES[:4])
    assert keras.Variable.assign is stock
    np.testing.assert_array_equal(variable.value, VALUES)
    with pytest.raises(KeyError), assigned_in_parts():
        raise KeyError
    assert keras.Variable.assign is stock


def test_values_are_assigned_in_parts_without_a_mesh_too():
    variable = keras.Variable(np.zeros((8, 6)), dtype="float32")
    with assigned_in_parts():
        variable.assign(VALUES)
    np.testing.assert_array_equal(variable.value, VALUES)


@pytest.mark.parametrize(
    ("mesh", "row_shards", "parts"),
    [
        ("batch=8", 8, None),
        ("fsdp=8", 1, 8),
        ("model=4", 1, 4),
        ("batch=2,model=4", 2, 4),
        ("batch=2,fsdp=2,model=2", 2, 4),
        # A vocabulary of 8,192 is not divided by three.
        ("batch=2,fsdp=3", 6, None),
    ],
)
def test_losses_know_how_rows_and_vocabulary_are_shared(
    small_preset, mesh, row_shards, parts
):
    mesh = parse_mesh(mesh)
    with mesh.distribution(jax.devices()[: mesh.size]).scope():
        found = loss_shards(load_preset(small_preset).backbone)
    assert found["row_shards"] == row_shards
    shards = found.get("vocabulary_shards")
    assert (shards and shards.count) == parts
    if shards is None:
        return
    # Rows come together from those that share the vocabulary, and from no others.
    assert shards.apart.shard_shape((48, 5)) == (48 // mesh.row_shards, 5)
    assert shards.together.shard_shape((48, 5)) == (48 // mesh.batch, 5)
    expected = (48 // mesh.batch, 8192 // parts)
    assert shards.logits.shard_shape((48, 8192)) == expected


def test_losses_know_the_rows_of_a_users_own_distribution(small_model):
    own = keras.distribution.DataParallel(devices=jax.devices()[:4])
    with own.scope():
        assert loss_shards(small_model.backbone) == {"row_shards": 4}
