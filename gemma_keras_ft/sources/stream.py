"""Bounded reading: any file as UTF-8 bytes, or as lines of text."""

import codecs
import contextlib
import gzip
import io
import os
import zlib
from collections.abc import Iterator

from gemma_keras_ft.sources.rows import (
    BadRow,
    ReadLimits,
    SourceFile,
    UnreadableFile,
    excerpt,
)

_CHUNK_BYTES = 1 << 16
# UTF-32's mark begins with UTF-16's, so it is tried first.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class _Utf8Bytes(io.RawIOBase):
    """A file's bytes: unpacked, counted, and in UTF-8 whatever its mark says."""

    def __init__(self, file: io.BufferedIOBase, *, max_bytes: int, gzipped: bool):
        self._file = file
        self._max_bytes = max_bytes
        self._gzipped = gzipped
        self._pending = b""
        self._taken = 0
        head = b""
        while len(head) < 4 and (chunk := self._take(4 - len(head))):
            head += chunk
        mark, self._encoding = _byte_order_mark(head)
        self.mark_bytes = len(mark)
        decoder = codecs.getincrementaldecoder(self._encoding)
        # UTF-8 is passed on as it is: whoever cuts it into lines checks it, so
        # that one bad line costs one line.
        self._decoder = None if self._encoding == "utf-8" else decoder()
        self._decoded = len(mark)
        self._pending = self._to_utf8(head[len(mark) :], final=False)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self._pending:
            chunk = self._take(_CHUNK_BYTES)
            self._pending = self._to_utf8(chunk, final=not chunk)
            if not chunk:
                break
        size = min(len(buffer), len(self._pending))
        buffer[:size] = self._pending[:size]
        self._pending = self._pending[size:]
        return size

    def _take(self, size: int) -> bytes:
        """Returns up to `size` bytes; what lies before a fault is returned first."""
        left = self._max_bytes - self._taken
        try:
            chunk = self._file.read1(min(size, left) or 1)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            detail = f"Not a whole gzip file: {error}."
            raise UnreadableFile("bad_gzip", detail) from error
        if chunk and not left:
            raise self._too_large()
        self._taken += len(chunk)
        return chunk

    def _too_large(self) -> UnreadableFile:
        if self._gzipped:
            return UnreadableFile(
                "decompressed_too_large",
                f"Unfolds to more than {self._max_bytes} bytes; read up to there.",
            )
        return UnreadableFile(
            "file_too_large", f"Grew past {self._max_bytes} bytes while being read."
        )

    def _to_utf8(self, chunk: bytes, *, final: bool) -> bytes:
        if self._decoder is None:
            return chunk
        held = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            offset = self._decoded - held + error.start
            detail = f"Marked as {self._encoding}, which it breaks at byte {offset}."
            raise UnreadableFile("not_utf8", detail) from error
        self._decoded += len(chunk)
        return text.encode("utf-8")


def _byte_order_mark(head: bytes) -> tuple[bytes, str]:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return mark, encoding
    return b"", "utf-8"


class SourceStream(io.BufferedReader):
    """A buffered file; `first_offset` is where its text begins, in bytes."""

    def __init__(self, raw: _Utf8Bytes):
        super().__init__(raw, _CHUNK_BYTES)
        self.first_offset = raw.mark_bytes


@contextlib.contextmanager
def open_stream(file: SourceFile, limits: ReadLimits) -> Iterator[SourceStream]:
    """Opens a file for bounded reading as UTF-8, without its byte order mark.

    Raises:
        UnreadableFile: If it is larger than `limits` allow or not what its name
            says; also while it is being read.
        OSError: If the system can't read it.
    """
    with contextlib.ExitStack() as stack:
        opened: io.BufferedIOBase = stack.enter_context(open(file.path, "rb"))
        check_size(os.fstat(opened.fileno()).st_size, limits)
        if file.gzipped:
            opened = stack.enter_context(gzip.GzipFile(fileobj=opened, mode="rb"))
        allowed = (
            limits.max_decompressed_bytes if file.gzipped else limits.max_file_bytes
        )
        raw = _Utf8Bytes(opened, max_bytes=allowed, gzipped=file.gzipped)
        yield stack.enter_context(SourceStream(raw))


def check_size(size: int, limits: ReadLimits) -> None:
    """Checks a file's size in bytes.

    Raises:
        UnreadableFile: If it passes `limits.max_file_bytes`.
    """
    if size > limits.max_file_bytes:
        raise UnreadableFile(
            "file_too_large",
            f"Has {size} bytes, more than the {limits.max_file_bytes} allowed.",
        )


class TextLines:
    r"""Iterates over a stream's lines as text, with their `\n`.

    A line that is too long, is not UTF-8 or holds a NUL comes as a `BadRow`.

    Args:
        stream: The open file.
        max_line_bytes: Longest line, its `\n` not counted. Of a longer one no
            more than that is ever in memory.

    Attributes:
        number: Number of the line given last, from 1.
        offset: How many bytes of the file have been passed.
    """

    def __init__(self, stream: SourceStream, max_line_bytes: int):
        self._stream = stream
        self._max_line_bytes = max_line_bytes
        self.number = 0
        self.offset = stream.first_offset

    def __iter__(self) -> "TextLines":
        return self

    def __next__(self) -> str | BadRow:
        """Returns the next line.

        Raises:
            UnreadableFile: If the file can't be read on, with the line's number.
        """
        start = self.offset
        try:
            line = self._read_line()
        except UnreadableFile as problem:
            problem.line = self.number + 1
            raise
        if not line:
            raise StopIteration
        self.number += 1
        if len(line.removesuffix(b"\n")) > self._max_line_bytes:
            return BadRow(
                reason="line_too_long",
                detail=f"Has {self.offset - start} bytes, more than the "
                f"{self._max_line_bytes} allowed.",
                line=self.number,
                text=excerpt(line),
            )
        return decode(line, offset=start, line=self.number)

    def _read_line(self) -> bytes:
        line = self._stream.readline(self._max_line_bytes + 1)
        self.offset += len(line)
        rest = line
        while len(line) > self._max_line_bytes and rest and rest[-1:] != b"\n":
            rest = self._stream.readline(_CHUNK_BYTES)
            self.offset += len(rest)
        return line


def decode(data: bytes, *, offset: int, line: int) -> str | BadRow:
    """Returns strict UTF-8 as text, or what is wrong with it.

    Args:
        data: Some of a file's bytes.
        offset: Where in the file they begin.
        line: The line or row they belong to.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = "not_utf8"
        detail = f"Not UTF-8 at byte {offset + error.start} of the file."
    else:
        place = data.find(b"\0")
        if place < 0:
            return text
        reason = "nul_byte"
        detail = f"Holds a NUL at byte {offset + place} of the file."
    return BadRow(reason=reason, detail=detail, line=line, text=excerpt(data))
