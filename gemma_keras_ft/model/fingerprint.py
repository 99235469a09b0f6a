"""A short hash of a base model, by which adapters and checkpoints know it."""

import hashlib
import json
from typing import Any


def preset_fingerprint(model) -> str:
    """Returns a short hash that tells base models apart.

    Over the architecture, the vocabulary and the first values of every base
    weight; adapters do not count, so it is the same before and after training. A
    base that `quantize_base` quantized has the hash that it had before.
    """
    quantized = getattr(model.backbone, "quantized_base", None)
    if quantized:
        return quantized.fingerprint
    from gemma_keras_ft.model.placement import fetch

    digest = hashlib.sha256()
    config = {
        key: value
        for key, value in model.backbone.get_config().items()
        if isinstance(value, int | float | bool) and key != "trainable"
    }
    digest.update(json.dumps(config, sort_keys=True).encode())
    digest.update(model.preprocessor.tokenizer.proto)
    for variable in model.backbone.variables:
        if "lora_kernel" in variable.path:
            continue
        first = variable.value[(0,) * (len(variable.shape) - 1)][:256]
        digest.update(variable.path.encode())
        digest.update(_as_bfloat16_bytes(fetch(first)))
    return digest.hexdigest()[:16]


def _as_bfloat16_bytes(values: Any) -> bytes:
    """Rounds to the coarsest dtype a base is loaded in, so that all give one hash."""
    import ml_dtypes

    return values.astype(ml_dtypes.bfloat16).tobytes()
