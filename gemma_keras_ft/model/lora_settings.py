"""What an adapter is: its layers, its rank and its scale."""

import dataclasses
from collections.abc import Sequence

from gemma_keras_ft.config import Configurable, register

ATTENTION = ("query", "key", "value", "attention_output")
FEED_FORWARD = ("ffw_gating", "ffw_gating_2", "ffw_linear")
ALL_LINEAR = "all_linear"
_LAYERS = ATTENTION + FEED_FORWARD
_LARGEST_RANK = 1024
_LARGEST_ALPHA = 65536


@register("adapter")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Adapter(Configurable):
    """What to adapt, and how much.

    Args:
        rank: Rank of each update. In Keras' factorization of the query, key and
            value kernels `(heads, width, head_width)` it is the rank per head.
        alpha: Updates are scaled by `alpha / rank`.
        targets: Names of the layers to adapt in every decoder block, in any order,
            or `"all_linear"` for all seven.
        rank_stabilized: Whether to scale by `alpha / sqrt(rank)` instead: updates
            then keep their size as the rank grows.
        dropout: Share of an update's inputs that is dropped in training.

    Raises:
        ValueError: If a value is out of range or a target unknown.

    References:
        Hu et al., 2021. https://arxiv.org/abs/2106.09685. Rank stabilization:
        Kalajdzievski, 2023. https://arxiv.org/abs/2312.03732
    """

    rank: int = 8
    alpha: float = 16.0
    targets: Sequence[str] = _LAYERS
    rank_stabilized: bool = False
    dropout: float = 0.0

    def __post_init__(self):
        if not isinstance(self.rank, int) or not 1 <= self.rank <= _LARGEST_RANK:
            raise ValueError(
                f"`rank` must be from 1 to {_LARGEST_RANK}. Received: "
                f"rank={self.rank!r}."
            )
        if not _is_number(self.alpha) or not 0 < self.alpha <= _LARGEST_ALPHA:
            raise ValueError(
                f"`alpha` must be positive, at most {_LARGEST_ALPHA}. Received: "
                f"alpha={self.alpha!r}."
            )
        if not isinstance(self.rank_stabilized, bool):
            raise ValueError(
                "`rank_stabilized` must be True or False. Received: "
                f"rank_stabilized={self.rank_stabilized!r}."
            )
        if not _is_number(self.dropout) or not 0 <= self.dropout < 1:
            raise ValueError(
                f"`dropout` must be in [0, 1). Received: dropout={self.dropout!r}."
            )
        object.__setattr__(self, "targets", _ordered(self.targets))

    @property
    def scale(self) -> float:
        """The factor on every update."""
        return self.alpha / (self.rank**0.5 if self.rank_stabilized else self.rank)


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ordered(targets: Sequence[str]) -> tuple[str, ...]:
    named = [targets] if isinstance(targets, str) else targets
    if not isinstance(named, Sequence) or not named:
        named = (None,)
    unknown = [name for name in named if name not in (ALL_LINEAR, *_LAYERS)]
    if unknown:
        raise ValueError(
            f"`targets` must name layers of a decoder block. Received: "
            f"targets={targets!r}. Available: {[ALL_LINEAR, *_LAYERS]}."
        )
    chosen = _LAYERS if ALL_LINEAR in named else named
    return tuple(name for name in _LAYERS if name in chosen)
