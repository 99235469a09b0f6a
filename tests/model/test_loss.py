import functools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gemma_keras_ft.model.loss import token_losses, weighted_mean

ROWS, LENGTH, WIDTH, VOCABULARY = 3, 17, 24, 301
# Five places of each row at a time: 17 is not divisible by it.
CHUNK_BYTES = 4 * VOCABULARY * ROWS * 5
SETTINGS = [
    {"soft_cap": 30.0},
    {"soft_cap": None},
    {"soft_cap": 90.0},
    {"soft_cap": 30.0, "label_smoothing": 0.1},
    {"soft_cap": 30.0, "z_loss": 1e-2},
    {"soft_cap": 30.0, "label_smoothing": 0.2, "z_loss": 1e-3},
]


def case(rows=ROWS, length=LENGTH, width=WIDTH, vocabulary=VOCABULARY, seed=0):
    """Hidden states and an embedding whose logits reach beyond the soft cap."""
    draw = np.random.default_rng(seed)
    hidden = draw.normal(0, 2, (rows, length, width)).astype("float32")
    embedding = draw.normal(0, 1.5, (vocabulary, width)).astype("float32")
    labels = draw.integers(0, vocabulary, (rows, length)).astype("int32")
    # Half of the labels are the likeliest token.
    likeliest = (hidden @ embedding.T).argmax(-1)
    labels = np.where(draw.random((rows, length)) < 0.5, likeliest, labels)
    weight = draw.choice([0.0, 0.5, 1.0, 2.0], (rows, length)).astype("float32")
    return tuple(map(jnp.asarray, (hidden, embedding, labels.astype("int32"), weight)))


def textbook(hidden, embedding, labels, *, soft_cap, label_smoothing=0.0, z_loss=0.0):
    """The definition, with all logits at once."""
    logits = hidden @ embedding.T
    if soft_cap is not None:
        logits = soft_cap * jnp.tanh(logits / soft_cap)
    log_likelihoods = jax.nn.log_softmax(logits, axis=-1)
    labels = labels[..., None]
    nats = -jnp.take_along_axis(log_likelihoods, labels, axis=-1)[..., 0]
    correct = jnp.argmax(logits, axis=-1) == labels[..., 0]
    objective = (1 - label_smoothing) * nats
    objective -= label_smoothing * log_likelihoods.mean(-1)
    objective += z_loss * jax.nn.logsumexp(logits, axis=-1) ** 2
    return nats, correct, objective


def loss_of(losses, labels, weight, which=2, **settings):
    def loss(hidden, embedding):
        return weighted_mean(
            losses(hidden, embedding, labels, **settings)[which], weight
        )

    return loss


def assert_close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def walk(jaxpr):
    """Every equation of a jaxpr, at any depth."""
    for equation in jaxpr.eqns:
        yield equation
        for parameter in jax.tree.leaves(
            list(equation.params.values()),
            is_leaf=lambda p: hasattr(p, "eqns") or hasattr(p, "jaxpr"),
        ):
            if hasattr(parameter, "eqns"):
                yield from walk(parameter)
            elif hasattr(parameter, "jaxpr"):
                yield from walk(parameter.jaxpr)


def largest_array(function, *arguments):
    equations = walk(jax.make_jaxpr(function)(*arguments).jaxpr)
    return max(v.aval.size for equation in equations for v in equation.outvars)


def count_products(function, *arguments):
    equations = walk(jax.make_jaxpr(function)(*arguments).jaxpr)
    return sum(equation.primitive.name == "dot_general" for equation in equations)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("chunk_bytes", [1, CHUNK_BYTES, 2**27])
def test_losses_equal_the_textbook(settings, chunk_bytes):
    hidden, embedding, labels, weight = case()
    compute = functools.partial(token_losses, chunk_bytes=chunk_bytes, **settings)
    found = jax.jit(compute)(hidden, embedding, labels)
    nats, correct, objective = textbook(hidden, embedding, labels, **settings)
    assert_close(found.nats, nats)
    assert_close(found.objective, objective)
    np.testing.assert_array_equal(found.correct, correct)
    assert 0 < correct.mean() < 1
    scored = compute(hidden, embedding, labels, sample_weight=weight)
    assert_close(scored.nats, np.where(weight > 0, nats, 0))
    np.testing.assert_array_equal(scored.correct, correct & (weight > 0))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("which", [0, 2], ids=["nats", "objective"])
