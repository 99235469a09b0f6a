"""The optimizer and its learning-rate schedule."""


def build_optimizer(
    *,
    learning_rate: float,
    total_steps: int,
    warmup_fraction: float = 0.1,
    weight_decay: float = 0.0,
    clip_norm: float = 1.0,
):
    """Builds AdamW with linear warm-up, then cosine decay to a tenth.

    Args:
        learning_rate: Peak, reached at the end of the warm-up.
        total_steps: Optimizer steps of the whole run.
        warmup_fraction: Share of `total_steps` spent warming up.
        weight_decay: Decoupled decay; norms and biases are not trained here.
        clip_norm: Global norm to which gradients are clipped.

    Returns:
        `keras.optimizers.AdamW`, named so that its state restores by name.

    References:
        Loshchilov and Hutter, 2019. https://arxiv.org/abs/1711.05101
    """
    import keras

    warmup_steps = int(total_steps * warmup_fraction)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else learning_rate,
        decay_steps=max(1, total_steps - warmup_steps),
        alpha=0.1,
        warmup_target=learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
    return keras.optimizers.AdamW(
        learning_rate=schedule,  # pyright: ignore[reportArgumentType] - Keras' hint
        weight_decay=weight_decay,
        global_clipnorm=clip_norm,
        name="adamw",
    )
