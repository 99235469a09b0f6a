"""Songs to draw: `st.from_type(LyricRecord)` in a test beside this file."""

from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
from gemma_keras_ft.records import LyricRecord

WORDS = ["மழை", "மனம்", "दिल", "गीत", "rain", "la", "{style}", "ਗੀਤ", "<bos>", "ūr"]

_lines = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
_stanzas = st.lists(st.lists(_lines, min_size=1, max_size=7), max_size=4)


@st.composite
def _songs(draw):
    lines = tuple(
        line
        for number, stanza in enumerate(draw(_stanzas))
        for line in ([""] if number else []) + stanza
    )
    beside = tuple(line and f"<{line}>" for line in lines)
    romanized = tuple(map(romanize_text, lines))
    return LyricRecord(
        id=draw(st.text(min_size=1, max_size=5)),
        lines=lines,
        title=draw(st.none() | st.just("{title} rain")),
        language=draw(st.sampled_from([None, "ta", "hi", "pa-Guru"])),
        romanized=draw(st.sampled_from([None, romanized])),
        translation=draw(st.sampled_from([None, beside, ("all of it",)])),
        metadata=draw(st.sampled_from([{}, {"meaning": "It rains."}])),
    )


st.register_type_strategy(LyricRecord, _songs())
