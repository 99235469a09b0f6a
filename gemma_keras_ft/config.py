"""Configurable: frozen dataclasses that are their own configuration."""

import dataclasses
import os
import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

_REGISTRY: dict[str, type] = {}

T = TypeVar("T", bound=type)


def register(name: str) -> Callable[[T], T]:
    """Registers a Configurable under `name`, the word its JSON carries.

    Example:
        ```python
        @register("drop_short")
        @dataclasses.dataclass(frozen=True, kw_only=True)
        class DropShort(FilterPreprocessor): ...
        ```

    Raises:
        ValueError: If another class has taken the name. The same class defined
            again, as by a notebook cell that is run twice, replaces itself.
    """

    def decorate(cls: T) -> T:
        taken = _REGISTRY.get(name)
        if taken is not None and _identity(taken) != _identity(cls):
            raise ValueError(
                f"`name` must be free. Received: name={name!r}, which "
                f"{taken.__module__}.{taken.__qualname__} has taken. Choose another."
            )
        cls.config_name = name
        _REGISTRY[name] = cls
        return cls

    return decorate


def _identity(cls: type) -> tuple[str, str]:
    # A file is known by other names where it is run as a script, or imported by
    # another process or by its path.
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return os.path.realpath(file) if file else cls.__module__, cls.__qualname__


class Configurable:
    """Base of frozen, keyword-only dataclasses that round-trip through JSON."""

    config_name: typing.ClassVar[str]

    def to_config(self) -> dict[str, Any]:
        """Returns JSON values: the registered `type` and every field."""
        fields = {
            field.name: _to_json(getattr(self, field.name))
            for field in dataclasses.fields(typing.cast(Any, self))
        }
        return {"type": self.config_name, **fields}


def from_config(config: Mapping[str, Any]) -> Any:
    """Rebuilds a Configurable from `to_config()`'s JSON values.

    Only classes that the caller has imported can be rebuilt: nothing is
    imported by name, so a stranger's JSON runs no code.

    Raises:
        ValueError: If `type` is unknown, or a field does not belong to it.
    """
    name = config.get("type")
    cls = _REGISTRY.get(name) if isinstance(name, str) else None
    if cls is None:
        raise ValueError(
            f"`type` must be a registered name. Received: type={name!r}. "
            f"Import the module that defines it, or use one of {sorted(_REGISTRY)}."
        )
    arguments = {key: _from_json(value) for key, value in config.items()}
    del arguments["type"]
    fields = {field.name for field in dataclasses.fields(cls) if field.init}
    unknown = sorted(set(arguments) - fields)
    if unknown:
        raise ValueError(
            f"`{unknown[0]}` must be a field of {name!r}. Available: {sorted(fields)}."
        )
    return cls(**arguments)


def check_seed(seed: int) -> None:
    """Checks what every generator of random numbers here takes as a seed.

    Raises:
        ValueError: If `seed` is not an integer from 0 to 2**31 - 1.
    """
    if not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise ValueError(
            f"`seed` must be an integer from 0 to 2**31 - 1. Received: seed={seed!r}."
        )


def _to_json(value: Any) -> Any:
    if isinstance(value, Configurable):
        return value.to_config()
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _to_json(item) for key, item in value.items()}
    return value


def _from_json(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_from_json(item) for item in value)
    if isinstance(value, Mapping):
        if value.get("type") in _REGISTRY:
            return from_config(value)
        return {key: _from_json(item) for key, item in value.items()}
    return value
