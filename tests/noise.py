"""Dirty copies of clean songs: known noise goes in, so exact recovery is a test."""

import html
import itertools
import random
from collections.abc import Callable

from gemma_keras_ft.records import LyricRecord

# A song, and the only source of chance -> the dirty song, and what was put into it.
Noise = Callable[[LyricRecord, random.Random], tuple[LyricRecord, list[str]]]

_ROOTS, _KINDS = "CDEFGAB", ("", "m", "7", "m7", "sus4", "maj7", "#m", "/G")
_INVISIBLE = "\u200b\ufeff\u2060\u200e\u200f\u202a\u202c\u2066\u2069"
_SPACES = (" ", "\u00a0", "\t", "\u2003", "\u3000")
_CREDITS = {
    "hi": ("गायक", "संगीत", "गीतकार"),
    "mr": ("गायक", "संगीत", "गीतकार"),
    "pa": ("ਗਾਇਕ", "ਸੰਗੀਤ", "ਗੀਤਕਾਰ"),
    "bn": ("শিল্পী", "সুর", "গীতিকার"),
    "ta": ("பாடகர்", "இசை", "பாடலாசிரியர்"),
    "te": ("గాయకుడు", "సంగీతం", "గీత రచయిత"),
    "ur": ("گلوکار", "موسیقی", "شاعر"),
}
_ENGLISH_CREDITS = ("Singer", "Music", "Lyrics")
_NAMES = ("Asha Verma", "Ravi Kumar", "Meena Das", "Jo Park")


def inject(
    record: LyricRecord, name: str, seed: int
) -> tuple[LyricRecord, tuple[str, ...]]:
    """Returns a dirty copy of the song, and what was put into it.

    The same seed gives the same copy. Nothing is put into a song that has no place
    for it, such as mojibake into ASCII.
    """
    dirty, injected = NOISES[name](record, random.Random(f"{name} {seed} {record.id}"))
    return dirty, tuple(injected)


def double_lines(record: LyricRecord, seed: int) -> LyricRecord:
    """Returns a clean song in which some lines are sung twice running."""
    chance = random.Random(f"double {seed} {record.id}")
    sung = [place for place, line in enumerate(record.lines) if line]
    chosen = {*chance.sample(sung, 2)}
    return record.replace(
        lines=tuple(
            line
            for place, line in enumerate(record.lines)
            for _ in range(2 if place in chosen else 1)
        )
    )


def markup(record, chance):
    """Wraps the song as a page does: paragraphs, breaks, entities, a script."""
    opening = chance.choice(
        ['<div class="lyrics">', "<div id=lyrics><!-- song -->", ""]
    )
    closing = "</div>" if opening else ""
    script = '<script>var song = "la <br> la";</script>'
    line_break = chance.choice(["<br>", "<br/>", "<BR />"])
    paragraphs = [
        line_break.join(_as_entities(line, chance) for line in stanza)
        for stanza in _stanzas(record.lines)
    ]
    pieces = [opening, script, *(f"<p>{text}</p>" for text in paragraphs), closing]
    breaks = sum(len(stanza) - 1 for stanza in _stanzas(record.lines))
    tags = ["<p>", "</p>"] * len(paragraphs) + [line_break] * breaks
    injected = [piece for piece in (opening, script, closing) if piece] + tags
    return record.replace(lines=("".join(pieces),)), injected


def header(record, chance):
    """Glues a lyrics site's counter and title to the first line."""
    count = chance.choice(["1 Contributor", f"{chance.randint(2, 99)} Contributors"])
    text = f"{count}{chance.choice(['', 'TranslationsEspañol'])}{record.title} Lyrics"
    return record.replace(lines=(text + record.lines[0], *record.lines[1:])), [text]


def embed_tail(record, chance):
    """Glues a lyrics site's button to the last word."""
    text = chance.choice(["", "3", "12", "1.5K", "27K", "2M"]) + "Embed"
    return record.replace(lines=(*record.lines[:-1], record.lines[-1] + text)), [text]


def advertisement(record, chance):
    """Puts an advertisement between two stanzas, or two lines."""
    text = chance.choice(
        [
            "You might also like",
            f"See Asha Verma LiveGet tickets as low as ${chance.randint(10, 99)}",
        ]
    )
    place = chance.randrange(1, len(record.lines))
    lines = [*record.lines[:place], text, *record.lines[place:]]
    return record.replace(lines=tuple(lines)), [text]


def section_labels(record, chance):
    """Puts each stanza's label above it, in brackets or with a colon."""
    form = chance.choice(["[{}]", "{}:"])
    labels = [form.format(label) for label in record.metadata["section_labels"]]
    return _with_lines_above(record, labels), labels


def scraped_page(record, chance):
    """Does all that one well-known site's scrapers do, with everything glued on."""
    labels = [f"[{label}]" for label in record.metadata["section_labels"]]
    top = f"{chance.randint(2, 99)} Contributors{record.title} Lyrics"
    advert = "You might also like"
    place = chance.randrange(1, len(labels))
    glued = [top + labels[0], *labels[1:]]
    glued[place] = advert + glued[place]
    dirty = _with_lines_above(record, glued)
    tail = f"{chance.randint(1, 40)}Embed"
    lines = (*dirty.lines[:-1], dirty.lines[-1] + tail)
    return dirty.replace(lines=lines), [*labels, top, advert, tail]


def chords(record, chance):
    """Puts a line of chords above some of the lines."""
    lines, injected = [], []
    for line in record.lines:
        if line and chance.random() < 0.6:
            names = [_chord(chance) for _ in range(chance.randint(1, 4))]
            gaps = [" " * chance.randint(1, 12) for _ in names]
            lines.append("".join(itertools.chain(*zip(gaps, names, strict=True))))
            injected.append(lines[-1])
        lines.append(line)
    return record.replace(lines=tuple(lines)), injected


