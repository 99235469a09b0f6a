import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.workflow.curation import _unique


def song(name):
    return LyricRecord(id=name, lines=("a",))


@pytest.mark.parametrize(
    "names",
    [["x", "x", "x"], ["x#2", "x", "x"], ["x", "x", "x#2"], ["x", "x#2", "x", "x#2"]],
)
def test_no_two_records_share_an_id(names):
    found = [item.id for item in _unique(map(song, names))]
    assert len(set(found)) == len(names)
    assert found[0] == names[0]


def test_a_record_set_aside_takes_no_id_away():
    aside = SetAside(id="x", reason="no_text")
    items = list(_unique([aside, song("x"), aside]))
    assert [item.id for item in items] == ["x", "x", "x"]


def test_equal_names_in_two_sources_are_both_kept(tmp_path):
    for place, folder in enumerate(("one", "two")):
        (tmp_path / folder).mkdir()
        for number in range(6):
            text = "\n".join(f"{folder} {number} {line} {place}" for line in range(4))
            (tmp_path / folder / f"{number}.txt").write_text(text)
    sources = [tmp_path / "one", tmp_path / "two"]
    dataset = gkf.curate(sources, tmp_path / "dataset", language="en")
    ids = [record.id for records in dataset.splits.values() for record in records]
    assert len(ids) == len(set(ids)) == 12
