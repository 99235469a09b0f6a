"""How people type the sounds of a language in a-z: tables of rules.

A word is its ISO 15919 letters with a space around each: " k ā m ". Rules rewrite
it in order; what begins with "=" is typed already. `LETTERS` types what is left.
"""

import functools

import regex

LETTERS = {
    **{"ā": "a", "ī": "i", "ū": "u", "r̥": "ri", "r̥̄": "ri", "l̥": "li", "l̥̄": "li"},
    **{"ē": "e", "ō": "o", "ê": "a", "ô": "o", "ŭ": "u"},
    **{"c": "ch", "ch": "chh", "ṭ": "t", "ṭh": "th", "ḍ": "d", "ḍh": "dh"},
    **{"ṅ": "n", "ñ": "n", "ṇ": "n", "ṉ": "n", "m̐": "n", "n̆": "n", "ṁ": "n", "ṃ": "n"},
    **{"ś": "sh", "ṣ": "sh", "ḷ": "l", "ḻ": "l", "ṟ": "r", "r̆": "r", "ẏ": "y"},
    **{"k͟h": "kh", "ġ": "gh", "ṛ": "d", "ṛh": "dh", "ĉ": "ch", "ṯ": "t"},
    **{"t̤": "t", "s̤": "s", "h̤": "h", "ḥ": "h", "ḵ": "h", "ẖ": "h", "ḫ": "h", "'": ""},
}

Rule = tuple[regex.Pattern, str]

# Sounds, for the contexts below; a nasal sign is neither vowel nor consonant.
_V = "(?:ai|au|r̥̄?|l̥̄?|[aāiīuūeēoōêôŭ])"
_N = "(?:m̐|n̆|ṁ|ṃ)"
_C = rf"(?:(?!{_V} |{_N} |[ḥḵẖḫ'])[^ =]+|=[^aeiou ]+)"
_STOP = "(?:[kgcjṭḍtd]h?)"
_START, _END = "^ ", "$"
# The first vowel of a word, and a last syllable that ends in a consonant.
_FIRST = f"^(?: {_C})* "
_CLOSED = f"(?:{_N} )?(?:{_C} )+$"


def _rule(sound: str, typed: str, *, after: str = "", before: str = "") -> Rule:
    """A sound between contexts that end and begin with whole sounds."""
    after = after if after.startswith("^") else f" {after}"
    return regex.compile(f"(?<={after}){sound}(?= {before})"), typed