def timestamps(record, chance):
    """Puts the time before each line, and the file's tags above them, as LRC does."""
    seconds = 10.0
    tags = [f"[ti:{record.title}]", "[ar:Asha Verma]", "[length:03:12]"]
    lines, injected = [*tags], [*tags]
    for line in record.lines:
        if line:
            injected.append(f"[{int(seconds // 60):02d}:{seconds % 60:05.2f}]")
            lines.append(f"{injected[-1]}{chance.choice(['', ' '])}{line}")
            seconds += chance.uniform(1.5, 9)
        else:
            lines.append("")
    return record.replace(lines=tuple(lines)), injected


def repeat_marks(record, chance):
    """Writes a line that is sung twice running once, with a mark."""
    mark = chance.choice([" (x2)", " (2x)", " [x2]", " x2", " ×2"])
    lines: list[str] = []
    for line, group in itertools.groupby(record.lines):
        count = len(list(group))
        lines += [line + mark] if line and count == 2 else [line] * count
    injected = [mark] * (len(record.lines) - len(lines))
    return record.replace(lines=tuple(lines)), injected


def links(record, chance):
    """Puts addresses and handles behind lines and on lines of their own."""
    number = chance.randint(1, 999)
    links = [
        f"https://www.example.com/songs?id={number}&lang=hi",
        f"www.example.org/song/{number}",
        f"@songs_{number}",
        f"songs{number}@example.com",
    ]
    chance.shuffle(links)
    lines = list(record.lines)
    places = [place for place, line in enumerate(lines) if line]
    lines[place := chance.choice(places)] += f" {links[0]}"
    lines.insert(place + 1, links[1])
    return record.replace(lines=tuple(lines)), links[:2]


def zero_width(record, chance):
    """Puts characters that nobody sees between others, and around lines."""
    lines, injected = [], []
    for line in record.lines:
        chars = list(line)
        for _ in range(chance.randint(1, 3) if line else 0):
            injected.append(chance.choice(_INVISIBLE))
            chars.insert(chance.randint(0, len(chars)), injected[-1])
        lines.append("".join(chars))
    return record.replace(lines=tuple(lines)), injected


def spacing(record, chance):
    """Widens spaces, and puts more blank lines where stanzas are parted."""

    def more() -> str:
        return "".join(chance.choices(_SPACES, k=chance.randint(1, 3)))

    lines, injected = ["", more()], []
    for line in record.lines:
        if line:
            words = line.split(" ")
            gaps = [f" {more()}" for _ in words[1:]] + [more()]
            pieces = [more(), *itertools.chain(*zip(words, gaps, strict=True))]
            lines.append("".join(pieces))
        else:
            lines += ["", more(), ""]
        injected.append(" ")
    return record.replace(lines=(*lines, more(), "")), injected


def controls(record, chance):
    """Puts control characters between others."""
    lines, injected = [], []
    for line in record.lines:
        chars = list(line)
        if line:
            injected.append(chance.choice("\x00\x01\x07\x08\x0e\x1b\x7f\x80\x9f"))
            chars.insert(chance.randint(0, len(chars)), injected[-1])
        lines.append("".join(chars))
    return record.replace(lines=tuple(lines)), injected


def mojibake(record, chance):
    """Reads the song's UTF-8 as Windows-1252, as browsers do."""
    lines = tuple(map(misread, record.lines))
    changed = lines != record.lines
    return record.replace(lines=lines), ["cp1252"] if changed else []


def credits_block(record, chance):
    """Puts singer, composer and writer above the song, in its language or English."""
    own = _CREDITS.get((record.language or "").split("-")[0], _ENGLISH_CREDITS)
    labels = chance.choice([own, _ENGLISH_CREDITS])
    names = chance.sample(_NAMES, len(labels))
    separator = chance.choice([": ", " - ", " : "])
    block = [
        f"{label}{separator}{name}" for label, name in zip(labels, names, strict=True)
    ]
    return record.replace(lines=(*block, "", *record.lines)), block


NOISES: dict[str, Noise] = {
    "markup": markup,
    "header": header,
    "embed_tail": embed_tail,
    "advertisement": advertisement,
    "section_labels": section_labels,
    "scraped_page": scraped_page,
    "chords": chords,
    "timestamps": timestamps,
    "repeat_marks": repeat_marks,
    "links": links,
    "zero_width": zero_width,
    "spacing": spacing,
    "controls": controls,
    "mojibake": mojibake,
    "credits_block": credits_block,
}


def misread(text: str) -> str:
    """Decodes UTF-8 as Windows-1252; its five unused bytes become C1 controls."""
    return "".join(
        bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode()
    )


def read_back(text: str) -> str:
    """Undoes `misread`."""
    return b"".join(
        char.encode("cp1252", "ignore") or bytes([ord(char)]) for char in text
    ).decode()


def _stanzas(lines) -> list[list[str]]:
    groups = itertools.groupby(lines, key=bool)
    return [list(group) for sung, group in groups if sung]


def _with_lines_above(record: LyricRecord, labels) -> LyricRecord:
    stanzas = zip(labels, _stanzas(record.lines), strict=True)
    lines = [line for label, stanza in stanzas for line in ("", label, *stanza)]
    return record.replace(lines=tuple(lines[1:]))


def _as_entities(line: str, chance: random.Random) -> str:
    """Escapes a line as pages do; some letters are written by number."""
    chars = [
        f"&#{ord(char)};" if chance.random() < 0.05 else html.escape(char)
        for char in line
    ]
    return "".join(chars)


def _chord(chance: random.Random) -> str:
    return chance.choice(_ROOTS) + chance.choice(_KINDS)
