"""The review's page: one HTML file, for a browser here or a reader elsewhere."""

import base64
import functools
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from gemma_keras_ft.console import printable
from gemma_keras_ft.evaluation.tables import language_tag
from gemma_keras_ft.preprocessing.culture.decision_rows import lines_sha256
from gemma_keras_ft.preprocessing.culture.decisions import open_flags
from gemma_keras_ft.preprocessing.culture.exclusions import CATEGORIES
from gemma_keras_ft.preprocessing.culture.flags import flags_of
from gemma_keras_ft.preprocessing.culture.protection import Guard, ProtectedPhrases
from gemma_keras_ft.preprocessing.store import LyricDataset, read_dataset
from gemma_keras_ft.records import LyricRecord, write_text_atomically
from gemma_keras_ft.workflow.review_queue import ReviewItem, guard_of, review_items

_SHOWN = ("title", "author", "style", "source", "license", "where", "reason", "why")


def write_review_page(
    dataset: str | Path,
    path: str | Path,
    *,
    protected: ProtectedPhrases | None = None,
    reviewer: str | None = None,
) -> Path:
    """Writes the review as one HTML file that can be sent to a reader.

    It needs no network. The reader's decisions are downloaded from it as JSONL, to be
    appended to the dataset's `decisions.jsonl`. The file holds the songs in full: who
    may read it is for you to see to.

    Args:
        dataset: The folder that `curate` wrote.
        path: Where to write the page.
        protected: Phrases that no edit may touch; those of the curation by default.
        reviewer: The reader's name, if you know it.

    Returns:
        The path of the page.

    Raises:
        FileNotFoundError: If the folder holds no dataset.
        ValueError: If a file of it was changed since it was written.
    """
    read = read_dataset(dataset)
    guard = guard_of(protected, read)
    items = review_items(read, guard)
    page = render_page(items, read, guard=guard, reviewer=reviewer, served=False)
    write_text_atomically(path, page)
    return Path(path)


def render_page(
    items: Sequence[ReviewItem],
    dataset: LyricDataset,
    *,
    guard: Guard,
    reviewer: str | None,
    served: bool,
) -> str:
    """Renders the review as one HTML page.

    Args:
        items: The songs, in the order in which they are shown.
        dataset: The dataset they are from.
        guard: Knows the protected phrases, which are shown.
        reviewer: The reader's name, if it is known.
        served: Whether decisions are sent back to where the page came from.
    """
    name = printable(dataset.directory.resolve().name)
    data = {
        "name": name,
        "version": dataset.version,
        "reviewer": printable(reviewer or ""),
        "served": served,
        "categories": CATEGORIES,
        "items": [_shown_item(item, guard) for item in items],
    }
    style, script = (_source(suffix) for suffix in ("css", "js"))
    return (
        _environment()
        .get_template("review.html.j2")
        .render(
            name=name,
            served=served,
            style=Markup(style),
            script=Markup(script),
            policy=content_policy(served=served),
            data=_embed(data),
        )
    )


def content_policy(*, served: bool) -> str:
    """Returns the page's Content-Security-Policy: its own style and script alone."""
    sources = [f"'sha256-{_digest(_source(suffix))}'" for suffix in ("css", "js")]
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {sources[0]}",
            f"script-src {sources[1]}",
            *(["connect-src 'self'"] if served else []),
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _shown_item(item: ReviewItem, guard: Guard) -> dict[str, Any]:
    record, review = item.record, item.review
    waiting = open_flags(record, review)
    decision = review.decision
    return {
        **{name: _shown_text(item, name) for name in _SHOWN},
        "id": record.id,
        "sha256": lines_sha256(record.lines),
        "state": review.state,
        "by": None if decision is None else _shown_decision(decision.to_row()),
        "language": record.language or "",
        "lang": language_tag(record.language),
        "script": record.script or "",
        "no_alter": record.no_alter,
        "lines": record.lines,
        "edited": None if review.lines == record.lines else review.lines,
        "romanized": record.romanized,
        "translation": record.translation,
        "translation_lang": language_tag(record.translation_language),
        "flags": [{**flag, "open": flag in waiting} for flag in flags_of(record)],
        "protected": [*_protected_spans(record, guard)],
    }


def _shown_text(item: ReviewItem, name: str) -> str:
    owner = {"where": item, "reason": item, "why": item.review}.get(name, item.record)
    return getattr(owner, name) or ""


def _shown_decision(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("decision", "note", "reviewer", "time")}


def _protected_spans(record: LyricRecord, guard: Guard) -> Iterator[dict[str, Any]]:
    places = [("title", None, record.title or "")]
    places += [("lines", place, line) for place, line in enumerate(record.lines)]
    for field, place, text in places:
        for _, start, end in guard.matcher.find(text):
            yield {"field": field, "line": place, "start": start, "end": end}


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("gemma_keras_ft.workflow", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@functools.cache
def _source(suffix: str) -> str:
    """Returns the page's style or script, which stand in files of their own."""
    loader = _environment().loader
    assert loader is not None  # `_environment` sets it
    names = [
        name
        for name in loader.list_templates()
        if name.startswith("review") and name.endswith(f".{suffix}")
    ]
    return "\n".join(
        loader.get_source(_environment(), name)[0] for name in sorted(names)
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _embed(data: Mapping[str, Any]) -> Markup:
    """Returns JSON that can't end the script element it stands in."""
    text = json.dumps(data)
    return Markup(re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", text))
