import json
import math

import keras
import numpy as np
import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.data.tasks import Continuation, Translation
from gemma_keras_ft.model.preset import load_tokenizer
from gemma_keras_ft.workflow.lyric_dataset import lyric_dataset

LENGTH, ROWS = 128, 4


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache of this module's own, so that nothing older is served."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("GEMMA_KERAS_FT_CACHE", str(folder))
        yield folder


def open_lyrics(dataset, **settings):
    return lyric_dataset(
        dataset, **{"sequence_length": LENGTH, "global_batch_size": ROWS, **settings}
    )


def arrays(batches):
    """The rows of all batches, by name."""
    found = [
        {**x, "labels": labels, "sample_weight": weight}
        for x, labels, weight in batches.as_numpy_iterator()
    ]
    return {name: np.concatenate([rows[name] for rows in found]) for name in found[0]}


def text_of(tokenizer, ids):
    return tokenizer.detokenize([int(token) for token in ids])


def test_batches_are_what_keras_takes(dataset):
    for x, labels, weight in open_lyrics(dataset).take(2):
        assert set(x) == {"token_ids", "padding_mask"}
        for values in (*x.values(), labels):
            assert values.dtype == "int32"
            assert values.shape == (ROWS, LENGTH)
        assert weight.dtype == "float32"
        assert weight.shape == (ROWS, LENGTH)


def test_a_row_is_one_text_with_a_mask_of_zeros_and_ones(dataset):
    tokenizer = load_tokenizer()
    rows = arrays(open_lyrics(dataset))
    mask = rows["padding_mask"]
    assert set(np.unique(mask)) == {0, 1}
    assert (np.diff(mask, axis=1) <= 0).all()
    assert ((rows["token_ids"] == tokenizer.start_token_id).sum(1) == 1).all()
    inside = mask[:, 1:] == 1
    assert (rows["labels"][:, :-1] == rows["token_ids"][:, 1:])[inside].all()
    assert not rows["sample_weight"][mask == 0].any()


def test_every_song_comes_once_an_epoch_in_an_order_of_its_own(dataset):
    tokenizer = load_tokenizer()
    expected = sorted(
        example.prompt_text + example.response_text
        for record in gkf.read_dataset(dataset).select("train")
        for example in Continuation().examples(record)
    )
    batches = open_lyrics(dataset, epochs=3)
    steps = math.ceil(len(expected) / ROWS)
    assert len(batches) == 3 * steps
    orders = []
    for epoch in range(3):
        rows = arrays(batches.skip(epoch * steps).take(steps))
        counts = rows["sample_weight"].any(1)
        masks = rows["padding_mask"][counts] > 0
        rows = zip(rows["token_ids"][counts], masks, strict=True)
        orders.append([text_of(tokenizer, ids[mask][1:]) for ids, mask in rows])
        assert sorted(orders[-1]) == expected
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_settings_choose_what_is_served(dataset):
    def rows(**settings):
        return arrays(open_lyrics(dataset, **settings))

    assert not np.array_equal(rows(seed=1)["token_ids"], rows(seed=2)["token_ids"])
    still = rows(shuffle=False)
    assert np.array_equal(rows(shuffle=False, seed=9)["token_ids"], still["token_ids"])
    tokenizer = load_tokenizer()
    lines = rows(task=Translation(), split="validation", shuffle=False)
    mask, asked = lines["padding_mask"][0] > 0, lines["sample_weight"][0] > 0
    assert text_of(tokenizer, lines["token_ids"][0][mask]).startswith("ta-Latn: ")
    record = gkf.read_dataset(dataset).select("validation")[0]
    assert text_of(tokenizer, lines["labels"][0][asked]) == record.translation[0]


def test_a_stock_model_fits_it_with_the_textbooks_loss(dataset, small_preset):
    import keras
    import keras_hub

    batches = open_lyrics(dataset, preset=small_preset, shuffle=False).take(2)
    model = keras_hub.models.GemmaCausalLM.from_preset(
        str(small_preset), preprocessor=None
    )
    model.backbone.enable_lora(2)
    model.compile(
        optimizer=keras.optimizers.SGD(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
        weighted_metrics=["sparse_categorical_accuracy"],
    )
    x, labels, weight = next(batches.as_numpy_iterator())
    logits = np.asarray(model(x), "float64")
    logits -= logits.max(-1, keepdims=True)
    total = np.log(np.exp(logits).sum(-1))
    nats = total - np.take_along_axis(logits, labels[..., None], -1)[..., 0]
    textbook = (nats * weight).sum() / weight.sum()
    found = model.evaluate(batches.take(1), verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(textbook, rel=1e-5)
    before = [np.asarray(variable) for variable in model.trainable_variables]
    history = model.fit(batches, shuffle=False, verbose=0).history
    assert math.isfinite(history["loss"][0])
    after = [np.asarray(variable) for variable in model.trainable_variables]
    assert any((old != new).any() for old, new in zip(before, after, strict=True))
    assert model.optimizer.iterations == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "`epochs`"),
        ({"epochs": 1.5}, "`epochs`"),
        ({"global_batch_size": 0}, "`global_batch_size`"),
        ({"sequence_length": 4}, "`sequence_length`"),
        ({"seed": -1}, "`seed`"),
        ({"split": "dev"}, "`split`"),
        ({"task": Continuation(script="auto")}, "`task` must name its scripts"),
    ],
)
def test_wrong_settings_are_told(dataset, wrong, message):
    with pytest.raises(ValueError, match=message):
        open_lyrics(dataset, **wrong)


def test_only_the_style_asked_for_is_served(tmp_path):
    for style, word in (("lyrical", "rain"), ("narrative", "road")):
        for number in range(12):
            song = {
                "id": f"{style}-{number}",
                "style": style,
                "lines": [f"the {word} of {number} {line}" for line in range(4)],
            }
            (tmp_path / f"{style}{number}.json").write_text(json.dumps(song))
    dataset = gkf.curate(tmp_path, tmp_path / "dataset", language="en")
    tokenizer = load_tokenizer()
    rows = arrays(open_lyrics(dataset, style="narrative"))
    texts = [text_of(tokenizer, ids) for ids in rows["token_ids"]]
    written = [text for text in texts if "the" in text]
    assert written and all("road" in text and "rain" not in text for text in written)


def test_batches_are_filled_up_until_the_devices_share_them(dataset):
    distribution = keras.distribution
    devices = distribution.list_devices()
    mesh = distribution.DeviceMesh((8,), ["batch"], devices)
    distribution.set_distribution(distribution.DataParallel(device_mesh=mesh))
    try:
        (x, _, weight) = next(iter(open_lyrics(dataset, global_batch_size=3)))
    finally:
        distribution.set_distribution(None)
    assert x["token_ids"].shape[0] == 8
    assert (weight.numpy().sum(axis=1) > 0).sum() == 3
