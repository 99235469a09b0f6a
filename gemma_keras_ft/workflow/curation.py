"""Sources -> the versioned dataset."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.preprocessing.augmentation.base import Augmentation
from gemma_keras_ft.preprocessing.base import Preprocessor
from gemma_keras_ft.preprocessing.culture.decisions import Decisions
from gemma_keras_ft.preprocessing.culture.exclusions import (
    ExclusionList,
    read_exclusions,
)
from gemma_keras_ft.preprocessing.culture.flags import ExcludeFlagged, FlagSpans
from gemma_keras_ft.preprocessing.culture.protection import Guard, ProtectedPhrases
from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.provenance.rights import AllowLicenses
from gemma_keras_ft.preprocessing.recipe import (
    check_recipe,
    default_recipe,
    load_recipe,
)
from gemma_keras_ft.preprocessing.splitting.split import Split
from gemma_keras_ft.preprocessing.store import (
    DECISIONS,
    LyricDataset,
    check_dataset_folder,
    write_dataset,
)
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.sources import read_records
from gemma_keras_ft.workflow.formats import check_formats, write_exports
from gemma_keras_ft.workflow.review_queue import write_phrases

EMBEDDED = "embedded"


def curate(
    sources: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    songs: str = "file",
    recipe: Sequence[Preprocessor] | str | Path | None = None,
    allow_licenses: Sequence[str] = (),
    protect: Sequence[str | Path] = (),
    flag_lists: Sequence[str | Path] = (),
    validation: float = Split.validation,
    test: float = Split.test,
    keep_artists: bool = False,
    augmentations: Sequence[Augmentation] = (),
    formats: Sequence[str] = (),
    processes: int = 1,
    seed: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
    **defaults: Any,
) -> LyricDataset:
    """Reads lyrics, curates them, and writes a versioned dataset.

    What readers decided in an earlier `review` of `out` is applied again.

    Example:
        ```python
        dataset = gkf.curate("my_lyrics/", "dataset", language="pa", license="CC0-1.0")
        ```

    Args:
        sources: Files and folders (JSONL, JSON, CSV, Parquet, text, LRC), or
            `"embedded"` for the corpus in the package, or `"embedded:NAME"` for
            one collection of it.
        out: Folder to write the dataset into.
        songs: `"file"` where a text file is one song, `"blank_lines"` where blank
            lines separate the songs of a file.
        recipe: Preprocessors in order, or the file of a recipe (see `load_recipe`);
            the default recipe if None.
        allow_licenses: Licenses that songs may be under; any, if empty.
        protect: Files of phrases that no step may change, beside the packaged ones;
            see `load_phrases`. They are not flagged as offensive, and are kept with
            the dataset, for `review`.
        flag_lists: Files of words to flag for `review`, beside those that the
            recipe flags; see `read_exclusions`.
        validation: Share of songs held out to watch the training.
        test: Share of songs held out to judge the result.
        keep_artists: Whether all songs of one author go to one side.
        augmentations: Variations of training songs to add, of songs that may be
            varied; see `augment_split`.
        formats: More formats to write: `"csv"`, `"parquet"`, `"tfds"`.
        processes: Worker processes. A script that asks for several must guard its
            calls with `if __name__ == "__main__":`.
        seed: Seed of the split.
        progress: Wraps the stream of records, to show how far it is.
        **defaults: Record fields for records that lack them, such as `language`,
            `style`, `source`, `license` or `no_alter`.

    Returns:
        The dataset; `dataset.report` says what became of every record.

    Raises:
        FileExistsError: If `out` holds anything but a dataset.
        FileNotFoundError: If a source or a list does not exist.
        ImportError: If a format needs a package that is missing.
        ValueError: If an argument is out of range, or no song is left.
    """
    if isinstance(sources, str | Path):
        sources = [sources]
    _check_apart(sources, out)
    check_dataset_folder(out)
    check_formats(formats)
    defaults = {name: value for name, value in defaults.items() if value is not None}
    protected = ProtectedPhrases.from_files(*protect)
    guard = Guard(protected)
    curation = curate_records(
        progress(_read(sources, songs, defaults)),
        recipe=_steps(recipe, allow_licenses, flag_lists, protected),
        split=Split(
            validation=validation, test=test, keep_artists=keep_artists, seed=seed
        ),
        guard=guard,
        decisions=Decisions.read(Path(out) / DECISIONS, guard),
        processes=processes,
    )
    if not len(curation):
        report = curation.report()
        raise ValueError(
            f"`sources` must hold songs. Received: {list(map(str, sources))}, of which "
            f"{report['read']} records were read and none kept: "
            f"{report['set_aside_reasons']}."
        )
    if augmentations:
        curation.augment(augmentations, seed=seed, protected=protected)
    dataset = write_dataset(curation, out, protected=protected.sha256)
    write_phrases(dataset, protected)
    write_exports(dataset, formats)
    return dataset


def _check_apart(sources: Sequence[str | Path], out: str | Path) -> None:
    """Checks that the dataset does not take the place of what it is made from."""
    target = Path(out).resolve()
    for source in sources:
        path = Path(source).resolve()
        if path.exists() and (path == target or target in path.parents):
            raise FileExistsError(
                "`out` must not hold the sources. Received: "
                f"out={str(out)!r} for the source {str(source)!r}. Choose another "
                "folder."
            )


def _steps(
    recipe: Sequence[Preprocessor] | str | Path | None,
    allow_licenses: Sequence[str],
    flag_lists: Sequence[str | Path],
    protected: ProtectedPhrases,
) -> tuple[Preprocessor, ...]:
    """Returns the recipe with the policies that were asked for in and around it."""
    if recipe is None:
        steps = default_recipe()
    elif isinstance(recipe, str | Path):
        steps = load_recipe(recipe)
    else:
        steps = check_recipe(recipe)
    lists = tuple(read_exclusions(path) for path in flag_lists)
    if lists and not any(isinstance(step, FlagSpans) for step in steps):
        steps = _with_flags(steps)
    steps = tuple(
        _flagging(step, lists, protected.phrases)
        if isinstance(step, FlagSpans)
        else step
        for step in steps
    )
    if allow_licenses:
        steps = (AllowLicenses(allowed=tuple(allow_licenses)), *steps)
    return steps


def _with_flags(steps: tuple[Preprocessor, ...]) -> tuple[Preprocessor, ...]:
    """Returns the steps with one that flags: last, but before flags exclude."""
    places = [
        place for place, step in enumerate(steps) if isinstance(step, ExcludeFlagged)
    ]
    end = places[0] if places else len(steps)
    return (*steps[:end], FlagSpans(), *steps[end:])


def _flagging(
    step: FlagSpans, lists: tuple[ExclusionList, ...], phrases: tuple[str, ...]
) -> FlagSpans:
    """Returns a step that flags more lists, and spares the user's phrases too."""
    spared = step.protected
    if spared is not None:
        spared = dataclasses.replace(spared, phrases=(*spared.phrases, *phrases))
    return dataclasses.replace(step, lists=(*step.lists, *lists), protected=spared)


def _read(
    sources: Sequence[str | Path], songs: str, defaults: dict[str, Any]
) -> Iterator[LyricRecord | SetAside]:
    for source in sources:
        name, _, collection = str(source).partition(":")
        if name == EMBEDDED:
            yield from embedded_records([collection] if collection else None)
        else:
            yield from read_records(source, defaults=defaults, songs=songs)
