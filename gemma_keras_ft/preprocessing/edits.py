"""Edits of a song's lines that keep what runs beside them in step."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank, stanza_places, tidy_stanzas

PARALLEL = ("romanized", "translation")
# Lists in the metadata that hold one value for each line.
ALIGNED = ("line_times_seconds", "line_types")
_ROUNDS = 10
# What is in these lists counts once, however often it was found.
_NAMED_ONCE = frozenset({"credits", "performers", "filled"})


@dataclasses.dataclass(kw_only=True)
class Edit:
    """What becomes of one field's lines.

    Example:
        ```python
        # "[Music]", "la la (x2)", "end"
        Edit(pieces=[(), ("la la",), ("end",)], order=[1, 1, 2])
        ```

    Args:
        pieces: For each line what takes its place: nothing, one line or several.
        order: Places of `pieces` as they come out, a place as often as it is sung;
            by default as they stand.
        shared: Places whose new text stands in the parallel fields too.
        notes: Lists that the metadata's lists of the same names are extended by.
        times: When each place of `order` is sung, in seconds.
    """

    pieces: Sequence[Sequence[str]]
    order: Sequence[int] | None = None
    shared: Collection[int] = ()
    notes: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    times: Sequence[float | None] | None = None

    def places(self) -> Sequence[int]:
        """Returns `order`, or every place once."""
        return range(len(self.pieces)) if self.order is None else self.order


# Takes a field's lines and their language; None where there is nothing to do.
EditLines = Callable[[Sequence[str], str | None], Edit | None]


def edit_song(
    record: LyricRecord, edit: EditLines, names: EditLines | None = None
) -> LyricRecord:
    """Applies `edit` until it finds nothing more to do.

    The song's own lines decide: where one of them goes, is repeated or moves, its
    romanization and translation do too if they ran line for line, and so do the
    metadata's lists of one value a line. What stood beside a line that goes is
    kept in `metadata["removed"]`. If a line is split and its romanization isn't,
    the romanization is dropped, since it can be made anew; a translation is kept,
    no longer line for line. A song that is still changing after ten rounds is no
    song but a trap, and stays as it came, as does every `no_alter` record.

    Args:
        record: The song.
        edit: Called with each field's lines and their language; must return None
            where it would change nothing.
        names: The same for title and author, each given as one line.
    """
    if record.no_alter:
        return record
    edited = record
    for _ in range(_ROUNDS):
        before, edited = edited, _edited_once(edited, edit, names)
        if edited is before:
            return edited
    return record


def edit_each(
    lines: Sequence[str],
    change: Callable[[str], str],
    notes: Mapping[str, Sequence[Any]] | None = None,
) -> Edit | None:
    """Edits line by line; a line of which nothing is left goes."""
    changed = [change(line) for line in lines]
    if all(map(str.__eq__, changed, lines)):
        return None
    pieces = [
        (new,) if new == line or not is_blank(new) else ()
        for new, line in zip(changed, lines, strict=True)
    ]
    return Edit(pieces=pieces, notes=notes or {})


def extended(
    metadata: Mapping[str, Any], notes: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """Returns the metadata with its lists extended by `notes`."""
    result = dict(metadata)
    for key, values in notes.items():
        before = result.get(key)
        before = before if isinstance(before, list | tuple) else [before]
        found = [value for value in before if value is not None]
        for value in values:
            if key not in _NAMED_ONCE or value not in found:
                found.append(value)
        if values:
            result[key] = found
    return result


def tidied(
    record: LyricRecord,
    lines: Sequence[str],
    others: Mapping[str, Sequence[str]],
    in_step: Collection[str],
    aligned: Mapping[str, Sequence[Any]],
) -> dict[str, Any]:
    """Returns changes that hold the new lines, stanzas parted by one empty line.

    Args:
        record: The song as it was.
        lines: Its new lines.
        others: New lines of the other fields.
        in_step: Those of `others` that run line for line with `lines`.
        aligned: The metadata's lists of one value a line, for the new lines.
    """
    columns = {"lines": lines, **{name: others[name] for name in in_step}}
    shown = ["".join(row) for row in zip(*columns.values(), strict=True)]
    places = stanza_places(shown)
    changes: dict[str, Any] = {
        name: tuple(
            "" if is_blank(column[place]) else column[place] for place in places
        )
        for name, column in columns.items()
    }
    for name in others:
        if name not in in_step:
            lost = len(getattr(record, name)) == len(record.lines)
            again = lost and name == "romanized"
            changes[name] = None if again else tuple(tidy_stanzas(list(others[name])))
    metadata = {
        key: value
        for key, value in record.metadata.items()
        if key not in aligned_lists(record)
    }
    for key, values in aligned.items():
        metadata[key] = [values[place] for place in places]
    changes["metadata"] = metadata
    return changes


def has_untidy_borders(lines: Sequence[str]) -> bool:
    """Says whether `tidied` would change empty lines, as far as `lines` alone say."""
    # Seen from inside the song there is a border on either side.
    border = True
    for line in (*lines, ""):
        before, border = border, not line or is_blank(line)
        if border and (line or before):
            return bool(lines)
    return False


def aligned_lists(record: LyricRecord) -> dict[str, Sequence[Any]]:
    """Returns the metadata's lists that hold one value for each line."""
    return {
        key: values
        for key in ALIGNED
        if isinstance(values := record.metadata.get(key), list | tuple)
        and len(values) == len(record.lines)
    }


