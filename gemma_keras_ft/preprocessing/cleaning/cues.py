"""Cues that nobody sings: `(Music)`, `[Guitar Solo]`, `(संगीत)`, on their own line."""

import regex

from gemma_keras_ft.preprocessing.cleaning.patterns import folded

_OPENED = regex.compile(r"\s*[(\[{<【（［*♪♫♬~]")
_BRACKETS = regex.compile(
    r"[(\[{<【（［*♪♫♬~\s]+(?P<cue>[^\n()\[\]{}<>【】（）［］*♪♫♬~]{1,60}?)\s*"
    r"[)\]}>】）］*♪♫♬~\s]+"
)
_LONGEST = 80
_INSTRUMENT = (
    "guitar|piano|drums?|flute|violin|sitar|tabla|bansuri|saxophone|sax|harmonium|"
    "veena|nadaswaram|bass|keyboard|organ|harmonica|trumpet|accordion|strings?|synth|"
    "dhol|dholak|shehnai|sarangi|oud|erhu"
)
_ENGLISH = regex.compile(
    rf"(?:(?:short|long|brief)\s+)?(?:(?:{_INSTRUMENT})\s+)?"
    r"(?:instrumental|music(?:al)?|background music)"
    r"(?:\s+(?:break|interlude|intro|outro|solo|playing|plays|fades?(?: out)?|stops))?"
    rf"(?:\s+\d)?|(?:{_INSTRUMENT})\s+(?:solo|interlude|break|intro|outro)(?:\s+\d)?"
    r"|(?:crowd|audience)\s+(?:cheers|cheering|applauds|noise|clapping)|applause"
    r"|laughter|laughs|laughing|giggles|coughs|cheering|clapping|claps"
    r"|fades?[ -]?out|beat drops?"
)
_WORDS = (
    "संगीत|म्यूजिक|म्यूज़िक|म्युझिक|वाद्य संगीत|वाद्य|वाद्य वादन|ਸੰਗੀਤ|ਸਾਜ਼|সঙ্গীত|সংগীত|বাজনা"
    "|যন্ত্রসঙ্গীত|இசை|வாத்திய இசை|సంగీతం|వాద్య సంగీతం|ಸಂಗೀತ|ವಾದ್ಯ ಸಂಗೀತ|സംഗീതം"
    "|വാദ്യസംഗീതം|સંગીત|વાદ્ય સંગીત|ସଙ୍ଗୀତ|ସଂଗୀତ|موسیقی|ساز|موسيقى|música|musica"
    "|instrumentale|musique|musik|instrumentaal|müzik|enstrümantal|muzik|музыка"
    "|проигрыш|инструментал|间奏|間奏|前奏|音乐|音樂|音楽"
    "|음악|간주|nhạc|nhạc dạo|tugtog"
)
_CUES = frozenset(map(folded, _WORDS.split("|")))


def is_cue(line: str) -> bool:
    """Says whether the whole line is a cue, set off by brackets, notes or stars.

    Without them it may be sung, as may `(music)` at the end of a line.
    """
    if len(line) > _LONGEST or not _OPENED.match(line):
        return False
    found = _BRACKETS.fullmatch(line.strip())
    cue = folded(found["cue"]) if found else ""
    return cue in _CUES or _ENGLISH.fullmatch(cue) is not None
