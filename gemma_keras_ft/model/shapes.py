"""The shapes of Gemma 1 and 2, with no weights behind them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

_GEMMA2 = {
    "use_post_ffw_norm": True,
    "use_post_attention_norm": True,
    "attention_logit_soft_cap": 50,
    "final_logit_soft_cap": 30,
    "use_sliding_window_attention": True,
    "sliding_window_size": 4096,
}


def _shape(
    layers, heads, kv_heads, width, feed_forward, head_dim, **others
) -> Mapping[str, Any]:
    return MappingProxyType(
        {
            "vocabulary_size": 256_000,
            "num_layers": layers,
            "num_query_heads": heads,
            "num_key_value_heads": kv_heads,
            "hidden_dim": width,
            # Both halves of the gated layer together, as KerasHub counts.
            "intermediate_dim": 2 * feed_forward,
            "head_dim": head_dim,
            **others,
        }
    )


# Arguments of `keras_hub.models.GemmaBackbone` by preset, from the tables of
# https://arxiv.org/abs/2403.08295 and https://arxiv.org/abs/2408.00118.
GEMMA1_SHAPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "gemma_2b_en": _shape(18, 8, 1, 2048, 16384, 256),
        "gemma_7b_en": _shape(28, 16, 16, 3072, 24576, 256),
    }
)
GEMMA2_SHAPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "gemma2_2b_en": _shape(26, 8, 4, 2304, 9216, 256, **_GEMMA2),
        "gemma2_9b_en": _shape(42, 16, 8, 3584, 14336, 256, **_GEMMA2),
        "gemma2_27b_en": _shape(
            46, 32, 16, 4608, 36864, 128, query_head_dim_normalize=False, **_GEMMA2
        ),
    }
)
SHAPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {**GEMMA1_SHAPES, **GEMMA2_SHAPES}
)
# A name that tells the generation, and the size: nothing stands between the two but
# what was made of the base.
_NAME = re.compile(
    r"gemma(?:[-_]?(?P<two>2)|[-_]1[._]1)?[-_](?:instruct[-_])?(?P<size>2b|7b|9b|27b)"
    r"(?![a-z0-9])"
)


def known_shape(preset: str | Path) -> Mapping[str, Any] | None:
    """Returns the arguments that build a preset's backbone; None if not known here.

    Args:
        preset: A preset folder, whose config.json says it; or a name that tells which
            Gemma 1 or 2 it is, such as `"gemma2_instruct_2b_en"` or
            `"hf://google/gemma-2-2b"`.
    """
    from gemma_keras_ft.model.preset import TINY, tiny_preset_path

    folder = tiny_preset_path() if str(preset) == TINY else Path(preset)
    config = folder / "config.json"
    if config.is_file():
        return json.loads(config.read_text(encoding="utf-8"))["config"]
    found = _NAME.search(str(preset))
    if not found:
        return None
    generation = "gemma2" if found["two"] else "gemma"
    return SHAPES.get(f"{generation}_{found['size']}_en")


def shape_of(backbone: Any) -> dict[str, Any]:
    """Returns the arguments that build a backbone of the same shape.

    Args:
        backbone: A `keras_hub.models.GemmaBackbone`.
    """
    return shape_in(backbone.get_config())


def shape_in(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the shape alone of a backbone's configuration, without names and dtypes.

    Args:
        config: What `get_config` gives, or a preset's config.json.
    """
    names = {name for shape in SHAPES.values() for name in shape}
    return {name: config[name] for name in sorted(names) if name in config}
