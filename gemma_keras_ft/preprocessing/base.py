"""The extension point: record -> record, or a reason to set it aside."""

import abc

from gemma_keras_ft.config import Configurable
from gemma_keras_ft.records import LyricRecord, SetAside


class Preprocessor(Configurable, abc.ABC):
    """One step of a recipe: a frozen dataclass that is called with a record.

    A preprocessor never changes its argument, keeps no state between records,
    and never raises for a record's content.
    """

    @abc.abstractmethod
    def __call__(self, record: LyricRecord) -> LyricRecord | SetAside:
        """Returns the record, a changed copy, or a reason to set it aside."""


class MapPreprocessor(Preprocessor):
    """A step that changes records and keeps them all: override `map`."""

    @abc.abstractmethod
    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns a changed copy, or `record` itself where nothing changes."""

    def __call__(self, record: LyricRecord) -> LyricRecord:
        """Applies `map`."""
        return self.map(record)


class CleaningPreprocessor(MapPreprocessor):
    """A step that takes away what hides other steps' finds: override `map`.

    Steps of this kind that stand side by side in a recipe are run again, in their
    order, until none of them finds anything more: a link that goes may uncover a
    repeat. So a song that is clean stays as it is, however often it is cleaned.
    A second call of `map` on its own result must change nothing.
    """


class FilterPreprocessor(Preprocessor):
    """A step that sets records aside: override `reject`."""

    @abc.abstractmethod
    def reject(self, record: LyricRecord) -> tuple[str, str] | None:
        """Returns `(reason, detail)` for a record to set aside, else None."""

    def __call__(self, record: LyricRecord) -> LyricRecord | SetAside:
        """Applies `reject`."""
        rejection = self.reject(record)
        if rejection is None:
            return record
        reason, detail = rejection
        return SetAside(
            id=record.id, reason=reason, detail=detail, record=record.to_dict()
        )
