import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.output.exports import write_csv, write_parquet
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.sources import read_records
from gemma_keras_ft.sources.plain_text import is_blank

TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12
).filter(lambda text: text.strip() == text)
LINE = TEXT.filter(lambda text: not is_blank(text))
VERSES = st.lists(st.lists(LINE, min_size=1, max_size=3), min_size=1, max_size=3)
LINES = VERSES.map(
    lambda stanzas: tuple(
        line
        for place, stanza in enumerate(stanzas)
        for line in ([""] if place else []) + stanza
    )
)
RECORDS = st.builds(
    LyricRecord,
    id=TEXT,
    lines=LINES,
    romanized=st.none() | LINES,
    translation=st.none() | LINES,
    title=st.none() | TEXT | st.sampled_from(["=1+1", 'a "b", c', "a;b", "00"]),
    license=st.none() | TEXT,
    contributor=st.none() | TEXT,
    no_alter=st.booleans(),
    metadata=st.dictionaries(TEXT, st.integers() | TEXT | st.none(), max_size=2),
)


def unseen(record):
    """Whether it holds only what can't be seen, as reading asks for words."""
    return not any(char.isalnum() for line in record.lines for char in line)


@pytest.mark.parametrize(
    ("write", "ending"), [(write_csv, "csv"), (write_parquet, "parquet")]
)
def test_the_embedded_corpus_comes_back_as_it_was(write, ending, tmp_path):
    records = list(embedded_records(["thirukkural", "psalms_tagalog", "shijing"]))
    path = tmp_path / f"songs.{ending}"
    write(path, iter(records))
    assert list(read_records(path)) == records


@pytest.mark.parametrize(
    ("write", "ending"), [(write_csv, "csv"), (write_parquet, "parquet")]
)
@settings(max_examples=60)
@given(records=st.lists(RECORDS, min_size=1, max_size=4, unique_by=lambda r: r.id))
def test_what_is_written_is_read_back(write, ending, records, tmp_path_factory):
    records = [record for record in records if not unseen(record)]
    if not records:
        return
    path = tmp_path_factory.mktemp("exports") / f"songs.{ending}"
    write(path, records)
    assert list(read_records(path)) == records


def test_parquet_keeps_every_empty_line(tmp_path):
    record = LyricRecord(id="a", lines=("one", "", "two"), translation=("", "", "zwei"))
    write_parquet(tmp_path / "a.parquet", [record])
    assert list(read_records(tmp_path / "a.parquet")) == [record]


def test_a_failure_leaves_no_file(tmp_path):
    def broken():
        yield LyricRecord(id="a", lines=("one",))
        raise RuntimeError("the source broke off")

    for write, name in ((write_csv, "a.csv"), (write_parquet, "a.parquet")):
        with pytest.raises(RuntimeError, match="broke off"):
            write(tmp_path / name, broken())
    assert list(tmp_path.iterdir()) == []
