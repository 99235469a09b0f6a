import os
import subprocess
import sys

import pytest

from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources import ReadLimits, read_records

SONGS = {
    "songs.jsonl": '{"lyrics": "one\\ntwo"}\n',
    "songs.ndjson": '{"lyrics": "one\\ntwo"}\n',
    "songs.json": '[{"lyrics": "one\\ntwo"}]',
    "songs.csv": 'lyrics\n"one\ntwo"\n',
    "songs.tsv": 'title\tlyrics\nA\t"one\ntwo"\n',
    "songs.txt": "one\ntwo\n",
    "songs.lrc": "[00:01.00]one\n[00:02.00]two\n",
}


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("name", SONGS)
def test_every_text_format_gives_the_same_lines_plain_and_gzipped(
    name, ending, write, read
):
    reading = read(write(name + ending, SONGS[name]))
    assert [record.lines for record in reading.records] == [("one", "two")]
    assert not reading.asides


def test_endings_may_be_in_capitals(write, read):
    assert read(write("SONG.TXT", "one")).records[0].id == "SONG"


def test_a_folder_is_read_with_all_below_it_in_the_order_of_names(write, read):
    for name in ("b.txt", "a/2.txt", "a/1.txt", "c/d/3.txt", "A.txt"):
        path = write(f"songs/{name}", name)
    root = path.parent
    ids = [record.id for record in read(root).records]
    assert ids == ["A", "a/1", "a/2", "b", "c/d/3"]
    assert ids == [record.id for record in read(root).records]


def test_unknown_endings_are_counted_and_hidden_files_ignored(write, read):
    for name in ("a.txt", "b.docx", "c.parquet.gz", "noending", ".d.txt", ".e/f.txt"):
        path = write(f"songs/{name}", "line")
    reading = read(path.parents[1])
    assert [record.id for record in reading.records] == ["a"]
    assert [(aside.reason, aside.where) for aside in reading.asides] == [
        ("unknown_extension", "b.docx:1"),
        ("unknown_extension", "c.parquet.gz:1"),
        ("unknown_extension", "noending:1"),
    ]


def test_notes_on_the_files_are_no_songs_inside_a_folder(write, read):
    write("songs/README.txt", "Read me")
    path = write("songs/gita.LICENCE.txt", "Terms")
    assert read(path.parent).reasons == ["not_a_song", "not_a_song"]
    assert read(path).records[0].lines == ("Terms",)


def test_a_folder_may_be_named_like_a_file(write, read):
    path = write("songs.jsonl/a.txt", "line")
    assert read(path.parent).records[0].id == "a"


def test_an_empty_folder_is_one_set_aside(tmp_path, read, write):
    (tmp_path / "empty" / "emptier").mkdir(parents=True)
    reading = read(tmp_path / "empty")
    assert reading.reasons == ["empty_folder"]
    write("empty/.hidden.txt", "line")
    assert read(tmp_path / "empty").reasons == ["empty_folder"]


@pytest.mark.parametrize("name", [*SONGS, "songs.parquet"])
def test_an_empty_file_is_one_set_aside(name, write, read):
    reading = read(write(name, b""))
    reason = "bad_parquet" if name == "songs.parquet" else "empty_file"
    assert reading.reasons == [reason]
    assert not reading.records


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.jsonl", "\n \n"),
        ("a.json", "[]"),
        ("a.json", "[ , ]"),
        ("a.csv", "lyrics\n"),
        ("a.csv", "lyrics,title\n\n,\n"),
        ("a.txt", "\ufeff"),
    ],
)
def test_a_file_without_rows_is_an_empty_file(name, content, write, read):
    assert read(write(name, content)).reasons == ["empty_file"]


@pytest.mark.parametrize("songs", ["file", "blank_lines"])
def test_no_path_is_read_twice_through_links_that_loop(songs, write, read):
    path = write("songs/a/song.txt", "line")
    (path.parent / "up").symlink_to(path.parents[1])
    (path.parent / "self").symlink_to(path.parent / "self")
    (path.parents[1] / "gone").symlink_to("nowhere")
    reading = read(path.parents[1], songs=songs)
    assert len(reading.records) == 1
    assert [(aside.where, aside.reason) for aside in reading.asides] == [
        ("a/self:1", "unreadable"),
        ("a/up:1", "repeated_folder"),
        ("gone:1", "unreadable"),
    ]