_EVERYWHERE = (
    # An aspirate is doubled by a plain letter.
    _rule("([kcṭtpgjḍdb])h", r"\1", before=r"\1h "),
    _rule(_N, "=m", before="(?:ph?|bh?|m) "),
)
_AT_LAST = (_rule("ṅ", "=ng", before="(?!(?:kh?|gh?) )"),)
_JNYA = {"mr": "=dny", "gu": "=gn", "sa": "=jn", "te": "=gn", "kn": "=jn"}
_NORTHERN = (
    _rule("c ch?", "=cch"),
    _rule("ē", "=ye", after="[aāiīō] "),
    _rule("v", "=w", after="(?:[kgcjtdsśṣ]h?|h) "),
    # aap, aankh; kaam; geet and phool; hoon.
    _rule("ā", "=aa", after=_START),
    _rule("ā", "=aa", after=_FIRST, before=f"(?:{_CLOSED}|{_N} $)"),
    _rule("ī", "=ee", after=_FIRST, before=_CLOSED),
    _rule("ū", "=oo", after=_FIRST, before=f"(?:{_CLOSED}|{_N} $)"),
)
_HINDI = (
    _rule("v", "=w", after="[^ ]+ ", before="ā "),
    # pehla, kehna; tasveer, mehboob.
    _rule("a", "=e", after=f"{_C} ", before=f"h (?:{_C} |$)"),
    _rule("ī", "=ee", before=f"(?:{_C} )+$"),
    _rule("ū", "=oo", before=f"(?:{_C} )+$"),
)
_PUNJABI = (
    _rule("ṛh", "=rh"),
    _rule("i", "=y", after="[aāēō] ", before="ā "),
    _rule("c ch?", "=ch", before=_END),
    _rule("a h i", "=eh", after=f"{_C} ", before=f"(?:{_C} |$)"),
)
_VOCALIC_RU = (_rule("r̥", "=ru"),)
# maru and ghar-ma; kela and asa: nasalization that is not typed.
_GUJARATI = (
    *_VOCALIC_RU,
    _rule(f"([uū]) {_N}", r"\1", before=_END),
    _rule(f"ā {_N}", "ā", after="m ", before=_END),
)
_MARATHI = (*_VOCALIC_RU, _rule(_N, "=", before=_END))
# Where an anusvara is m unless a stop follows.
_NASAL_M = (_rule(_N, "=m", before=f"(?!{_STOP} )"),)
_ODIA = (*_VOCALIC_RU, _rule("y", "=j"), _rule("ẏ", "=y"))
_ASSAMESE = (
    _rule("ch?", "=s"),
    _rule("y", "=y", after=f"{_C} "),
    _rule("y", "=j"),
    _rule("v", "=w"),
)
_BENGALI = (
    _rule("ai", "=oi"),
    _rule("au", "=ou"),
    _rule("c ch?", "=cch"),
    _rule("k ṣ", "=kh", after=_START),
    _rule("k ṣ", "=kkh"),
    # A subscript ya doubles, a subscript ba is a breath of w.
    _rule("([kcṭtpgjḍdb])h y", r"\1 \1h", after=f"{_V} "),
    _rule("([kcṭtpgjḍdbnṇmlsśṣ]) y", r"\1 \1", after=f"{_V} "),
    _rule("y a", "=ya", after=f"^ {_C} "),
    _rule("y", "=y", after=f"{_C} "),
    _rule("y", "=j"),
    _rule("b", "=w", after="[tdjśs]h? ", before="(?!(?:ē|ē n|ō) $)"),
    _rule("ō ẏ ā", "=owa"),
    _rule("ṅ g", "=ng"),
    _rule("ṁ", "=ng"),
    _rule("m̐", "=", before=f"(?:{_V} |$)"),
    _rule("ḥ ([ktpcdgbs])(h?)", r"\1 \1\2"),
    _rule("ḥ", "=", before=_END),
    _rule("ṛ", "=r"),
    _rule("ṛh", "=rh"),
    _rule("a", "=o"),
)
_DRAVIDIAN_VOWELS = (
    _rule("ā", "=aa", after=_FIRST),
    _rule("ī", "=ee", after=_FIRST),
    _rule("ū", "=oo", after=_FIRST),
    _rule("ḻ", "=zh"),
)
_VOICED = f"(?:{_V}|[yrlḷḻvḵ]) "
_TAMIL_CLUSTERS = {
    **{"k k": "=kk", "c c": "=ch", "ṭ ṭ": "=tt", "t t": "=th", "p p": "=pp"},
    **{"ṟ ṟ": "=tr", "ṉ ṟ": "=ndr", "ñ ñ": "=nn", "k ṣ": "=ksh"},
    **{"ṅ k": "=ng", "ñ c": "=nj", "ṇ ṭ": "=nd", "n t": "=ndh", "m p": "=mb"},
}
_TAMIL_VOICED = {"k": "=g", "c": "=s", "ṭ": "=d", "t": "=dh", "p": "=b"}
_TAMIL = (
    *(_rule(cluster, typed) for cluster, typed in _TAMIL_CLUSTERS.items()),
    _rule("k", "=g", after="[ṇṉnm] "),
    _rule("p", "=b", after="[ṇṉn] "),
    _rule("c", "=s", after="[ṇṉn] "),
    _rule("c", "=s", after=_START),
    *(
        _rule(stop, voiced, after=_VOICED, before=f"{_V} ")
        for stop, voiced in _TAMIL_VOICED.items()
    ),
    _rule("t", "=th"),
    _rule("ñ", "=gn", after=_START),
    _rule("y", "=i", after="[aāeēoōu] ", before=f"(?:(?!y ){_C} |$)"),
    *_DRAVIDIAN_VOWELS,
)
_MALAYALAM_CLUSTERS = {
    **{"ṟ ṟ": "=tt", "n ṟ": "=nt", "ñ ñ": "=nj", "ṅ ṅ": "=ng", "c c": "=ch"},
    **{"t t": "=th", "ṇ ṭ": "=nd"},
}
_MALAYALAM = (
    *(_rule(cluster, typed) for cluster, typed in _MALAYALAM_CLUSTERS.items()),
    _rule("ñ", "=nj", before=f"{_V} "),
    _rule("ṭ", "=d", after=f"{_V} ", before=f"{_V} "),
    _rule("t", "=th"),
    *_NASAL_M,
    *_DRAVIDIAN_VOWELS,
)
_RULES = {
    "hi": (*_NORTHERN, *_HINDI),
    "pa": (*_PUNJABI, *_NORTHERN, *_HINDI),
    "gu": (*_GUJARATI, *_NORTHERN),
    "mr": (*_MARATHI, *_NORTHERN),
    "bn": _BENGALI,
    "as": _ASSAMESE,
    "or": _ODIA,
    "sa": _NASAL_M,
    "ta": _TAMIL,
    "te": (*_NASAL_M, *_DRAVIDIAN_VOWELS),
    "kn": (*_NASAL_M, *_DRAVIDIAN_VOWELS),
    "ml": _MALAYALAM,
}


@functools.cache
def typing_rules(language: str) -> tuple[Rule, ...]:
    """Returns the rules of a language, in order; "" has those of every language."""
    jnya = _rule("j ñ", _JNYA.get(language, "=gy"))
    return (*_EVERYWHERE, jnya, *_RULES.get(language, ()), *_AT_LAST)
