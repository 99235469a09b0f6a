import jax
import keras
import numpy as np
import pytest

from gemma_keras_ft.model import distribution as module
from gemma_keras_ft.model.distribution import current_distribution
from gemma_keras_ft.model.layouts import variable_axes
from gemma_keras_ft.model.lora import Adapter, enable_adapter
from gemma_keras_ft.model.mesh import Mesh
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.training.trainer import Trainer

ALL = Mesh(batch=2, fsdp=2, model=2)


def spec(axes):
    return jax.sharding.PartitionSpec(*(axis or None for axis in axes))


@pytest.fixture(scope="module")
def fitted(small_preset):
    """What a trainer fits on a mesh of all axes, optimizer and all."""
    with ALL.distribution().scope():
        model = load_preset(small_preset)
        enable_adapter(model, Adapter(rank=4, dropout=0.1))
        fitted = Trainer().build(model, total_steps=4)
        fitted.optimizer.build(fitted.trainable_variables)
        return fitted


def test_every_variable_is_kept_where_its_axes_say(fitted):
    for variable in fitted.backbone.variables:
        axes = variable_axes(variable.path, variable.shape, ALL)
        sharding = variable.value.sharding
        assert isinstance(sharding, jax.sharding.NamedSharding)
        assert sharding.is_equivalent_to(
            jax.sharding.NamedSharding(sharding.mesh, spec(axes)), variable.ndim
        ), variable.path
        cut = np.prod([getattr(ALL, name) for axis in axes for name in axis])
        for shard in variable.value.addressable_shards:
            assert shard.data.size * cut == np.prod(variable.shape)


def test_optimizer_state_is_kept_where_its_variable_is(fitted):
    optimizer = fitted.optimizer
    for variable, *state in zip(
        optimizer._trainable_variables,
        optimizer._momentums,
        optimizer._velocities,
        strict=True,
    ):
        for moment in state:
            assert moment.value.sharding == variable.value.sharding, moment.path
    cut = [
        variable
        for variable in optimizer._momentums
        if not variable.value.sharding.is_fully_replicated
    ]
    assert len(cut) > len(optimizer._momentums) / 2


def test_rows_are_cut_by_batch_and_fsdp_alone():
    distribution = ALL.distribution()
    layout = distribution.get_data_layout((8, 16)).backend_layout
    assert distribution.num_model_replicas == 4
    rows = [
        range(8)[index[0]] for index in layout.devices_indices_map((8, 16)).values()
    ]
    # Those that differ by `model` alone stand side by side.
    assert rows == [range(n, n + 2) for n in (0, 0, 2, 2, 4, 4, 6, 6)]


def test_weights_of_a_data_parallel_mesh_are_whole_everywhere(small_preset):
    with Mesh(batch=8).distribution().scope():
        model = load_preset(small_preset)
    for variable in model.backbone.variables:
        assert variable.value.sharding.is_fully_replicated


def test_some_devices_alone_make_a_mesh(small_preset):
    some = jax.devices()[3:5]
    with Mesh(model=2).distribution(some).scope():
        model = load_preset(small_preset)
    for variable in model.backbone.variables:
        assert variable.value.sharding.device_set == set(some)


def test_it_is_current_in_its_scope_and_no_other_is():
    assert current_distribution() is None
    ours = ALL.distribution()
    with ours.scope():
        assert current_distribution() is ours
        assert ours.mesh is ALL
    other = keras.distribution.DataParallel(devices=jax.devices())
    with other.scope():
        assert current_distribution() is None


def test_what_layers_return_is_left_where_it_is():
    assert ALL.distribution().get_tensor_layout("decoder_block_0/output") is None


def test_devices_of_a_tpu_are_arranged_by_their_links(monkeypatch):
    """Elsewhere they are taken as they come."""
    from jax.experimental import mesh_utils

    class Device:
        platform = "tpu"

    devices = [Device() for _ in range(4)]
    asked = []

    def arrange(shape, devices, *, allow_split_physical_axes):
        # Four chips in a ring make a mesh of two axes, too.
        assert allow_split_physical_axes
        asked.append(shape)
        return np.array(devices[::-1], dtype=object).reshape(shape)

    monkeypatch.setattr(mesh_utils, "create_device_mesh", arrange)
    mesh = Mesh(batch=2, model=2)
    assert module._arranged(mesh, devices) == devices[::-1]
    assert asked == [(2, 1, 2)]
    here = jax.devices()[:4]
    assert module._arranged(mesh, here) == here