def test_special_files_are_set_aside_in_a_folder_and_refused_by_name(write, read):
    path = write("songs/a.txt", "line")
    os.mkfifo(path.parent / "pipe.txt")
    reading = read(path.parent)
    assert [(aside.where, aside.reason) for aside in reading.asides] == [
        ("pipe.txt:1", "unreadable")
    ]
    with pytest.raises(ValueError, match=r"`path` must be a regular file or a folder"):
        read_records(path.parent / "pipe.txt")


def test_a_file_without_permission_is_set_aside_or_refused(write, read, monkeypatch):
    path = write("songs/a.txt", "line")
    write("songs/b.txt", "line")

    def refuse(opened, *arguments, **keywords):
        if str(opened).endswith("a.txt"):
            raise PermissionError(13, "Permission denied", str(opened))
        return open(opened, *arguments, **keywords)

    # The tests may run as root, whom no permission stops.
    monkeypatch.setattr("gemma_keras_ft.sources.stream.open", refuse, raising=False)
    monkeypatch.setattr("pathlib.Path.open", refuse)
    reading = read(path.parent)
    assert [(aside.where, aside.detail) for aside in reading.asides] == [
        ("a.txt:1", "Permission denied.")
    ]
    assert len(reading.records) == 1
    with pytest.raises(PermissionError, match=r"which this user may not read"):
        read_records(path)


def test_a_folder_without_permission_is_set_aside(write, read, monkeypatch):
    path = write("songs/closed/a.txt", "line")
    listdir = os.listdir

    def refuse(folder):
        if str(folder).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(folder))
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refuse)
    reading = read(path.parents[1])
    assert [(aside.where, aside.reason) for aside in reading.asides] == [
        ("closed:1", "unreadable")
    ]


@pytest.mark.parametrize("path", ["", "nowhere.jsonl", "nowhere/at/all"])
def test_a_missing_path_is_said_at_once(path):
    with pytest.raises(FileNotFoundError, match=r"must be an existing file or folder"):
        read_records(path)


def test_an_unknown_ending_given_by_name_is_refused(write):
    path = write("songs.docx", "line")
    with pytest.raises(ValueError, match=r"must end in a known way.*\.jsonl\.gz"):
        read_records(path)


def test_unknown_ways_of_holding_songs_are_refused(write):
    path = write("songs.txt", "line")
    with pytest.raises(ValueError, match=r"`songs` must .* songs='stanza'.*blank_li"):
        read_records(path, songs="stanza")


def test_made_up_ids_come_from_stem_and_row(write, read):
    write("all/a.txt", "line")
    write("all/b.csv", "lyrics\nx\ny,z\nw\n")
    path = write("all/c/d.v2.jsonl.gz", '{"text": "x"}\n\n{"text": "y"}\n')
    ids = [record.id for record in read(path.parents[1]).records]
    assert ids == ["a", "b-1", "b-3", "c/d.v2-1", "c/d.v2-3"]


def test_files_of_one_stem_give_different_made_up_ids(write, read):
    write("all/song.lrc", "[00:01.00]line")
    path = write("all/song.txt", "line")
    assert [record.id for record in read(path.parent).records] == ["song", "song.txt"]


def test_an_id_that_comes_again_is_set_aside_with_its_content(write, read):
    rows = [{"id": "a", "lines": ["1"]}, {"id": "b", "lines": ["2"]}]
    write("all/1.jsonl", rows)
    path = write("all/2.jsonl", [{"id": "b", "lines": ["3"]}, {"id": 7, "lyric": "x"}])
    reading = read(path.parent)
    assert [record.id for record in reading.records] == ["a", "b", "7"]
    (aside,) = reading.asides
    assert (aside.id, aside.reason, aside.where) == ("b", "duplicate_id", "2.jsonl:1")
    assert aside.record == {"id": "b", "lines": ["3"]}


def test_an_id_that_was_set_aside_is_still_free(write, read):
    rows = [{"id": "a", "lines": []}, {"id": "a", "lines": ["2"]}]
    reading = read(write("a.jsonl", rows))
    assert reading.reasons == ["no_text"]
    assert reading.records[0].lines == ("2",)


