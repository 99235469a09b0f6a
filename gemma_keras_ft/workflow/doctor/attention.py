"""Checks on this very device that Gemma 2 attends right, against NumPy in float64."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gemma_keras_ft.backend import require_jax
from gemma_keras_ft.workflow.doctor.finding import Finding

# Gemma 2 in small. Caps as low as these bend the logits of random weights by much
# more than `TOLERANCE`.
SHAPE = {
    "vocabulary_size": 61,
    "num_layers": 2,
    "num_query_heads": 4,
    "num_key_value_heads": 2,
    "hidden_dim": 32,
    "intermediate_dim": 64,
    "head_dim": 8,
    "use_post_ffw_norm": True,
    "use_post_attention_norm": True,
    "attention_logit_soft_cap": 5,
    "final_logit_soft_cap": 3,
    "use_sliding_window_attention": True,
    "sliding_window_size": 5,
}
_SONGS, _LENGTH = (11, 6, 8), 28
# Rows at once, and in blocks of so many places.
_BLOCKS = (_LENGTH, 8)
# Of the largest difference over the largest logit, in float32.
TOLERANCE = 1e-4
_REMEDY = (
    "Do not train on this device: it would learn with a model that is not Gemma 2. "
    "Report it, with what `gemma-keras-ft doctor --json` prints."
)


def check_attention() -> Iterator[Finding]:
    """Compares logits of songs in rows of their own, and in one row, with NumPy's."""
    weights, runs = _run_model()
    songs = _songs()
    exact = np.concatenate([gemma2_logits(weights, song) for song in songs])
    uncapped = np.concatenate(
        [gemma2_logits(weights, song, soft_cap=None) for song in songs]
    )
    mixed = gemma2_logits(weights, np.concatenate(songs))
    separate, packed = (
        max(difference(run[name], exact) for run in runs)
        for name in ("separate", "packed")
    )
    yield _finding("soft cap", separate, "without it", difference(uncapped, exact))
    yield _finding(
        "packing", packed, "if songs saw each other", difference(mixed, exact)
    )


def gemma2_logits(
    weights: Mapping[str, np.ndarray],
    token_ids: np.ndarray,
    *,
    soft_cap: float | None = SHAPE["attention_logit_soft_cap"],
) -> np.ndarray:
    """Computes the logits of a Gemma 2 of `SHAPE` in float64, as its paper has it.

    Args:
        weights: By path, as KerasHub names them.
        token_ids: int `(length,)`.
        soft_cap: Of the logits of attention; None for none.

    Returns:
        float64 `(length, vocabulary)`.

    References:
        Gemma Team, 2024. https://arxiv.org/abs/2408.00118
    """
    embeddings = weights["token_embedding/embeddings"]
    hidden = embeddings[token_ids] * np.sqrt(embeddings.shape[1])
    for index in range(SHAPE["num_layers"]):
        prefix = f"decoder_block_{index}/"
        block = {
            path.removeprefix(prefix): values
            for path, values in weights.items()
            if path.startswith(prefix)
        }
        window = SHAPE["sliding_window_size"] if index % 2 == 0 else None
        normed = _normalize(hidden, block["pre_attention_norm/scale"])
        attended = _attend(block, normed, soft_cap, window)
        hidden = hidden + _normalize(attended, block["post_attention_norm/scale"])
        normed = _normalize(hidden, block["pre_ffw_norm/scale"])
        gated = _gelu(normed @ block["ffw_gating/kernel"])
        gated = gated * (normed @ block["ffw_gating_2/kernel"])
        output = gated @ block["ffw_linear/kernel"]
        hidden = hidden + _normalize(output, block["post_ffw_norm/scale"])
    hidden = _normalize(hidden, weights["final_normalization/scale"])
    return _cap(hidden @ embeddings.T, SHAPE["final_logit_soft_cap"])


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Returns the largest difference over the largest expected value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def _finding(check: str, error: float, otherwise: str, without: float) -> Finding:
    found = f"logits are {error:.0e} off NumPy's; {otherwise}, {without:.0e}"
    # Not `error >= TOLERANCE`, which does not hold for NaN.
    if not error < TOLERANCE:
        return Finding(check=check, status="error", found=found, remedy=_REMEDY)
    return Finding(check=check, status="ok", found=found)


