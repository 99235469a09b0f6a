"""What must be right before the first step, and would be found out late or never."""

from typing import Any

import numpy as np

from gemma_keras_ft.data.rows import PlannedRows
from gemma_keras_ft.model.precision import check_dtype


def check_training(model: Any, rows: PlannedRows) -> None:
    """Checks a model and what it is to be trained on.

    Args:
        model: A `keras_hub.models.GemmaCausalLM`.
        rows: The rows of an epoch.

    Raises:
        ValueError: If nothing or the embedding is trainable, the model computes in
            float16, lies on other devices than those of the distribution, or the rows
            hold tokens of another vocabulary.
    """
    backbone = model.backbone
    check_dtype(backbone.dtype_policy.name)
    if not backbone.trainable_variables:
        raise ValueError(
            "`model` must have something to train. Received: a model whose variables "
            "are all frozen. Call `enable_adapter(model, Adapter())` first."
        )
    if backbone.token_embedding.trainable_variables:
        raise ValueError(
            "The embedding of `model` must be frozen: losses are computed from it "
            "without a gradient of its own. Received: a trainable embedding. Call "
            "`enable_adapter(model, Adapter())` first, which freezes the base."
        )
    _check_placement(backbone.token_embedding.embeddings)
    size = backbone.vocabulary_size
    for bucket in rows.buckets:
        ids = np.asarray(bucket.arrays["token_ids"])
        largest = int(ids.max(initial=0))
        if largest >= size or ids.min(initial=0) < 0:
            raise ValueError(
                f"`rows` must hold tokens of the model's vocabulary, 0 to {size - 1}. "
                f"Received: token {largest}. Build them with the tokenizer of the "
                "preset that is trained."
            )


def _check_placement(variable) -> None:
    import keras

    distribution: Any = keras.distribution.distribution()
    expected = 1 if distribution is None else distribution.device_mesh.devices.size
    found = len(variable.value.sharding.device_set)
    if found != expected:
        raise ValueError(
            "`model` must have been loaded in the scope of the mesh that it is trained "
            f"on, where its weights lie. Received: weights on {found} devices, in a "
            f"scope of {expected}. Load it inside `with mesh.scope():`."
        )
