import gemma_keras_ft as gkf


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
