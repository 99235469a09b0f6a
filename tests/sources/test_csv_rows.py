import pytest

from gemma_keras_ft.sources import ReadLimits, read_records


def test_a_table_gives_fields_and_metadata(write, read):
    path = write(
        "a.csv",
        "id,Title,Artist,lyrics,raga,\n"
        'k1,"Kahan, re",Kabir,"one\ntwo\n\nthree",Todi,7\n'
        "k2,,,four,,\n",
    )
    first, second = read(path).records
    assert (first.id, first.title, first.author) == ("k1", "Kahan, re", "Kabir")
    assert first.lines == ("one", "two", "", "three")
    assert first.metadata == {"raga": "Todi", "column_6": "7"}
    assert (second.title, second.metadata) == (None, {})


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv", 'title;lyrics\n"A";"one, two"\n'),
        ("a.csv", '"title";"lyrics"\nA;one, two\n'),
        ("a.csv", "title\tlyrics\nA\tone, two\n"),
        ("a.tsv", "title\tlyrics\nA\tone, two\n"),
        ("a.csv", '\n\ntitle,lyrics\r\nA,"one, two"\r\n'),
    ],
)
def test_the_delimiter_is_the_one_that_shows_a_lyrics_column(
    name, content, write, read
):
    (record,) = read(write(name, content)).records
    assert (record.title, record.lines) == ("A", ("one, two",))


def test_rows_with_other_numbers_of_cells_are_set_aside(write, read):
    reading = read(write("a.csv", 'title,text\nA,x\nB\n"C\nD",y,z\nE,w\n'))
    assert [record.title for record in reading.records] == ["A", "E"]
    assert [(aside.reason, aside.where) for aside in reading.asides] == [
        ("bad_row", "a.csv:3"),
        ("bad_row", "a.csv:4"),
    ]
    assert reading.asides[0].detail == "Has 1 cells where the header has 2."
    assert "lines 4 to 5" in reading.asides[1].detail
    assert reading.asides[1].record == {"text": '"C\nD",y,z\n'}


def test_broken_quoting_is_set_aside_and_reading_goes_on(write, read):
    reading = read(write("a.csv", 'title,text\nA,x\nB,"y" oops\nC,z\nD,"never ends\n'))
    assert [record.title for record in reading.records] == ["A", "C"]
    assert [(aside.reason, aside.where) for aside in reading.asides] == [
        ("bad_row", "a.csv:3"),
        ("bad_row", "a.csv:5"),
    ]


def test_a_cell_that_never_ends_is_bounded(write, read):
    content = 'text\nx\n"' + "endless\n" * 1000 + "y\n"
    reading = read(write("a.csv", content), limits=ReadLimits(max_record_bytes=7000))
    assert reading.reasons == ["record_too_large"]
    assert reading.asides[0].where == "a.csv:3"
    assert len(reading.asides[0].record["text"]) == 2000
    # From the next line on the table is read again.
    assert [record.lines for record in reading.records[-2:]] == [("endless",), ("y",)]


def test_a_long_song_in_a_cell_is_read(write, read):
    song = "\n".join(f"line {number} of a long epic" for number in range(10_000))
    (record,) = read(write("a.csv", f'text\n"{song}"\n')).records
    assert len(record.lines) == 10_000


def test_a_bad_line_inside_a_cell_costs_its_row(write, read):
    reading = read(write("a.csv", b'text\n"a\n\xff\nb"\nlast\n'))
    assert reading.reasons[0] == "not_utf8"
    assert reading.records[-1].lines == ("last",)


@pytest.mark.parametrize(
    "cell, value",
    [("true", True), ("YES", True), ("1", True), ("No", False), ("", False)],
)
def test_no_alter_is_understood_as_people_write_it(cell, value, write, read):
    (record,) = read(write("a.csv", f"text,No_Alter\nx,{cell}\n")).records
    assert record.no_alter is value


def test_no_alter_that_says_neither_is_set_aside(write, read):
    reading = read(write("a.csv", "text,no_alter\nx,perhaps\n"))
    assert reading.reasons == ["bad_field"]
    assert "`no_alter`" in reading.asides[0].detail


def test_metadata_may_be_json_in_a_cell(write, read):
    content = 'text,metadata\nx,"{""raga"": ""Todi""}"\ny,oops\nz,[1]\n'
    reading = read(write("a.csv", content))
    assert reading.records[0].metadata == {"raga": "Todi"}
    assert reading.reasons == ["bad_field", "bad_field"]


def test_columns_of_one_name_are_all_kept(write, read):
    (record,) = read(write("a.csv", "text,note,note\nx,1,2\n")).records
    assert record.metadata == {"note": "1", "note_3": "2"}


@pytest.mark.parametrize("header", ["title,year", "title;year", "Titel"])
def test_a_table_without_lyrics_is_said_with_its_columns(header, write, read):
    path = write("all/a.csv", f"{header}\nx,y\n")
    with pytest.raises(ValueError) as caught:
        list(read_records(path))
    assert str(caught.value).startswith("`path` must have a column of lyrics.")
    assert "['lines', 'lyrics', 'lyric', 'text', 'song']" in str(caught.value)
    assert "itle" in str(caught.value) or "Titel" in str(caught.value)
    write("all/b.csv", "lyrics\nx\n")
    reading = read(path.parent)
    assert (reading.reasons, len(reading.records)) == (["no_lyrics_column"], 1)
    assert reading.asides[0].detail == str(caught.value)


def test_many_columns_are_named_shortly(write):
    path = write("a.csv", ",".join(["c" * 500] * 500) + "\n")
    with pytest.raises(ValueError, match="and 480 more") as caught:
        list(read_records(path))
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    "header, reason",
    [
        (b"\xff,text\n", "not_utf8"),
        (b"te\0xt\n", "nul_byte"),
        (b'"text\nmore",x\n', "bad_row"),
        (b"x" * 2_000_000, "line_too_long"),
    ],
)
def test_a_header_that_can_not_be_read_sets_the_file_aside(header, reason, write, read):
    reading = read(write("a.csv", b"\n" + header + b"x,y\n"))
    assert [(aside.reason, aside.where) for aside in reading.asides] == [
        (reason, "a.csv:2")
    ]
