"""The data card: what a dataset holds, whose it is, and what was done to it."""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jinja2

from gemma_keras_ft.preprocessing.provenance.representation import UNKNOWN

# Rows shown of a long table; the manifest has them all.
_ROWS = 40
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#!|~$&])")
# What a front matter can name: a language tag, a license's short name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*$")
# Hugging Face's names of sizes.
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("gemma_keras_ft.preprocessing.output", "templates"),
    # Markdown, not HTML: every value goes through `plain`, which escapes for both.
    autoescape=False,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)


def data_card(manifest: Mapping[str, Any]) -> str:
    """Returns the card as Markdown with Hugging Face's front matter.

    Args:
        manifest: The dataset's manifest, as `write_dataset` makes it.
    """
    report = manifest["report"]
    counts = report["counts"]
    return _ENVIRONMENT.get_template("card.md.j2").render(
        manifest=manifest,
        report=report,
        front=_front_matter(manifest),
        counts={name: _cut([*counts[name].items()]) for name in counts},
        reasons=_cut(_descending(report["set_aside_reasons"])),
        rights=_cut(
            [{**row, "languages": [*row["languages"]]} for row in report["rights"]]
        ),
        steps=[step["type"] for step in manifest["recipe"]["steps"]],
        split=manifest["recipe"]["split"],
        styles=_style_balance(report),
        shared=manifest["leaks"]["shared_lines"],
        plain=plain,
    )


def plain(value: Any) -> str:
    r"""Returns a value as one line of Markdown that shows it and does nothing else.

    Example:
        in:   "a | b\n<img src=x>"
        out:  "a \| b &lt;img src=x&gt;"
    """
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "–"
    if value is None or value == "":
        return "–"
    text = " ".join(str(value).split())
    # Control, format (bidi) and surrogate characters could reorder or break the page;
    # joiners are letters' business and stay.
    text = "".join(
        char
        for char in text
        if char in "\u200c\u200d"
        or unicodedata.category(char) not in ("Cc", "Cf", "Cs")
    )
    return _MARKDOWN.sub(r"\\\1", text).replace("<", "&lt;").replace(">", "&gt;")


def _is_harmless(char: str) -> bool:
    # Control, format (bidi) and surrogate characters could reorder or break the page;
    # joiners are letters' business and stay.
    if char in "\u200c\u200d":
        return True
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs")


def _front_matter(manifest: Mapping[str, Any]) -> list[str]:
    counts = manifest["report"]["counts"]
    licenses = [*counts["license"]]
    single = licenses[0] if len(licenses) == 1 and _NAME.match(licenses[0]) else "other"
    languages = sorted(filter(_NAME.match, {*counts["language"]} - {UNKNOWN}))
    return [
        *_yaml_list("language", languages),
        f"license: {_yaml(single)}",
        *_yaml_list("task_categories", ["text-generation", "translation"]),
        f"pretty_name: {_yaml('Lyrics ' + manifest['version'])}",
        *_yaml_list("size_categories", [_size(manifest["report"]["kept"])]),
        *_yaml_list("tags", ["lyrics", "song", "poetry", "romanization"]),
    ]


def _yaml_list(name: str, values: Sequence[str]) -> Iterable[str]:
    return [f"{name}:", *(f"- {_yaml(value)}" for value in values)] if values else []


def _yaml(value: str) -> str:
    # JSON strings are YAML strings.
    return json.dumps(value)


def _size(count: int) -> str:
    return next((name for bound, name in _SIZES if count < bound), "n>10M")


def _descending(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _cut(rows: Sequence[Any]) -> dict[str, Any]:
    return {"rows": rows[:_ROWS], "more": max(0, len(rows) - _ROWS)}


def _style_balance(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns a row a style: songs in each split, and the share held out."""
    rows = []
    for style, splits in sorted(report["styles_by_split"].items()):
        total = sum(splits.values())
        held_out = total - splits.get("train", 0)
        rows.append({"style": style, "splits": splits, "share": held_out / total})
    return rows