def test_two_readings_know_nothing_of_each_other(write, read):
    path = write("a.jsonl", [{"id": "a", "lines": ["1"]}])
    assert read(path).records == read(path).records


def test_defaults_fill_what_a_record_lacks_and_no_more(write, read):
    rows = [
        {"lines": ["x"], "lang": "hi", "no_alter": False, "metadata": {"raga": "Todi"}},
        {"lines": ["x"], "language": None, "title": " "},
    ]
    defaults = {
        "language": "ta",
        "title": "Untitled",
        "no_alter": True,
        "metadata": {"raga": "none", "collected": 1905},
    }
    first, second = read(write("a.jsonl", rows), defaults=defaults).records
    assert (first.language, first.no_alter, first.title) == ("hi", False, "Untitled")
    assert first.metadata == {"raga": "Todi", "collected": 1905}
    assert (second.language, second.no_alter, second.title) == ("ta", True, "Untitled")
    assert second.metadata == {"raga": "none", "collected": 1905}


def test_defaults_reach_plain_text(write, read):
    defaults = {"language": "ta", "license": "CC0-1.0"}
    (record,) = read(write("a.txt", "அகர முதல"), defaults=defaults).records
    assert (record.language, record.license) == ("ta", "CC0-1.0")


@pytest.mark.parametrize("name", ["id", "lines", "lang", "raga", 5])
def test_defaults_that_no_record_can_share_are_refused(name, write):
    path = write("a.txt", "line")
    with pytest.raises(ValueError, match=r"`defaults` must name .*'author', 'consent"):
        read_records(path, defaults={name: "x"})


def test_defaults_of_the_wrong_type_are_refused(write):
    path = write("a.txt", "line")
    with pytest.raises(ValueError, match=r"`language` must be a string"):
        read_records(path, defaults={"language": 5})


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None])
def test_limits_are_positive_integers(value):
    with pytest.raises(ValueError, match=r"`max_line_bytes` must be a positive"):
        ReadLimits(max_line_bytes=value)


def test_every_set_aside_names_file_and_line_and_is_short(write, read):
    write("all/a.jsonl", '{"lines": 5}\n{"x": "' + "y" * 5000 + '"}\n[]\nnonsense\n')
    write("all/b.csv", "lyrics\nx,y\n")
    write("all/c.csv", "title\nx\n")
    write("all/d.txt", b"\xff" * 5000)
    write("all/e.docx", "x")
    write("all/f.json", '[{"lines": 5}, {"lines": ["x"]}')
    path = write("all/g.lrc", "")
    reading = read(path.parent)
    assert [f"{aside.where} {aside.reason}" for aside in reading.asides] == [
        "a.jsonl:1 bad_field",
        "a.jsonl:2 no_text",
        "a.jsonl:3 bad_json",
        "a.jsonl:4 bad_json",
        "b.csv:2 bad_row",
        "c.csv:1 no_lyrics_column",
        "d.txt:1 not_utf8",
        "e.docx:1 unknown_extension",
        "f.json:1 bad_field",
        "f.json:3 bad_json",
        "g.lrc:1 empty_file",
    ]
    assert all(len(str(aside.record)) < 2100 for aside in reading.asides)
    assert len(reading.asides[1].record["text"]) == 2000
    assert all(aside.detail.endswith((".", "]")) for aside in reading.asides)


def test_what_was_written_is_read_back(write, read):
    record = LyricRecord(
        id="kural-1",
        lines=("", "அகர முதல", "", "", "பகவன்"),
        romanized=("", "akara mutala", "", "", "pakavaṉ"),
        translation=("A", "", ""),
        translation_language="en",
        language="ta",
        no_alter=True,
        metadata={"chapter": 1, "notes": [None, 1.5, {"a": "b"}]},
    )
    assert read(write("a.jsonl", [record.to_dict()])).records == [record]


def test_a_file_name_that_is_no_utf8_is_shown_escaped(write, read):
    path = write("songs/a.txt", "line")
    os.rename(path, os.path.join(os.fsencode(path.parent), b"\xff.txt"))
    (record,) = read(path.parent).records
    assert record.id == r"\xff"


def test_importing_the_readers_is_light():
    code = (
        "import sys, gemma_keras_ft.sources;"
        "heavy = {'pyarrow', 'tensorflow', 'jax', 'keras', 'numpy', 'pandas'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
