"""Low-rank adapters: enable, count, reset, save, load, merge."""

from gemma_keras_ft.model.adapter_file import load_adapter, read_adapter, save_adapter
from gemma_keras_ft.model.lora_enable import (
    adapter_random_state,
    adapter_settings,
    adapter_variables,
    base_only,
    count_adapter_parameters,
    enable_adapter,
)
from gemma_keras_ft.model.lora_merge import (
    merge_adapter,
    merged_adapter,
    unmerge_adapter,
)
from gemma_keras_ft.model.lora_settings import (
    ALL_LINEAR,
    ATTENTION,
    FEED_FORWARD,
    Adapter,
)
from gemma_keras_ft.model.lora_stock import load_stock_adapter

__all__ = [
    "ALL_LINEAR",
    "ATTENTION",
    "FEED_FORWARD",
    "Adapter",
    "adapter_random_state",
    "adapter_settings",
    "adapter_variables",
    "base_only",
    "count_adapter_parameters",
    "enable_adapter",
    "load_adapter",
    "load_stock_adapter",
    "merge_adapter",
    "merged_adapter",
    "read_adapter",
    "save_adapter",
    "unmerge_adapter",
]
