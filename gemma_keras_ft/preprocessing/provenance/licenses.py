"""Names of licenses: which spellings mean the same terms, and which do not."""

import functools
from collections.abc import Iterable

import regex

# Spellings of terms that have one name each, compared without case, hyphens and
# the word "version". Nothing is guessed.
_ALIASES = {
    "CC0-1.0": "cc0 | cc0 1.0 universal | cc zero | cc zero 1.0 | "
    "creative commons zero | creative commons zero 1.0 universal | "
    "cc0 1.0 universal public domain dedication | cc0 1.0 public domain dedication",
    "CC-PDM-1.0": "public domain mark 1.0 | public domain mark | pdm 1.0 | pdm | "
    "cc pdm | public domain mark 1.0 universal | "
    "creative commons public domain mark 1.0",
    "public domain": "publicdomain | pd | in the public domain | public domain by age",
    "Unlicense": "the unlicense",
    "PDDL-1.0": "pddl | odc pddl | odc public domain dedication and license 1.0",
    "ODC-By-1.0": "odc by | open data commons attribution license 1.0",
    "ODbL-1.0": "odbl | open database license 1.0",
    "MIT": "mit license | the mit license | expat | expat license",
    "Apache-2.0": "apache license 2.0 | apache 2 | apache license, 2.0 | asl 2.0",
    "GPL-2.0-only": "gpl 2.0 | gplv2",
    "GPL-2.0-or-later": "gpl 2.0+ | gplv2+",
    "GPL-3.0-only": "gpl 3.0 | gplv3",
    "GPL-3.0-or-later": "gpl 3.0+ | gplv3+",
}
# A wider name, and the names that are cases of it.
_INCLUDES = {"public domain": frozenset({"CC-PDM-1.0"})}

_URL = regex.compile(
    r"https?://(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z-]+)/"
    r"(\d\.\d)(?:/([a-z]{2,3}))?(?:/(?:deed|legalcode)(?:\.[\w-]+)?)?/?",
    regex.IGNORECASE,
)
_PARTS = {
    "BY": "by|attribution",
    "NC": "nc|non ?commercial",
    "SA": "sa|share ?alike",
    "ND": "nd|no ?deriv(?:ative)?s?(?: works)?",
}
_CREATIVE_COMMONS = regex.compile(
    rf"(?:cc|creative commons)(?P<parts>(?: (?:{'|'.join(_PARTS.values())}))+)"
    r"(?: license)?(?: (?P<number>\d\.\d))?(?: (?:international|unported|generic))?"
    r"(?: (?:public )?license)?(?: (?P<where>[a-z]{2}|igo))?"
)
# What a note beside the name may say without changing the terms.
_NOTE = regex.compile(
    r" ?\((?:the )?(?:package|code|data|texts?|words|compilation|\d{3,4}"
    r"|(?:poet|author)s? died (?:in )?\d{3,4})\)"
)
_BY_AGE = regex.compile(
    r"[\p{L}\d ]{0,40}\b(?:texts?|verses?|words|lyrics|poems?|songs?) (?:(?:is|are) )?"
    r"(?:in the )?public domain(?: by age)?"
)
_DOUBT = regex.compile(
    r"\b(?:not?|non|except|only|partly|some|most|may|might|possibly|presumably|unclear)\b"
)
# What is longer is the license itself, not its name.
_MAXIMUM_LENGTH = 1_000


@functools.lru_cache(maxsize=1 << 10)
def license_name(text: str) -> str:
    """Returns one name for all spellings of the same terms.

    SPDX's name where there is one. Spellings differ in case, hyphens, the words
    "license" and "international", or are Creative Commons' address or long name.
    A version is never supplied: `"CC BY"` is another name than `"CC-BY-4.0"`, and so
    is a ported `"CC-BY-3.0-US"`. "Public domain" is no license, hence its own name;
    the Public Domain Mark is the same statement with a label on it, and CC0 another
    one: a living author's gift. What is not known is returned as it is, without
    case.

    Example:
        in:   "CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/deed.hi"
        out:  "CC-BY-4.0", "CC-BY-4.0"
    """
    text = " ".join(text.split())
    if len(text) > _MAXIMUM_LENGTH:
        return text.casefold()
    address = _URL.fullmatch(text)
    if address:
        kind, name, number, where = address.groups()
        if kind == "publicdomain":
            name = {"zero": "0", "mark": "-pdm"}.get(name.lower(), f"-{name}")
            text, where = f"cc{name} {number}", None
        else:
            text = f"cc {name} {number}{f' {where}' if where else ''}"
    form = _form(text)
    return _names().get(form) or _creative_commons(form) or _by_age(form) or form


def is_allowed(text: str, allowed: Iterable[str]) -> bool:
    """Says whether a license text grants one of the `allowed` licenses.

    Of statements parted by `;`, and of SPDX's `A AND B`, all must be allowed; of
    `A OR B` one. Notes such as `(package)` or `(poet died 1869)` change nothing, any
    other note makes the text a license of its own, to be listed as it stands.
    `"public domain"` allows what bears the Public Domain Mark, not the reverse: the
    mark is one institution's label, the words may say the same of a text without it.

    Example:
        in:   "MIT (package); text public domain by age", ("MIT", "public domain")
        out:  True
    """
    names = {license_name(name) for name in allowed}
    for name in tuple(names):
        names |= _INCLUDES.get(name, frozenset())
    text = " ".join(text.split())
    if license_name(text) in names or len(text) > _MAXIMUM_LENGTH:
        return license_name(text) in names
    return all(
        any(
            all(license_name(term) in names for term in option.split(" AND "))
            for option in statement.split(" OR ")
        )
        for statement in text.strip(" ;.").split(";")
    )


def _form(text: str) -> str:
    text = _NOTE.sub("", text.casefold().replace("licence", "license"))
    text = regex.sub(r"\bversion (?=\d)|\bv\.?(?=\d+\.\d)", "", text)
    return regex.sub(r"[\s_‐-―-]+", " ", text).strip(" .")


@functools.cache
def _names() -> dict[str, str]:
    return {
        _form(spelling): name
        for name, spellings in _ALIASES.items()
        for spelling in (name, *spellings.split("|"))
    }


def _creative_commons(form: str) -> str | None:
    found = _CREATIVE_COMMONS.fullmatch(form)
    if not found:
        return None
    parts = [
        part
        for part, spelling in _PARTS.items()
        if regex.search(rf" (?:{spelling})\b", found["parts"])
    ]
    rest = [part.upper() for part in (found["number"], found["where"]) if part]
    return "-".join(["CC", *parts, *rest])


def _by_age(form: str) -> str | None:
    if _BY_AGE.fullmatch(form) and not _DOUBT.search(form):
        return "public domain"
    return None
