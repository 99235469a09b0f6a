import jax
import keras
import pytest

from gemma_keras_ft.model.mesh import (
    AXES,
    Mesh,
    mesh_scope,
    parse_mesh,
    row_shards,
)


def test_axes_multiply():
    mesh = Mesh(batch=2, fsdp=3, model=4)
    assert mesh.shape == (2, 3, 4)
    assert (mesh.size, mesh.row_shards) == (24, 6)
    assert Mesh().shape == (1, 1, 1)


@pytest.mark.parametrize(
    ("text", "mesh"),
    [
        ("batch=8", Mesh(batch=8)),
        ("model=4,batch=2", Mesh(batch=2, model=4)),
        (" fsdp = 2 , model = 2 ", Mesh(fsdp=2, model=2)),
        ("batch=1", Mesh()),
        ("batch=2,fsdp=2,model=2", Mesh(batch=2, fsdp=2, model=2)),
    ],
)
def test_a_mesh_is_read_from_text_and_told_as_such(text, mesh):
    assert parse_mesh(text) == mesh
    assert parse_mesh(str(mesh)) == mesh


def test_axes_of_one_device_are_not_told():
    assert str(Mesh(batch=2, model=4)) == "batch=2,model=4"
    assert str(Mesh()) == "batch=1"


@pytest.mark.parametrize(
    "text",
    [
        *("data=2", "batch=2,batch=2", "", "batch", "batch=", "=2", "8", "batch=2,"),
        *("batch=2;model=2", "batch=two", "batch=2.0", "batch=2 model=2", "auto"),
    ],
)
def test_text_that_is_no_mesh_is_refused(text):
    with pytest.raises(ValueError, match="`mesh` must be 'auto', or name") as raised:
        parse_mesh(text)
    assert f"Received: mesh={text!r}" in str(raised.value)
    assert all(axis in str(raised.value) for axis in AXES)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("size", [0, -1, 2**16 + 1])
def test_sizes_out_of_range_are_refused(axis, size):
    with pytest.raises(ValueError, match=f"`{axis}` of a mesh must be from 1"):
        parse_mesh(f"{axis}={size}")


@pytest.mark.parametrize("size", [2.0, "2", None])
def test_sizes_are_integers(size):
    with pytest.raises(ValueError, match="Received: fsdp="):
        Mesh(fsdp=size)


def test_its_distribution_holds_within_its_scope():
    mesh = Mesh(batch=2, model=4)
    with mesh_scope(mesh):
        found = keras.distribution.distribution()
        assert isinstance(found, keras.distribution.ModelParallel)
        assert found.device_mesh.shape == mesh.shape
        assert found.device_mesh.axis_names == list(AXES)
    assert keras.distribution.distribution() is None
    with mesh_scope(None):
        assert keras.distribution.distribution() is None


@pytest.mark.parametrize("text", ["batch=4", "fsdp=16", "batch=3"])
def test_a_mesh_has_as_many_devices_as_there_are(text):
    mesh = parse_mesh(text)
    with pytest.raises(ValueError, match="as many devices as there are, 8") as raised:
        mesh.distribution()
    assert f"Received: mesh={text!r}, of {mesh.size}" in str(raised.value)
    assert mesh.distribution((jax.devices() * 2)[: mesh.size])


def test_rows_are_spread_over_batch_and_fsdp_and_not_over_model():
    assert row_shards() == 1
    with mesh_scope(Mesh(batch=2, fsdp=2, model=2)):
        assert row_shards() == 4
    with mesh_scope(Mesh(model=8)):
        assert row_shards() == 1


def test_a_distribution_of_the_users_own_spreads_rows_too():
    own = keras.distribution
    with own.DataParallel(devices=jax.devices()[:4]).scope():
        assert row_shards() == 4
    mesh = own.DeviceMesh((2, 4), ["rows", "parts"], jax.devices())
    layout = own.LayoutMap(mesh)
    with own.ModelParallel(layout_map=layout, batch_dim_name="rows").scope():
        assert row_shards() == 2