def test_gradients_equal_the_textbook(settings, which):
    hidden, embedding, labels, weight = case()
    expected = jax.grad(loss_of(textbook, labels, weight, which, **settings), (0, 1))
    by_hidden, by_embedding = expected(hidden, embedding)
    ours = functools.partial(
        token_losses, sample_weight=weight, chunk_bytes=CHUNK_BYTES
    )
    found = jax.jit(jax.grad(loss_of(ours, labels, weight, which, **settings)))
    assert_close(found(hidden, embedding), by_hidden)
    assert np.abs(by_hidden).max() > 1e-3
    full = functools.partial(ours, embedding_trainable=True)
    found = jax.jit(jax.grad(loss_of(full, labels, weight, which, **settings), (0, 1)))
    for ours_by, theirs in zip(
        found(hidden, embedding), (by_hidden, by_embedding), strict=True
    ):
        assert_close(ours_by, theirs)


@pytest.mark.parametrize("soft_cap", [None, 500.0])
def test_logits_too_large_to_exponentiate_are_scored(soft_cap):
    hidden, embedding, labels, _ = case()
    hidden = 3 * hidden
    found = token_losses(hidden, embedding, labels, soft_cap=soft_cap)
    expected = textbook(hidden, embedding, labels, soft_cap=soft_cap)
    largest = float(np.abs(hidden @ embedding.T).max())
    assert largest > 100
    # A float32 of that size is known to this much, and so is their difference.
    assert_close(found.nats, expected[0], tolerance=4 * largest * 2**-24)


def test_both_outputs_can_be_differentiated_at_once():
    hidden, embedding, labels, weight = case()
    settings = {"soft_cap": 30.0, "label_smoothing": 0.1}

    def loss(losses):
        def both(hidden):
            nats, _, objective = losses(hidden, embedding, labels, **settings)
            return weighted_mean(nats, weight) + 3 * weighted_mean(objective, weight)

        return jax.grad(both)(hidden)

    assert_close(loss(token_losses), loss(textbook))


def test_a_loss_under_remat_and_scan_has_the_same_gradient():
    hidden, embedding, labels, weight = case()
    ours = functools.partial(token_losses, sample_weight=weight)

    def accumulated(hidden):
        def step(total, _):
            one = jax.checkpoint(loss_of(ours, labels, weight, soft_cap=30.0))
            return total + one(hidden, embedding), None

        return jax.lax.scan(step, 0.0, length=2)[0]

    expected = jax.grad(loss_of(textbook, labels, weight, soft_cap=30.0))
    assert_close(jax.grad(accumulated)(hidden), 2 * expected(hidden, embedding))


def test_without_any_weight_all_is_zero():
    hidden, embedding, labels, _ = case()
    weight = jnp.zeros(labels.shape)
    ours = functools.partial(token_losses, sample_weight=weight)
    loss = loss_of(ours, labels, weight, soft_cap=30.0)
    value, gradient = jax.value_and_grad(loss)(hidden, embedding)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


def test_what_stands_at_unscored_places_reaches_nothing():
    hidden, embedding, labels, weight = case()
    scored = weight > 0
    spoiled = jnp.where(scored[..., None], hidden, jnp.nan)
    wrong = jnp.where(scored, labels, -100)
    ours = functools.partial(token_losses, sample_weight=weight)
    for by in (0, 1):
        settings = {"soft_cap": 30.0, "embedding_trainable": by == 1}
        clean = loss_of(ours, labels, weight, **settings)
        dirty = loss_of(ours, wrong, weight, **settings)
        found = jax.value_and_grad(dirty, by)(spoiled, embedding)
        expected = jax.value_and_grad(clean, by)(hidden, embedding)
        assert_close(found[0], expected[0])
        assert_close(found[1], expected[1])


def test_labels_at_the_edges_of_the_vocabulary_are_scored():
    hidden, embedding, labels, _ = case()
    for label in (0, VOCABULARY - 1):
        edge = jnp.full_like(labels, label)
        found = token_losses(hidden, embedding, edge, soft_cap=30.0)
        expected = textbook(hidden, embedding, edge, soft_cap=30.0)
        assert_close(found.nats, expected[0])
        np.testing.assert_array_equal(found.correct, expected[1])


@pytest.mark.parametrize("label", [-1, VOCABULARY])
def test_a_scored_label_outside_the_vocabulary_is_nan(label):
    hidden, embedding, labels, _ = case()
    labels = labels.at[0, 3].set(label)
    found = token_losses(hidden, embedding, labels, soft_cap=30.0)
    assert np.isnan(found.nats[0, 3]) and found.correct[0, 3] == 0
    assert np.isnan(found.nats).sum() == 1