def _edited_once(
    record: LyricRecord, edit: EditLines, names: EditLines | None
) -> LyricRecord:
    changes: dict[str, Any] = {}
    notes: dict[str, list[Any]] = {}
    columns = {
        name: values
        for name in ("lines", *PARALLEL)
        if (values := getattr(record, name)) is not None
    }
    edits = {
        name: edit(values, _language(record, name)) for name, values in columns.items()
    }
    if any(edits.values()):
        changes = _applied(record, columns, edits, notes)
    for name in ("title", "author") if names else ():
        value = getattr(record, name)
        named = names((value,), record.language) if names and value else None
        if named:
            _add(notes, named.notes)
            pieces = [piece for group in named.pieces for piece in group]
            changes[name] = " ".join(pieces).strip() or None
    if all(getattr(record, name) == value for name, value in changes.items()):
        return record
    metadata = changes.pop("metadata", record.metadata)
    return record.replace(**changes, metadata=extended(metadata, notes))


def _language(record: LyricRecord, name: str) -> str | None:
    if name == "romanized":
        return "und-Latn"
    return record.language if name == "lines" else record.translation_language


def _applied(
    record: LyricRecord,
    columns: Mapping[str, Sequence[str]],
    edits: Mapping[str, Edit | None],
    notes: dict[str, list[Any]],
) -> dict[str, Any]:
    own = edits["lines"] or Edit(pieces=[(line,) for line in record.lines])
    _add(notes, own.notes)
    rows = [(place, i) for place in own.places() for i in range(len(own.pieces[place]))]
    others, in_step = {}, []
    for name in columns:
        if name == "lines":
            continue
        values = columns[name]
        other = edits[name] or Edit(pieces=[(line,) for line in values])
        found = None
        if len(values) == len(record.lines):
            found = _in_step(own, other, values, notes)
        # Labels and credits are named as the song itself has them.
        _add_new(notes, {"removed": other.notes.get("removed", ())})
        if found is None:
            others[name] = [p for place in other.places() for p in other.pieces[place]]
        else:
            in_step.append(name)
            others[name] = [found[place][i] for place, i in rows]
    aligned: dict[str, Sequence[Any]] = {
        key: [values[place] for place, _ in rows]
        for key, values in aligned_lists(record).items()
    }
    if own.times is not None:
        timed = zip(own.places(), own.times, strict=True)
        aligned["line_times_seconds"] = [
            time for place, time in timed for _ in own.pieces[place]
        ]
    lines = [own.pieces[place][i] for place, i in rows]
    return tidied(record, lines, others, in_step, aligned)


def _in_step(
    own: Edit, other: Edit, values: Sequence[str], notes: dict[str, list[Any]]
) -> list[Sequence[str]] | None:
    """Returns what stands beside each of the song's pieces, or None if it can't."""
    more = Counter(other.order or ()) - Counter(own.order or range(len(values)))
    found: list[Sequence[str]] = []
    for place, (pieces, theirs) in enumerate(
        zip(own.pieces, other.pieces, strict=True)
    ):
        if more[place]:
            # Only this field says that the line is sung again: it goes on saying so.
            theirs = (values[place],)
        if place in own.shared:
            theirs = pieces
        elif not pieces:
            gone = [piece for piece in theirs if not is_blank(piece)]
            _add_new(notes, {"removed": gone})
            theirs = ()
        elif not theirs:
            theirs = ("",) * len(pieces)
        if len(theirs) != len(pieces):
            return None
        found.append(theirs)
    return found


def _add(notes: dict[str, list[Any]], more: Mapping[str, Sequence[Any]]) -> None:
    for key, values in more.items():
        notes.setdefault(key, []).extend(values)


def _add_new(notes: dict[str, list[Any]], more: Mapping[str, Sequence[Any]]) -> None:
    """Adds what is not noted yet: parallel fields carry the same residue."""
    for key, values in more.items():
        before = notes.setdefault(key, [])
        before.extend([value for value in values if value not in before])
