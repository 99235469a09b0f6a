"""The plain door: lyrics as a `tf.data.Dataset` for a stock KerasHub model."""

from pathlib import Path
from typing import Any

from gemma_keras_ft.data.loader import Loader
from gemma_keras_ft.data.rows import SINGLE, PlannedRows, RowPlan
from gemma_keras_ft.data.tasks import Continuation, Task
from gemma_keras_ft.model.mesh import row_shards
from gemma_keras_ft.model.preset import TINY, load_tokenizer
from gemma_keras_ft.preprocessing.store import LyricDataset, read_dataset
from gemma_keras_ft.workflow.token_rows import plan_rows

# An epoch's steps times this must stay a step that a dataset can count to.
_MOST_EPOCHS = 2**20


def lyric_dataset(
    dataset: LyricDataset | str | Path,
    *,
    preset: str | Path = TINY,
    task: Task | None = None,
    split: str = "train",
    language: str | None = None,
    style: str | None = None,
    sequence_length: int = 512,
    global_batch_size: int = 8,
    epochs: int = 1,
    shuffle: bool = True,
    seed: int = 0,
) -> Any:
    """Opens a split as batches that Keras' own `fit` takes, one text a row.

    A stock model tells the texts of a packed row not apart, so each has a row of its
    own; `gkf.train` packs them. A loss must be a mean over the places that have
    weight, or it falls with every place that is padding.

    Example:
        ```python
        batches = gkf.lyric_dataset("dataset", preset="gemma2_2b_en", epochs=3)
        model = keras_hub.models.GemmaCausalLM.from_preset(
            "gemma2_2b_en", preprocessor=None
        )
        model.backbone.enable_lora(rank=8)
        model.compile(
            optimizer="adam",
            loss=keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction="mean_with_sample_weight"
            ),
        )
        model.fit(batches, shuffle=False)  # they are shuffled already
        ```

    Args:
        dataset: A dataset, or the folder of one.
        preset: Gemma preset, for its tokenizer; its weights are not read.
        task: What to learn; continuation in native script by default.
        split: `"train"`, `"validation"` or `"test"`.
        language: This language alone.
        style: This style alone.
        sequence_length: Places in a row.
        global_batch_size: Rows a batch, over all devices. The last of an epoch, and
            one that the devices of a distribution do not divide, is filled up with
            rows without weight.
        epochs: How often each text comes; the batches of all epochs follow each
            other.
        shuffle: Whether every epoch has an order of its own.
        seed: Seed of that order, and of which examples a mixture takes.

    Returns:
        A finite `tf.data.Dataset` of `(x, y, sample_weight)`. `x` holds `token_ids`
        and `padding_mask`, 1 where there is text and 0 elsewhere, both int32; `y` is
        the next token of each place, int32; `sample_weight` is 1 where the loss
        falls, float32. Each is `(rows, sequence_length)`.

    Raises:
        FileNotFoundError: If there is no such dataset or preset.
        ValueError: If no record gives an example that fits, a script is `"auto"`, or
            a setting is out of range.
    """
    if not isinstance(epochs, int) or not 1 <= epochs <= _MOST_EPOCHS:
        raise ValueError(
            f"`epochs` must be from 1 to {_MOST_EPOCHS}. Received: epochs={epochs!r}."
        )
    plan = RowPlan(sequence_length=sequence_length, layout=SINGLE, seed=seed)
    rows, _ = open_rows(
        dataset,
        split,
        preset=preset,
        task=task,
        plan=plan,
        language=language,
        style=style,
    )
    loader = Loader(
        buckets=rows.buckets,
        global_batch_size=global_batch_size,
        seed=seed,
        shuffle=shuffle,
        multiple_of=row_shards(),
    )
    return loader.at(0, steps=epochs * loader.steps_per_epoch)


def open_rows(
    dataset: LyricDataset | str | Path,
    split: str,
    *,
    preset: str | Path,
    task: Task | None,
    plan: RowPlan,
    language: str | None,
    style: str | None,
) -> tuple[PlannedRows, Any]:
    """Returns the rows of a split by a preset's tokenizer, and that tokenizer.

    Raises:
        FileNotFoundError: If there is no such dataset or preset.
        ValueError: If no record gives an example that fits, or a script is `"auto"`.
    """
    task = task or Continuation()
    if task.has_auto_script:
        raise ValueError(
            "`task` must name its scripts. Received: script='auto', which `train` "
            "decides by what the base's weights make of each language. Name the script "
            "that its run.json tells, or 'native'."
        )
    if not isinstance(dataset, LyricDataset):
        dataset = read_dataset(dataset)
    tokenizer = load_tokenizer(preset)
    rows = plan_rows(
        dataset,
        split,
        task=task,
        tokenizer=tokenizer,
        plan=plan,
        select={"language": language, "style": style},
    )
    return rows, tokenizer
