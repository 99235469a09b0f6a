"""Personal data that has a form: telephone numbers, e-mail, Indian identity numbers."""

import unicodedata
from typing import NamedTuple

import regex

# What may stand between the digits of one number; never a line break.
_GAP = r"[ \u00a0.\-–()/]{0,3}"
_EMAIL = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}._%+-])[\p{L}\p{M}\p{N}._%+-]{1,64}+@"
    r"(?:[\p{L}\p{M}\p{N}-]{1,63}\.){1,8}\p{L}[\p{L}\p{M}]{1,23}(?![\p{L}\p{M}\p{N}])"
)
# Three letters, the kind of holder, a letter, four digits, a letter.
_PAN = regex.compile(
    r"(?<![\p{L}\p{N}])[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z](?![\p{L}\p{N}])"
)
# Twelve digits in fours, or unbroken; the first is neither 0 nor 1.
_AADHAAR = regex.compile(
    r"(?<![\p{L}\p{N}+])(?:[2-9][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}|[2-9][0-9]{11})"
    r"(?![\p{L}\p{N}]|[ -][0-9])"
)
_PHONES = (
    # With the country's code.
    rf"(?:\+|00)[1-9](?:{_GAP}[0-9]){{7,14}}",
    # Indian mobile numbers: ten digits from 6 on, in one or two groups or in three.
    rf"(?:(?:0|91){_GAP})?[6-9][0-9]{{4}}[ \u00a0-]?[0-9]{{5}}",
    r"(?:(?:0|91)[ -]?)?[6-9][0-9]{2}[ -][0-9]{3}[ -][0-9]{4}",
    # A trunk code and a number: 022-2345 6789, (011) 23456789.
    r"\(?0[1-9][0-9]{1,3}\)?[ -][0-9]{3,4}[ -]?[0-9]{3,4}",
    # North America: (555) 123-4567.
    r"(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[0-9]{3}[-.][0-9]{4}",
)
_PHONE = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}])(?:{'|'.join(_PHONES)})(?![\p{{L}}\p{{N}}]|[-.][0-9])"
)
# No number is shorter; verse numbers, of which songs are full, all are.
_NUMBER = regex.compile(rf"[0-9](?:{_GAP}[0-9]){{6}}")
_DIGIT = regex.compile(r"\p{Nd}")


class PersonalData(NamedTuple):
    """Where a text holds something personal, what it looks like, how grave it is."""

    start: int
    end: int
    kind: str
    severity: str


def find_personal_data(text: str) -> list[PersonalData]:
    """Finds telephone numbers, e-mail addresses, PAN- and Aadhaar-like numbers.

    Digits of every script are read. Twelve digits in groups of four are Aadhaar-like;
    if they are unbroken, or look like years, their check digit must be right too.

    Example:
        in:   "ping 98450 00000 or a@b.example"
        out:  (5, 16, "phone number", "medium"), (20, 31, "e-mail address", "medium")
    """
    found = []
    if "@" in text:
        found += [
            (*m.span(), "e-mail address", "medium") for m in _EMAIL.finditer(text)
        ]
    if _DIGIT.search(text) is not None:
        text = _ascii_digits(text)
        found += [(*m.span(), "PAN-like number", "high") for m in _PAN.finditer(text)]
        if _NUMBER.search(text) is not None:
            found += _find_numbers(text)
    return [PersonalData(*item) for item in sorted(found)]


def _find_numbers(text: str) -> list[tuple[int, int, str, str]]:
    numbers = [m.span() for m in _AADHAAR.finditer(text) if _is_aadhaar(m)]
    phones = [
        (start, end)
        for start, end in (match.span() for match in _PHONE.finditer(text))
        if not any(start < stop and first < end for first, stop in numbers)
    ]
    return [(*span, "Aadhaar-like number", "high") for span in numbers] + [
        (*span, "phone number", "medium") for span in phones
    ]


def _ascii_digits(text: str) -> str:
    """Returns `text` with every script's digits as 0 to 9, one for one."""
    # `regex` may know digits of a newer Unicode than Python does: those stay.
    return _DIGIT.sub(lambda d: str(unicodedata.decimal(d[0], d[0])), text)


def _is_aadhaar(match: regex.Match) -> bool:
    groups = match[0].split(match[1]) if match[1] else []
    if groups and not all(group.startswith(("19", "20")) for group in groups):
        return True
    return has_check_digit(match[0].replace(match[1] or " ", ""))


def has_check_digit(digits: str) -> bool:
    """Says whether the last of the ASCII digits is the Verhoeff check of the rest.

    References:
        Verhoeff, 1969. Error Detecting Decimal Codes.
    """
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = _PERMUTATION[value]
        check = _dihedral(check, value)
    return check == 0


_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _dihedral(left: int, right: int) -> int:
    """Multiplies in the symmetry group of the pentagon; 5 to 9 are its reflections."""
    if left < 5:
        rotation = (left + right) % 5
    else:
        rotation = (left - right) % 5
    return rotation + 5 * ((left < 5) != (right < 5))
