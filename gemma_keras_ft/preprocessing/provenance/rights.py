"""Who may use what: policies on licenses and consent, and the ledger of rights."""

import csv
import dataclasses
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import FilterPreprocessor
from gemma_keras_ft.preprocessing.provenance.licenses import is_allowed
from gemma_keras_ft.preprocessing.text.normalize import comparison_form
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

_TERMS = ("source", "license", "contributor", "consent")

# Where in a source a record stands: a page, a row, a number after a colon. A bare
# number may be a year, which is part of a name.
_PLACE = regex.compile(
    r"(?r)(?:[\s,;:]+(?:pages?|pp?\.|lines?|rows?|tracks?|nos?\.|songs?|verses?)\s*"
    r"|[:#])\p{N}+(?:\s*[-–]\s*\p{N}+)?$",
    regex.IGNORECASE,
)
_ADDRESS = regex.compile(r"https?://(?:www\.)?([^/\s?#]+)\S*", regex.IGNORECASE)


@register("allow_licenses")
@dataclasses.dataclass(frozen=True, kw_only=True)
class AllowLicenses(FilterPreprocessor):
    """Sets aside songs under a license that is not one of those allowed.

    Reasons: `"license_refused"`, and `"license_missing"` for a record without one.
    `is_allowed` says which spellings are the same license, and how a text that
    names several is read. `"CC-BY-4.0"` allows neither `"CC-BY-NC-4.0"` nor a
    license without a version.

    Example:
        ```python
        AllowLicenses(allowed=("CC0-1.0", "CC-BY-4.0", "public domain"))
        ```

    Args:
        allowed: SPDX names, addresses, usual spellings, or texts as they stand.
        allow_missing: Whether a record that names no license passes.

    Raises:
        ValueError: If `allowed` is empty or names an empty license.
    """

    allowed: tuple[str, ...]
    allow_missing: bool = False

    def __post_init__(self):
        if isinstance(self.allowed, str) or not self.allowed:
            raise ValueError(
                "`allowed` must be a list of licenses. "
                f"Received: allowed={self.allowed!r}. Write ('CC0-1.0',), or leave the "
                "step out to keep every license."
            )
        if not all(isinstance(name, str) and name.strip() for name in self.allowed):
            raise ValueError(
                "`allowed` must name licenses, none empty. "
                f"Received: allowed={self.allowed!r}."
            )

    def reject(self, record: LyricRecord) -> tuple[str, str] | None:
        """Returns a reason for a song under other terms, or under none."""
        if not record.license or is_blank(record.license):
            if self.allow_missing:
                return None
            return "license_missing", "Names no license. Find out, or ask its source."
        if is_allowed(record.license, self.allowed):
            return None
        return (
            "license_refused",
            f"Is under {record.license!r:.200}, none of {list(self.allowed)}. If that "
            "is the same, list it as it stands.",
        )


@register("require_consent")
@dataclasses.dataclass(frozen=True, kw_only=True)
class RequireConsent(FilterPreprocessor):
    """Sets aside songs that their contributors or community did not agree to give.

    Reasons: `"consent_refused"` where the note is one of `refusals`, such as
    "withdrawn" or "pending"; `"consent_missing"` where there is none. A note that
    says anything else counts as consent, since it is written for people: read the
    ledger. A license says what the law allows; this step asks what those who sing
    the song agreed to.

    Args:
        refusals: Notes that mean no, compared without case and punctuation.
        exempt_licenses: A record under one of these needs no note; a refusal
            still counts.

    Raises:
        ValueError: If `refusals` is a text, or holds an empty one.
    """

    refusals: tuple[str, ...] = (
        "no",
        "none",
        "refused",
        "denied",
        "declined",
        "withdrawn",
        "revoked",
        "pending",
        "unknown",
        "not asked",
        "not given",
    )
    exempt_licenses: tuple[str, ...] = ()

    def __post_init__(self):
        for name in ("refusals", "exempt_licenses"):
            values = getattr(self, name)
            if isinstance(values, str) or not all(value.strip() for value in values):
                raise ValueError(
                    f"`{name}` must be a list of texts, none empty. "
                    f"Received: {name}={values!r}."
                )

    def reject(self, record: LyricRecord) -> tuple[str, str] | None:
        """Returns a reason for a song without consent."""
        note = comparison_form(record.consent or "")
        if note in map(comparison_form, self.refusals):
            return "consent_refused", f"Its consent note says {record.consent!r:.200}."
        if note or (
            record.license
            and self.exempt_licenses
            and is_allowed(record.license, self.exempt_licenses)
        ):
            return None
        return (
            "consent_missing",
            "Has no consent note. Ask its contributor or community, and write down "
            "what they agreed to.",
        )


