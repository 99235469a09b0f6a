"""The shapes of Gemma 2, with no weights behind them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_COMMON = {
    "vocabulary_size": 256_000,
    "use_post_ffw_norm": True,
    "use_post_attention_norm": True,
    "attention_logit_soft_cap": 50,
    "final_logit_soft_cap": 30,
    "use_sliding_window_attention": True,
    "sliding_window_size": 4096,
}


def _shape(layers, heads, width, feed_forward, head_dim, **others) -> Mapping[str, Any]:
    return MappingProxyType(
        {
            **_COMMON,
            "num_layers": layers,
            "num_query_heads": heads,
            "num_key_value_heads": heads // 2,
            "hidden_dim": width,
            # Both halves of the gated layer together, as KerasHub counts.
            "intermediate_dim": 2 * feed_forward,
            "head_dim": head_dim,
            **others,
        }
    )


# Arguments of `keras_hub.models.GemmaBackbone` by preset, from the tables of
# https://arxiv.org/abs/2408.00118.
GEMMA2_SHAPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "gemma2_2b_en": _shape(26, 8, 2304, 9216, 256),
        "gemma2_9b_en": _shape(42, 16, 3584, 14336, 256),
        "gemma2_27b_en": _shape(
            46, 32, 4608, 36864, 128, query_head_dim_normalize=False
        ),
    }
)


def shape_of(backbone: Any) -> dict[str, Any]:
    """Returns the arguments that build a backbone of the same shape.

    Args:
        backbone: A `keras_hub.models.GemmaBackbone`.
    """
    config = backbone.get_config()
    names = {name for shape in GEMMA2_SHAPES.values() for name in shape}
    return {name: config[name] for name in sorted(names)}
