"""Attention that keeps Gemma 2's soft cap on every device."""


def use_explicit_attention(model) -> None:
    """Makes every attention layer compute its logits itself, cap included.

    On TPU, KerasHub hands attention to a fused operation which, under `jit`,
    drops the soft cap: the model computes something else than it was trained
    for. The explicit path is right on every device.

    Args:
        model: A `keras_hub.models.GemmaCausalLM`; changed in place.
    """
    for block in model.backbone.transformer_layers:
        block.attention._use_fused_attention_op = _never


def _never() -> bool:
    return False
