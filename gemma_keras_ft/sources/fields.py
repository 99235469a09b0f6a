"""Fields as people spell them -> a record, or the reason to set it aside."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import regex

from gemma_keras_ft.records import LINES_FIELDS, LyricRecord, SetAside
from gemma_keras_ft.sources.json_rows import parse_json
from gemma_keras_ft.sources.plain_text import is_blank, split_lines, tidy_stanzas
from gemma_keras_ft.sources.rows import LYRICS_FIELDS, ReadLimits, Row, payload, shown

_OTHER_SPELLINGS = {
    "lines": LYRICS_FIELDS[1:],
    "title": ("name",),
    "author": ("artist", "singer"),
    "language": ("lang",),
    "license": ("licence",),
}
# Unicode's bound for text in streams is 30 (UAX 15); beyond it normalization takes
# time that grows with the square of the run.
_MOST_MARKS = 30
_MARK_RUN = regex.compile(rf"\p{{M}}{{{_MOST_MARKS + 1}}}")
_RECORD_FIELDS = tuple(field.name for field in dataclasses.fields(LyricRecord))
_DEFAULT_FIELDS = tuple(sorted(set(_RECORD_FIELDS) - {"id", *LINES_FIELDS}))


def check_defaults(defaults: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns `defaults` as a dict.

    Raises:
        ValueError: If a name is no field of a record that records can share, or
            a value has the wrong type.
    """
    defaults = dict(defaults or {})
    unknown = [name for name in defaults if name not in _DEFAULT_FIELDS]
    if unknown:
        raise ValueError(
            f"`defaults` must name fields that records can share. "
            f"Received: {unknown[0]!r}. Available: {list(_DEFAULT_FIELDS)}."
        )
    LyricRecord(id="defaults", lines=(), **defaults)
    return defaults


def build_record(
    row: Row,
    *,
    made_up_id: str,
    where: str,
    defaults: Mapping[str, Any],
    limits: ReadLimits,
) -> LyricRecord | SetAside:
    r"""Builds a record from a row, or says why it can't be one.

    Example:
        in:   {"Artist": "Kabir", "lyrics": "मोको कहाँ\nढूँढ़े", "raga": "Bhairavi"}
        out:  LyricRecord(id=made_up_id, lines=("मोको कहाँ", "ढूँढ़े"),
                          author="Kabir", metadata={"raga": "Bhairavi"})

    Args:
        row: The fields as the file spells them.
        made_up_id: The record's id if it brings none.
        where: File and line, for the set-aside.
        defaults: Values of fields that the row lacks.
        limits: Bounds the record's size.

    Returns:
        The record, or a set-aside that names the field.
    """
    fault = _find_fault(row.fields, limits)
    if fault is None:
        try:
            fields = _converted(_canonical(row.fields))
            if any(not is_blank(line) for line in fields.get("lines", ())):
                fields.setdefault("id", made_up_id)
                return LyricRecord.from_dict(_with_defaults(fields, defaults))
        except ValueError as error:
            fault = "bad_field", str(error)
        else:
            names = ", ".join(LYRICS_FIELDS)
            fault = "no_text", f"Has no words in any of the fields {names}."
    reason, detail = fault
    given = row.fields.get("id")
    return SetAside(
        id=given if isinstance(given, str) and given else where,
        reason=reason,
        detail=detail,
        where=where,
        record=payload(row.fields),
    )


def _find_fault(
    fields: Mapping[str, Any], limits: ReadLimits
) -> tuple[str, str] | None:
    """Finds what no field may hold: broken characters, no numbers, too much."""
    size = 0
    for name, value in _strings_and_numbers(fields):
        if not isinstance(value, str):
            if isinstance(value, float) and not math.isfinite(value):
                return "bad_field", f"{shown(name)} must be finite. Received: {value}."
            continue
        try:
            size += len(value.encode())
        except UnicodeEncodeError as error:
            half = f"{ord(value[error.start]):04X}"
            return "lone_surrogate", f"{shown(name)} holds half a pair, U+{half}."
        if not value.isascii() and _MARK_RUN.search(value):
            detail = f"{shown(name)} heaps more than {_MOST_MARKS} marks on a letter."
            return "too_many_marks", detail
        if "\0" in value:
            return "nul_byte", f"{shown(name)} holds a NUL."
        if size > limits.max_record_bytes:
            detail = f"A record with more than {limits.max_record_bytes} bytes."
            return "record_too_large", detail
    return None


def _strings_and_numbers(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields all leaves and keys with the field they stand in; no missing value."""
    for name, field in fields.items():
        yield name, name
        if _is_missing(field):
            continue
        waiting = [field]
        while waiting:
            value = waiting.pop()
            if isinstance(value, list):
                waiting.extend(value)
            elif isinstance(value, dict):
                waiting.extend([*value.values(), *value])
            else:
                yield name, value


def _canonical(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields under a record's names, the rest under their own."""
    spelled: dict[str, str] = {}
    for name in fields:
        plain = name.strip().casefold()
        # The exact spelling wins over the same name in capitals.
        if plain not in spelled or name == plain:
            spelled[plain] = name
    result = {name: value for name, value in fields.items() if not _is_nan(value)}
    for target in _RECORD_FIELDS:
        names = (target, *_OTHER_SPELLINGS.get(target, ()))
        given = [spelled[name] for name in names if name in spelled]
        for name in given:
            if _is_missing(fields[name]):
                result.pop(name, None)
        present = [name for name in given if name in result]
        if present:
            result[target] = result.pop(present[0])
    # Where another field holds the words, `song` is the common name of the title.
    if "title" not in result and isinstance(result.get("song"), str):
        result["title"] = result.pop("song")
    return result


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or value == [] or _is_nan(value)


def _is_nan(value: Any) -> bool:
    # Data frames write a value that isn't there as NaN.
    return isinstance(value, float) and math.isnan(value)


def _converted(fields: dict[str, Any]) -> dict[str, Any]:
    for name in LINES_FIELDS:
        if name in fields:
            fields[name] = _as_lines(name, fields[name])
    number = fields.get("id")
    if isinstance(number, int) and not isinstance(number, bool):
        fields["id"] = str(number)
    metadata = fields.get("metadata", {})
    if isinstance(metadata, str):
        # A table holds it as text; other text is refused below.
        with contextlib.suppress(ValueError):
            metadata = fields["metadata"] = parse_json(metadata)
    if not isinstance(metadata, Mapping):
        raise ValueError(f"`metadata` must be a mapping. Received: {metadata!r:.80}.")
    return fields


def _as_lines(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return tidy_stanzas(split_lines(value))
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        # A list is kept as it is, so that what was written is read back; only a
        # line that holds a break becomes two.
        return [piece for line in value for piece in split_lines(line) or [""]]
    raise ValueError(
        f"`{name}` must be text or a list of lines. Received: {value!r:.80}."
    )


def _with_defaults(
    fields: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    merged = {**defaults, **fields}
    if "metadata" in merged:
        merged["metadata"] = {
            **defaults.get("metadata", {}),
            **fields.get("metadata", {}),
        }
    return merged