def test_of_equally_likely_tokens_the_first_counts():
    hidden = jnp.zeros((1, 3, WIDTH))
    _, embedding, *_ = case()
    found = token_losses(hidden, embedding, jnp.asarray([[0, 1, 5]]), soft_cap=30.0)
    np.testing.assert_array_equal(found.correct, [[1, 0, 0]])


def test_diverged_hidden_states_predict_nothing():
    _, embedding, labels, _ = case()
    hidden = jnp.full((ROWS, LENGTH, WIDTH), jnp.nan)
    found = token_losses(hidden, embedding, labels, soft_cap=30.0)
    assert np.isnan(found.nats).all()
    np.testing.assert_array_equal(found.correct, 0)


def test_products_of_bfloat16_accumulate_in_float32():
    hidden, embedding, labels, weight = case()
    half = [values.astype(jnp.bfloat16) for values in (hidden, embedding)]
    exact = [values.astype(jnp.float32) for values in half]
    found = jax.value_and_grad(loss_of(token_losses, labels, weight, soft_cap=30.0))
    value, gradient = found(*half)
    expected = jax.value_and_grad(loss_of(textbook, labels, weight, soft_cap=30.0))
    exact_value, exact_gradient = expected(*exact)
    # Logits rounded to bfloat16 would be off by up to 0.06 each.
    assert_close(value, exact_value)
    assert gradient.dtype == jnp.bfloat16
    # One rounding of the logits' gradient and one of the result: 2**-8 each.
    scale = np.abs(exact_gradient).max()
    assert_close(gradient.astype(jnp.float32) / scale, exact_gradient / scale, 0.01)


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("differentiated", [False, True])
def test_all_logits_are_never_held(trainable, differentiated):
    hidden, embedding, labels, weight = case(rows=2, length=600, vocabulary=50_000)

    def peak(losses):
        run = loss_of(losses, labels, weight, soft_cap=30.0, label_smoothing=0.1)
        run = jax.grad(run, (0, 1) if trainable else 0) if differentiated else run
        return largest_array(run, hidden, embedding)

    ours = functools.partial(
        token_losses, sample_weight=weight, embedding_trainable=trainable
    )
    tokens = labels.size
    assert peak(textbook) >= tokens * 50_000
    # The logits of a chunk's 512 tokens and not of all 1,200.
    assert peak(ours) <= 512 * 50_000 < tokens * 50_000


def test_logits_are_computed_once():
    hidden, embedding, labels, weight = case()
    ours = functools.partial(
        token_losses, sample_weight=weight, label_smoothing=0.1, soft_cap=30.0
    )

    def loss(hidden):
        found = ours(hidden, embedding, labels)
        # What is only looked at costs nothing.
        return weighted_mean(found.objective, weight), found.nats

    assert count_products(loss, hidden) == 1
    assert count_products(jax.value_and_grad(loss, has_aux=True), hidden) == 2


def test_temporaries_stay_far_below_the_textbooks():
    shapes = case(rows=4, length=256, vocabulary=50_000)
    hidden, embedding, labels, weight = shapes

    def temporaries(losses):
        run = jax.jit(
            jax.value_and_grad(loss_of(losses, labels, weight, soft_cap=30.0))
        )
        compiled = run.lower(hidden, embedding).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    ours = functools.partial(token_losses, sample_weight=weight, chunk_bytes=2**24)
    assert temporaries(ours) < temporaries(textbook) / 8


def test_unscored_places_are_not_computed():
    """Half of each row is unscored, interleaved: half of the chunks are skipped."""
    hidden, embedding, labels, _ = case(rows=2, length=20)
    weight = jnp.asarray([[0.0, 1.0] * 10, [1.0, 0.0] * 10])
    seen = []
    chunk_bytes = 4 * VOCABULARY * 2 * 5

    def loss(hidden):
        found = token_losses(
            hidden,
            embedding,
            labels,
            soft_cap=30.0,
            sample_weight=weight,
            chunk_bytes=chunk_bytes,
        )
        return weighted_mean(found.nats, weight)

    tanh = jnp.tanh
    with pytest.MonkeyPatch.context() as patch:

        def counted(values):
            jax.debug.callback(lambda: seen.append(values.shape))
            return tanh(values)

        patch.setattr(jnp, "tanh", counted)
        jax.block_until_ready(jax.jit(loss)(hidden))
        jax.effects_barrier()
    assert seen == [(10, VOCABULARY)] * 2