def _attend(block, hidden, soft_cap, window):
    """Causal attention with rotated queries and keys, `(length, width)`."""
    query, key, value = (
        np.einsum("td,ndh->tnh", hidden, block[f"attention/{name}/kernel"])
        for name in ("query", "key", "value")
    )
    query, key = _rotate(query) / np.sqrt(query.shape[-1]), _rotate(key)
    groups = query.shape[1] // key.shape[1]
    key, value = (np.repeat(array, groups, axis=1) for array in (key, value))
    logits = _cap(np.einsum("tnh,snh->nts", query, key), soft_cap)
    places = np.arange(len(hidden))
    distance = places[:, None] - places
    seen = (distance >= 0) & (distance < (window or len(hidden)))
    weights = np.where(seen, np.exp(logits - logits.max(-1, keepdims=True)), 0.0)
    weights /= weights.sum(-1, keepdims=True)
    attended = np.einsum("nts,snh->tnh", weights, value)
    return np.einsum(
        "tnh,nhd->td", attended, block["attention/attention_output/kernel"]
    )


def _rotate(values):
    """Rotates pairs of `(length, heads, head_dim)` by their place (RoPE)."""
    first, second = np.split(values, 2, axis=-1)
    half = first.shape[-1]
    angles = np.arange(len(values))[:, None] / 10_000 ** (np.arange(half) / half)
    sine, cosine = np.sin(angles)[:, None], np.cos(angles)[:, None]
    return np.concatenate(
        [first * cosine - second * sine, second * cosine + first * sine], axis=-1
    )


def _normalize(values, scale):
    mean = np.square(values).mean(-1, keepdims=True)
    return values / np.sqrt(mean + 1e-6) * (1 + scale)


def _gelu(values):
    inner = np.sqrt(2 / np.pi) * (values + 0.044715 * values**3)
    return 0.5 * values * (1 + np.tanh(inner))


def _cap(values, cap):
    return values if cap is None else cap * np.tanh(values / cap)


def _songs() -> list[np.ndarray]:
    generator = np.random.default_rng(1)
    return [generator.integers(1, SHAPE["vocabulary_size"], n) for n in _SONGS]


def _rows() -> tuple[np.ndarray, np.ndarray]:
    """Returns token ids and segments: a row for each song, then one for all."""
    token_ids = np.zeros((len(_SONGS) + 1, _LENGTH), "int32")
    segments = np.zeros_like(token_ids)
    start = 0
    for row, song in enumerate(_songs()):
        packed = slice(start, start + len(song))
        token_ids[row, : len(song)] = token_ids[-1, packed] = song
        segments[row, : len(song)], segments[-1, packed] = 1, row + 1
        start += len(song)
    return token_ids, segments


def _run_model() -> tuple[dict[str, np.ndarray], list[dict[str, np.ndarray]]]:
    """Returns weights in float64, and the logits of every way to attend.

    Compiled, as stock loses the cap of attention only where it is.
    """
    require_jax()
    import jax

    from gemma_keras_ft.model.attention import replace_attention

    model = _build()
    weights = {v.path: np.asarray(v.value, "float64") for v in model.variables}
    token_ids, segments = _rows()
    runs = []
    for block_size in _BLOCKS:
        replace_attention(model, block_size=block_size)

        def forward(token_ids, segments):
            return model({"token_ids": token_ids, "padding_mask": segments})

        with jax.default_matmul_precision("highest"):
            logits = np.asarray(jax.jit(forward)(token_ids, segments), "float64")
        real = segments > 0
        runs.append(
            {"separate": logits[:-1][real[:-1]], "packed": logits[-1][real[-1]]}
        )
    return weights, runs


def _build() -> Any:
    import keras_hub

    backbone = keras_hub.models.GemmaBackbone(**SHAPE, dtype="float32")
    generator = np.random.default_rng(0)
    for variable in backbone.variables:
        if variable.path.endswith("scale"):
            values = generator.uniform(-0.5, 0.5, variable.shape)
        else:
            values = generator.normal(0, 0.3, variable.shape)
        variable.assign(values)
    return keras_hub.models.GemmaCausalLM(backbone, preprocessor=None)
