import json
import sys
import textwrap

import pytest

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.tasks import Continuation, Instruction
from gemma_keras_ft.data.tasks.task_files import import_task, load_task
from gemma_keras_ft.records import LyricRecord

SONG = LyricRecord(id="song", lines=("one", "two", "three"))


def write_module(folder, name, *, function=True):
    """Writes a task of one's own under a registered name; returns its file."""
    path = folder / f"{name}.py"
    text = textwrap.dedent(f'''
        import dataclasses

        import gemma_keras_ft as gkf


        @gkf.register("task_files.{name}")
        @dataclasses.dataclass(frozen=True, kw_only=True)
        class LastLines(gkf.Task):
            """Asks for the last lines."""

            count: int = 1

            def examples(self, record):
                if len(record.lines) > self.count:
                    yield gkf.Example(
                        record_id=record.id,
                        prompt=record.lines[: -self.count],
                        response=record.lines[-self.count :],
                    )
    ''')
    if function:
        text += "\n\ndef task():\n    return LastLines(count=2)\n"
    path.write_text(text)
    return path


def test_a_module_gives_its_task(tmp_path):
    task = load_task(write_module(tmp_path, "gives"))
    (example,) = task.examples(SONG)
    assert (example.prompt, example.response) == (("one",), ("two", "three"))


def test_a_module_is_run_once_however_often_it_is_loaded(tmp_path):
    path = write_module(tmp_path, "once")
    first = load_task(path)
    assert type(load_task(str(path))) is type(first)
    assert load_task(path) == first


def test_json_names_what_it_imports_beside_itself(tmp_path, monkeypatch):
    write_module(tmp_path, "beside", function=False)
    inner = {"type": "task_files.beside", "count": 1}
    config = {"type": "instruction", "task": inner, "text": "End this song."}
    path = tmp_path / "task.json"
    path.write_text(json.dumps({"imports": ["beside.py"], "task": config}))
    monkeypatch.chdir(tmp_path.parent)
    task = load_task(f"{tmp_path.name}/task.json")
    assert isinstance(task, Instruction)
    assert [example.response for example in task.examples(SONG)] == [("three",)]


def test_json_imports_a_module_by_its_name(tmp_path, monkeypatch):
    write_module(tmp_path, "task_files_by_name", function=False)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "task.json"
    config = {"type": "task_files.task_files_by_name"}
    path.write_text(json.dumps({"imports": ["task_files_by_name"], "task": config}))
    assert load_task(path).config_name == "task_files.task_files_by_name"
    del sys.modules["task_files_by_name"]


def test_a_task_of_this_package_needs_no_import(tmp_path):
    task = Continuation(prompt_lines=3, scripts=(("ta", "iso15919"),))
    path = tmp_path / "task.json"
    path.write_text(json.dumps({"task": task.to_config()}))
    assert load_task(path) == task


@pytest.mark.parametrize("kind", ["py", "json"])
def test_a_run_finds_its_task_once_the_file_is_named(tmp_path, kind):
    name = f"named_in_{kind}"
    path = write_module(tmp_path, name, function=False)
    saved = {"type": f"task_files.{name}", "count": 1}
    with pytest.raises(ValueError, match="registered name"):
        from_config(saved)
    if kind == "json":
        path = tmp_path / "task.json"
        path.write_text(json.dumps({"imports": [f"{name}.py"], "task": saved}))
    import_task(path)
    assert from_config(saved).count == 1


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("a.py", "x = 1", r"function task\(\).*Received: None"),
        ("b.py", "def task(): return 'continuation'", "'continuation'"),
        (
            "c.py",
            "import gemma_keras_ft as gkf\n"
            "class Bare(gkf.Task):\n"
            "    def examples(self, record): yield\n"
            "def task(): return Bare()",
            "survives JSON.*Register its class",
        ),
        (
            "d.py",
            "import gemma_keras_ft as gkf\n"
            "class Odd(gkf.Continuation):\n"
            "    pass\n"
            "def task(): return Odd()",
            r"survives JSON.*Received: Continuation\(",
        ),
        ("e.json", "[]", '"imports"'),
        ("f.json", "{", '"imports"'),
        ("g.json", "[" * 100_000, '"imports"'),
        ("h.json", '{"task": "continuation"}', "task='continuation'"),
        ("i.json", '{"task": {"type": "no_such_task"}}', "registered name"),
        ("j.json", '{"task": {"type": "instruction"}}', "missing 2 required"),
        ("k.json", '{"task": {"type": "continuation", "lines": 2}}', "`lines`"),
        ("l.json", '{"task": {"type": "clean"}}', "must give a task"),
        ("m.json", '{"imports": "a.py", "task": {}}', "imports='a.py'"),
        ("n.json", '{"imports": [1], "task": {}}', r"imports=\[1\]"),
        ("o.json", '{"imports": ["gone.py"], "task": {}}', "Python files"),
        ("p.txt", "", r"\.py or \.json"),
    ],
)
def test_a_file_without_a_task_is_named(tmp_path, name, text, error):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=error):
        load_task(path)


@pytest.mark.parametrize("load", [load_task, import_task])
def test_a_missing_file_is_named(tmp_path, load):
    with pytest.raises(FileNotFoundError, match=r"`task`.*none\.py"):
        load(tmp_path / "none.py")


@pytest.mark.parametrize("name", ["a.txt", "folder"])
def test_only_files_of_a_known_kind_make_tasks_known(tmp_path, name):
    with pytest.raises(ValueError, match=r"\.py or \.json"):
        import_task(tmp_path / name)
