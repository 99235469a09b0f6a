"""Steps of your own, in ten lines each: one that filters songs, one that notes.

    gemma-keras-ft curate embedded:thirukkural --out dataset \
        --recipe examples/custom_preprocessor.py

reads `recipe()` below and runs it. From Python it is the same, and this file does it
when it is run:

    python examples/custom_preprocessor.py --lyrics my_lyrics/ --out dataset

A step is a frozen, keyword-only dataclass, registered under the name that stands in
the dataset's manifest. Its fields are its settings. It never changes the record that
it is given, keeps nothing in mind between records, and never raises for what a song
says: a bad song is set aside with a reason, and counted.
"""

import argparse
import collections
import dataclasses

import gemma_keras_ft as gkf
from gemma_keras_ft.preprocessing.text.words import split_words


# A filter returns None to keep a song, else a reason to count by and a sentence.
@gkf.register("require_variety")
@dataclasses.dataclass(frozen=True, kw_only=True)
class RequireVariety(gkf.FilterPreprocessor):
    """Sets aside songs that have hardly any different words, such as vocables."""

    minimum_words: int = 10

    def __post_init__(self):
        """Checks the setting once, and not song by song."""
        if self.minimum_words < 1:
            raise ValueError(
                "`minimum_words` must be at least 1. "
                f"Received: minimum_words={self.minimum_words!r}."
            )

    def reject(self, record):
        """Returns a reason and a sentence for a song of too few words."""
        words = {word.casefold() for word in split_words(record.text, record.language)}
        if len(words) < self.minimum_words:
            return "little_variety", f"Has {len(words)} different words."
        return None


# A map returns a changed copy; the lines and every other field stay as they are.
@gkf.register("note_refrain")
@dataclasses.dataclass(frozen=True, kw_only=True)
class NoteRefrain(gkf.MapPreprocessor):
    """Notes in the metadata which lines are sung more than once."""

    key: str = "refrain"

    def map(self, record):
        """Returns the song with its refrain noted, or as it is if it has none."""
        counts = collections.Counter(line for line in record.lines if line)
        refrain = [line for line, count in counts.items() if count > 1]
        if not refrain:
            return record
        return record.replace(metadata={**record.metadata, self.key: refrain})


def recipe():
    """Returns the steps in order: what suits all lyrics first, then our own.

    Last, so that both see songs that are clean and normalized.
    """
    return [*gkf.default_recipe(), RequireVariety(minimum_words=15), NoteRefrain()]


def main(argv=None):
    """Curates lyrics with the recipe, and says what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lyrics", default="embedded:thirukkural")
    parser.add_argument("--out", required=True, help="folder to write the dataset into")
    arguments = parser.parse_args(argv)

    dataset = gkf.curate(arguments.lyrics, arguments.out, recipe=recipe())
    report = dataset.report
    print(f"kept {report['kept']} of {report['read']}: {dataset.directory}")
    print(f"set aside: {report['set_aside_reasons']}")
    songs = [song for split in dataset.splits.values() for song in split]
    print(f"with a refrain: {sum('refrain' in song.metadata for song in songs)}")


if __name__ == "__main__":
    main()