@pytest.mark.parametrize(
    ("mesh", "layout"),
    [
        ({"batch": 8}, ()),
        ({"batch": 4, "model": 2}, ("model", None)),
        ({"batch": 4, "model": 2}, (None, "model")),
    ],
    ids=["data", "vocabulary", "width"],
)
def test_a_batch_over_devices_gives_the_same_and_stays_there(mesh, layout):
    hidden, embedding, labels, weight = case(rows=8, length=20, vocabulary=304)
    devices = np.array(jax.devices()).reshape(tuple(mesh.values()))
    devices = Mesh(devices, tuple(mesh))

    def run(shards):
        def loss(hidden, embedding, labels, weight):
            found = token_losses(
                hidden,
                embedding,
                labels,
                soft_cap=30.0,
                sample_weight=weight,
                chunk_bytes=4 * 304 * 8 // shards * 7,
                row_shards=shards,
            )
            return weighted_mean(found.objective, weight)

        return jax.jit(jax.value_and_grad(loss))

    expected = run(1)(hidden, embedding, labels, weight)
    rows = NamedSharding(devices, PartitionSpec("batch"))
    spread = [jax.device_put(values, rows) for values in (hidden, labels, weight)]
    table = jax.device_put(embedding, NamedSharding(devices, PartitionSpec(*layout)))
    arguments = (spread[0], table, *spread[1:])
    shared = run(mesh["batch"])
    for found, wanted in zip(shared(*arguments), expected, strict=True):
        assert_close(found, wanted)
    program = shared.lower(*arguments).compile().as_text()
    assert "all-gather" not in program and "all-to-all" not in program


def test_losses_are_those_of_a_keras_hub_model(small_model):
    draw = np.random.default_rng(0)
    ids = draw.integers(8, 500, (2, 12)).astype("int32")
    labels = draw.integers(0, 500, (2, 12)).astype("int32")
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    backbone = small_model.backbone
    found = token_losses(
        jnp.asarray(backbone(inputs)),
        backbone.token_embedding.embeddings.value,
        labels,
        soft_cap=backbone.final_logit_soft_cap,
    )
    logits = small_model(inputs)
    expected = keras.losses.sparse_categorical_crossentropy(
        labels, logits, from_logits=True
    )
    assert_close(found.nats, expected)
    hits = keras.metrics.sparse_categorical_accuracy(labels, logits)
    np.testing.assert_array_equal(found.correct, hits)


def test_differentiating_a_frozen_embedding_is_refused():
    hidden, embedding, labels, weight = case()
    loss = loss_of(token_losses, labels, weight, soft_cap=30.0)
    with pytest.raises(ValueError, match="`embedding_trainable` must be True"):
        jax.grad(loss, 1)(hidden, embedding)


def test_the_mean_divides_by_the_weight_and_not_by_the_places():
    values = jnp.asarray([[5.0, 5.0, np.nan, np.nan]])
    weight = jnp.asarray([[1.0, 3.0, 0.0, 0.0]])
    assert weighted_mean(values, weight) == 5
    assert weighted_mean(values, jnp.zeros((1, 4))) == 0
    # Keras' default counts the masked places too.
    labels, logits = jnp.zeros((1, 4), "int32"), jnp.zeros((1, 4, 8))
    stock = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    mask = jnp.asarray([[1.0, 0.0, 0.0, 0.0]])
    nats = token_losses(jnp.zeros((1, 4, 2)), jnp.zeros((8, 2)), labels, soft_cap=None)
    assert_close(weighted_mean(nats.nats, mask), np.log(8))
    assert_close(stock(labels, logits, sample_weight=mask), np.log(8) / 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"soft_cap": 0.0}, "soft_cap"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"z_loss": -1.0}, "z_loss"),
        ({"chunk_bytes": 0}, "chunk_bytes"),
        ({"row_shards": 0}, "row_shards"),
        ({"sample_weight": np.ones((ROWS, 2))}, "sample_weight"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_arguments_are_named(settings, message):
    hidden, embedding, labels, _ = case()
    with pytest.raises(ValueError, match=f"`{message}` must"):
        token_losses(hidden, embedding, labels, **{"soft_cap": 30.0} | settings)


def test_shapes_that_do_not_fit_are_named():
    hidden, embedding, labels, _ = case()
    with pytest.raises(ValueError, match="`hidden` must have shape"):
        token_losses(hidden[..., :-1], embedding, labels, soft_cap=30.0)
    with pytest.raises(ValueError, match="must hold a place"):
        token_losses(hidden[:, :0], embedding, labels[:, :0], soft_cap=30.0)
