import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gemma_keras_ft.training.planning.collectives import (
    Collective,
    read_collectives,
    total_bytes,
)

DEVICES = 8
SPEC = jax.sharding.PartitionSpec


def compiled(function, *sharded, size=(8, 128)):
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:DEVICES]), ("x",))
    places = [jax.sharding.NamedSharding(mesh, spec) for spec in sharded]
    *inputs, output = places
    shapes = [jax.ShapeDtypeStruct(size, "float32", sharding=place) for place in inputs]
    return jax.jit(function, out_shardings=output).lower(*shapes).compile().as_text()


def test_a_gather_is_read_with_the_bytes_of_its_result():
    text = compiled(lambda x: x + 1, SPEC("x"), SPEC())
    assert read_collectives(text) == [
        Collective(operation="all-gather", bytes=4096, largest=4096, count=1)
    ]


def test_a_sum_over_devices_is_read():
    text = compiled(lambda x: x.sum(0), SPEC("x"), SPEC())
    assert total_bytes(read_collectives(text)) == {"all-reduce": 512}


def test_nothing_is_read_where_nothing_is_exchanged():
    assert read_collectives(compiled(lambda x: x * 2, SPEC("x"), SPEC("x"))) == []


@pytest.mark.parametrize("rounds", [3, 7])
def test_a_loop_counts_as_often_as_it_goes_round(rounds):
    def function(x):
        def body(carry, _):
            # A sum over all devices that depends on the round before.
            return carry + (x * carry).sum(), None

        return jax.lax.scan(body, jnp.float32(1), None, length=rounds)[0]

    (found,) = read_collectives(compiled(function, SPEC("x"), SPEC()))
    assert (found.operation, found.bytes, found.count) == ("all-reduce", 4, rounds)


def test_an_asynchronous_operation_is_read_once():
    text = """
ENTRY %main (p: bf16[8,128]) -> bf16[64,128] {
  %s = (bf16[8,128]{1,0}, bf16[64,128]{1,0}) all-gather-start(%p), dimensions={0}
  ROOT %d = bf16[64,128]{1,0} all-gather-done(%s)
}
"""
    assert read_collectives(text) == [
        Collective(operation="all-gather", bytes=16384, largest=16384, count=1)
    ]
