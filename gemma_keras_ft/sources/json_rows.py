"""JSON Lines and JSON: one object a line, or one object or a list of them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gemma_keras_ft.sources.rows import (
    BadRow,
    ReadLimits,
    Row,
    SourceFile,
    UnreadableFile,
    excerpt,
)
from gemma_keras_ft.sources.stream import SourceStream, TextLines, decode, open_stream

# Copying and writing JSON recurse, so deeper values would fail later on.
_MAX_DEPTH = 64
_CHUNK_BYTES = 1 << 16
_SPACE = " \t\r\n\v\f"
_STRUCTURE = re.compile(rb'["\\\[\]{},]')


def parse_json(text: str) -> Any:
    """Returns the value of JSON text.

    Raises:
        ValueError: If it isn't JSON, is nested deeper than 64 levels or holds a
            number of more digits than Python converts.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"nested deeper than {_MAX_DEPTH} levels") from None
    if text.count("[") + text.count("{") > _MAX_DEPTH:
        level = [value]
        for _ in range(_MAX_DEPTH):
            level = [child for parent in level for child in _children(parent)]
        if any(isinstance(value, dict | list) for value in level):
            raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")
    return value


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _object_row(text: str, *, line: int, number: int | None) -> Row | BadRow:
    try:
        value = parse_json(text)
        if not isinstance(value, Mapping):
            raise ValueError(f"a record must be an object, not {type(value).__name__}")
    except ValueError as error:
        return BadRow(
            reason="bad_json",
            detail=f"No JSON record: {error}.",
            line=line,
            text=excerpt(text),
        )
    return Row(fields=value, line=line, number=number)


def read_jsonl(file: SourceFile, limits: ReadLimits) -> Iterator[Row | BadRow]:
    """Reads one object a line; lines of spaces are no rows.

    Raises:
        UnreadableFile: If the file can't be read on.
    """
    with open_stream(file, limits) as stream:
        lines = TextLines(stream, limits.max_line_bytes)
        for line in lines:
            if isinstance(line, BadRow):
                yield line
            elif line.strip(_SPACE):
                number = lines.number
                yield _object_row(line, line=number, number=number)


def read_json(file: SourceFile, limits: ReadLimits) -> Iterator[Row | BadRow]:
    """Reads one object, or a list of objects piece by piece.

    A list is cut at its commas before it is parsed: memory holds one element at
    a time, and a broken element costs that element only.

    Raises:
        UnreadableFile: If the file can't be read on.
    """
    with open_stream(file, limits) as stream:
        offset, first = _skip_space(stream)
        if first == b"[":
            yield from _list_rows(stream, offset + 1, limits)
        elif first:
            piece = first + stream.read(limits.max_record_bytes)
            yield _piece_row(piece, offset, limits, line=1, number=None)


def _skip_space(stream: SourceStream) -> tuple[int, bytes]:
    offset = stream.first_offset
    while (byte := stream.read(1)) and byte in _SPACE.encode():
        offset += 1
    return offset, byte


def _list_rows(
    stream: SourceStream, offset: int, limits: ReadLimits
) -> Iterator[Row | BadRow]:
    cutter = _ListCutter(offset, limits.max_record_bytes)
    number = 0
    try:
        for start, piece in cutter.elements(stream):
            number += 1
            yield _piece_row(piece, start, limits, line=number, number=number)
    except UnreadableFile as problem:
        problem.line = number + 1
        raise


def _piece_row(
    piece: bytes, start: int, limits: ReadLimits, *, line: int, number: int | None
) -> Row | BadRow:
    if len(piece) > limits.max_record_bytes:
        return BadRow(
            reason="record_too_large",
            detail=f"An object with more than {limits.max_record_bytes} bytes.",
            line=line,
            text=excerpt(piece),
        )
    text = decode(piece, offset=start, line=line)
    if isinstance(text, BadRow):
        return text
    return _object_row(text, line=line, number=number)


class _ListCutter:
    """Cuts the bytes of a JSON list at its own commas.

    Args:
        offset: Where in the file the bytes behind the list's bracket begin.
        limit: Of a longer element only `limit + 1` bytes are kept.
    """

    def __init__(self, offset: int, limit: int):
        self._offset = self._start = offset
        self._limit = limit
        self._element = bytearray()
        self._depth = 0
        self._in_string = False
        self._escaped = -1

    def elements(self, stream: SourceStream) -> Iterator[tuple[int, bytes]]:
        """Yields where each element begins, and its bytes; no blank ones."""
        while chunk := stream.read(_CHUNK_BYTES):
            begin = 0
            for match in _STRUCTURE.finditer(chunk):
                if self._is_within(match[0], self._offset + match.start()):
                    continue
                self._add(chunk[begin : match.start()])
                begin = match.end()
                yield from self._take(self._offset + begin)
                if match[0] == b"]":
                    _check_nothing_follows(chunk[begin:], stream)
                    return
            self._add(chunk[begin:])
            self._offset += len(chunk)
        yield from self._take(self._offset)
        raise UnreadableFile("bad_json", "The file ends before its list does.")

    def _is_within(self, mark: bytes, place: int) -> bool:
        """Follows one mark of JSON; says whether it belongs to an element."""
        if place == self._escaped:
            return True
        if self._in_string:
            if mark == b"\\":
                self._escaped = place + 1
            self._in_string = mark != b'"'
            return True
        if mark == b'"':
            self._in_string = True
        elif mark in b"[{":
            self._depth += 1
        elif mark in b"]}" and self._depth:
            self._depth -= 1
        elif mark in b",]":
            return self._depth > 0
        return True

    def _add(self, piece: bytes) -> None:
        self._element += piece[: self._limit + 1 - len(self._element)]

    def _take(self, next_start: int) -> Iterator[tuple[int, bytes]]:
        start, element = self._start, bytes(self._element)
        self._start = next_start
        self._element.clear()
        if element.strip():
            yield start, element


def _check_nothing_follows(rest: bytes, stream: SourceStream) -> None:
    while not rest.strip():
        rest = stream.read(_CHUNK_BYTES)
        if not rest:
            return
    raise UnreadableFile("bad_json", "The file goes on after its list has closed.")