def collection_of(source: str) -> str:
    """Returns the collection that a record's source is a place in.

    Rights belong to collections: a ledger with a row for each page serves nobody.

    Example:
        in:   "Songs of the river, page 12", "https://songs.example/river/12"
        out:  "Songs of the river", "songs.example"
    """
    address = _ADDRESS.fullmatch(source.strip())
    if address:
        return address[1].lower()
    return _PLACE.sub("", source).strip() or source


class RightsLedger:
    """Counts songs by source, license, contributor and consent, in one pass.

    Takes memory for each distinct row, none for a song; ledgers of several
    processes are merged.

    Example:
        ```python
        ledger = RightsLedger()
        for record in records:
            ledger.add(record)
        print(rights_csv(ledger.rows()))
        ```

    Args:
        by_collection: Whether sources are counted by `collection_of`, or each as
            it stands, which may be a row for each song.
    """

    def __init__(self, *, by_collection: bool = True):
        self._by_collection = by_collection
        self._rows: dict[tuple[str | None, ...], _Row] = {}

    def add(self, record: LyricRecord) -> None:
        """Counts one song."""
        terms = [getattr(record, name) or None for name in _TERMS]
        if terms[0] and self._by_collection:
            terms[0] = collection_of(terms[0])
        row = self._rows.setdefault(tuple(terms), _Row())
        row.songs += 1
        row.no_alter += record.no_alter
        row.languages[record.language or "unknown"] += 1

    def merge(self, other: "RightsLedger") -> None:
        """Adds what another ledger counted."""
        for terms, theirs in other._rows.items():
            row = self._rows.setdefault(terms, _Row())
            row.songs += theirs.songs
            row.no_alter += theirs.no_alter
            row.languages.update(theirs.languages)

    def rows(self) -> list[dict[str, Any]]:
        """Returns JSON values, in an order of their own whatever the songs' order.

        Each row has `source`, `license`, `contributor`, `consent` (None where not
        given), `songs`, `languages` (songs by language) and `no_alter` (songs).
        """
        ordered = sorted(
            self._rows.items(), key=lambda item: [term or "" for term in item[0]]
        )
        return [
            {
                **dict(zip(_TERMS, terms, strict=True)),
                "songs": row.songs,
                "languages": dict(sorted(row.languages.items())),
                "no_alter": row.no_alter,
            }
            for terms, row in ordered
        ]


@dataclasses.dataclass
class _Row:
    songs: int = 0
    no_alter: int = 0
    languages: Counter[str] = dataclasses.field(default_factory=Counter)


def rights_ledger(
    records: Iterable[LyricRecord], *, by_collection: bool = True
) -> list[dict[str, Any]]:
    """Returns the rows of a `RightsLedger` of all records."""
    ledger = RightsLedger(by_collection=by_collection)
    for record in records:
        ledger.add(record)
    return ledger.rows()


def rights_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Returns the rows of a ledger as CSV; languages as `hi: 3, pa: 1`."""
    text = io.StringIO()
    columns: list[str] = [*_TERMS, "songs", "languages", "no_alter"]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        languages = ", ".join(
            f"{tag}: {count}" for tag, count in row["languages"].items()
        )
        writer.writerow({**row, "languages": languages})
    return text.getvalue()
