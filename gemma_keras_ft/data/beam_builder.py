"""The TFDS builder that curates with Apache Beam while it writes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.data.beam import beam, curate_lines
from gemma_keras_ft.data.builder import (
    NAME,
    RELEASES,
    import_tfds,
    lyrics_info,
    prepare,
    to_example,
)
from gemma_keras_ft.preprocessing.road import Road
from gemma_keras_ft.preprocessing.splitting.split import SPLITS
from gemma_keras_ft.records import LyricRecord


def write_tfds_with_beam(
    pattern: str,
    road: Road,
    out: str | Path,
    *,
    corpus: str,
    splits: Sequence[str] = SPLITS,
    runner: str = "DirectRunner",
    options: Sequence[str] = (),
) -> Any:
    """Curates staged records and writes them as a TensorFlow Dataset.

    What is set aside goes to `set_aside-*.jsonl` in the dataset's folder.

    Example:
        ```python
        pattern = stage_records(gkf.read_records("lyrics/"), "gs://bucket/staged")
        write_tfds_with_beam(
            pattern, road, "gs://bucket/tfds", corpus="2026-11", runner="DataflowRunner"
        )
        ```

    Args:
        pattern: The files that `stage_records` wrote.
        road: The recipe, the split, what is protected and what was decided.
        out: TFDS' `data_dir`; `lyrics/<corpus>/1.0.0` is made in it.
        corpus: Name of this version of the corpus: `tfds.load("lyrics/<corpus>")`.
        splits: The splits to write. TFDS refuses an empty one, which can't be told
            beforehand: leave out what the split's shares leave empty.
        runner: Name of the Beam runner.
        options: Command-line options of the runner.

    Returns:
        The `tfds.core.DatasetBuilder`, prepared.
    """
    tfds = import_tfds()

    class Lyrics(  # pyright: ignore[reportGeneralTypeIssues]
        tfds.core.GeneratorBasedBuilder,
        skip_registration=True,  # pyright: ignore[reportCallIssue]
    ):
        """The songs of one corpus, curated by Beam."""

        VERSION = tfds.core.Version(max(RELEASES))
        RELEASE_NOTES = RELEASES
        BUILDER_CONFIGS = (tfds.core.BuilderConfig(name=corpus),)
        name = NAME

        def _info(self):
            return lyrics_info(self)

        def _split_generators(self, dl_manager, pipeline):
            songs = curate_lines(
                pipeline | "Read" >> beam.io.ReadFromText(pattern), road
            )
            _write_set_aside(songs.set_aside, Path(out) / NAME / f"{corpus}-set_aside")
            return {split: self._generate_examples(songs, split) for split in splits}

        def _generate_examples(self, songs, split):
            return songs.splits[split] | f"Examples of {split}" >> beam.Map(_example)

    builder = Lyrics(data_dir=str(out))
    beam_options = beam.options.pipeline_options.PipelineOptions([*options])
    prepare(builder, beam_runner=runner, beam_options=beam_options)
    return builder


def _write_set_aside(set_aside: Any, prefix: Path) -> None:
    lines = set_aside | "Text" >> beam.Map(lambda item: item[1].decode().rstrip("\n"))
    _ = lines | "Write set aside" >> beam.io.WriteToText(
        str(prefix), file_name_suffix=".jsonl"
    )


def _example(item: tuple[int, bytes]) -> tuple[str, dict[str, Any]]:
    record = LyricRecord.from_dict(json.loads(item[1]))
    return record.id, to_example(record)
