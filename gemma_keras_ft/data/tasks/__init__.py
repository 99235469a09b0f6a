"""What a record teaches, as prompt and response; importing it registers all tasks."""

from gemma_keras_ft.data.tasks.base import Example, Task
from gemma_keras_ft.data.tasks.continuation import Continuation
from gemma_keras_ft.data.tasks.infill import Infill
from gemma_keras_ft.data.tasks.instruction import Instruction
from gemma_keras_ft.data.tasks.mixture import Mixture
from gemma_keras_ft.data.tasks.scripts import AUTO, NATIVE, SCRIPTS
from gemma_keras_ft.data.tasks.songs import Meaning, PlainText, TitleToLyrics
from gemma_keras_ft.data.tasks.translation import Translation
from gemma_keras_ft.data.tasks.transliteration import Transliteration

__all__ = [
    "AUTO",
    "NATIVE",
    "SCRIPTS",
    "Continuation",
    "Example",
    "Infill",
    "Instruction",
    "Meaning",
    "Mixture",
    "PlainText",
    "Task",
    "TitleToLyrics",
    "Translation",
    "Transliteration",
]
