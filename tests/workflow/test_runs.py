"""What a run's folder promises: nothing lost, nothing mixed up."""

import csv
import json
import shutil

import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.cli import main
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.model.quantization import quantization_of

# As the fixture `run` was trained.
SETTINGS = {
    "adapter": gkf.Adapter(rank=2),
    "trainer": gkf.Trainer(epochs=1),
    "plan": gkf.RowPlan(sequence_length=64),
}
QUICK = {
    "adapter": gkf.Adapter(rank=1, targets=("query",)),
    "trainer": gkf.Trainer(max_steps=1, global_batch_size=1),
    "plan": gkf.RowPlan(sequence_length=64),
}


@pytest.fixture
def copy(run, tmp_path):
    """A copy of the run, to be damaged."""
    return shutil.copytree(run, tmp_path / "copy")


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def metrics(folder):
    with open(folder / "metrics.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_run_holds_its_curves_as_csv(run):
    history, rows = gkf.read_run(run).facts["result"]["history"], metrics(run)
    for name in ("step", "loss", "validation_loss", "accuracy"):
        assert [float(row[name]) for row in rows] == history[name]


def test_a_folder_that_holds_a_run_is_not_written_into(
    dataset, run, small_preset, capsys
):
    before = contents(run)
    command = ["train", str(dataset), "--out", str(run), "--preset", str(small_preset)]
    assert main(command) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert contents(run) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"preset": "./nowhere"},
        {"language": "xx"},
        {"style": "unheard of"},
        {"seed": -1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_overwrite_leaves_the_old_run_where_the_new_one_cannot_begin(
    dataset, copy, small_preset, wrong
):
    before = contents(copy)
    settings = SETTINGS | {"preset": small_preset} | wrong
    with pytest.raises((ValueError, FileNotFoundError)):
        gkf.train(dataset, copy, overwrite=True, **settings)
    assert contents(copy) == before


def test_overwrite_replaces_the_old_run(dataset, copy, small_preset):
    settings = SETTINGS | {"trainer": gkf.Trainer(max_steps=1)}
    gkf.train(dataset, copy, preset=small_preset, overwrite=True, **settings)
    assert gkf.read_run(copy).facts["result"]["steps"] == 1
    steps = {path.name for path in (copy / "checkpoints").iterdir() if path.is_dir()}
    assert steps == {"1"}
    assert [row["step"] for row in metrics(copy)] == ["1"]


def test_resuming_a_finished_run_keeps_its_adapter_and_its_time(
    dataset, copy, small_preset
):
    adapter = copy / "adapter.safetensors"
    before, facts = adapter.read_bytes(), gkf.read_run(copy).facts
    gkf.train(dataset, copy, preset=small_preset, resume=True, **SETTINGS)
    assert adapter.read_bytes() == before
    again = gkf.read_run(copy).facts["result"]
    assert again["history"] == facts["result"]["history"]
    assert again["seconds"] > 0.5 * facts["result"]["seconds"]


def test_resume_starts_a_run_where_none_stands(dataset, small_preset, tmp_path):
    run = gkf.train(
        dataset, tmp_path / "run", preset=small_preset, resume=True, **QUICK
    )
    assert run.facts["result"]["first_step"] == 0


def test_a_damaged_checkpoint_is_named_with_a_remedy(dataset, copy, small_preset):
    newest = max((copy / "checkpoints").glob("[0-9]*"), key=lambda p: int(p.name))
    files = [path for path in newest.rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=rf"step {newest.name} .* must be whole"):
        gkf.train(dataset, copy, preset=small_preset, resume=True, **SETTINGS)


@pytest.mark.parametrize(
    "damage",
    [
        lambda facts: facts.pop("result"),
        lambda facts: facts["result"].pop("history"),
        lambda facts: facts.update(preset=None),
        lambda facts: facts["task"].update(type="unheard-of"),
        lambda facts: facts["dataset"].clear(),
    ],
)
def test_an_incomplete_run_is_told_in_a_sentence(copy, damage, capsys):
    facts = json.loads((copy / "run.json").read_text())
    damage(facts)
    (copy / "run.json").write_text(json.dumps(facts))
    assert main(["evaluate", str(copy), "--out", str(copy / "report")]) == 2
    assert "must be as `train` wrote it" in capsys.readouterr().err


def test_paths_in_a_run_are_found_from_anywhere(
    dataset, small_preset, tmp_path, monkeypatch
):
    monkeypatch.chdir(small_preset.parent)
    run = gkf.train(dataset, tmp_path / "run", preset=small_preset.name, **QUICK)
    monkeypatch.chdir(tmp_path)
    assert gkf.evaluate(run, samples=0)["runs"]


def test_a_moved_preset_can_be_named(dataset, small_preset, tmp_path, capsys):
    first = shutil.copytree(small_preset, tmp_path / "first")
    run = gkf.train(dataset, tmp_path / "run", preset=first, **QUICK)
    moved = first.rename(tmp_path / "moved")
    out = str(tmp_path / "report")
    assert main(["evaluate", str(run.directory), "--out", out]) == 2
    assert "first" in capsys.readouterr().err
    command = ["evaluate", str(run.directory), "--out", out, "--preset", str(moved)]
    assert main(command) == 0
    command = ["generate", str(run.directory), "ilai", "--preset", str(moved)]
    assert main([*command, "--max-new-tokens", "2"]) == 0


def test_another_base_is_refused(run):
    with pytest.raises(ValueError, match="must have been trained on this base"):
        gkf.evaluate(run, preset="tiny_gemma2")


def test_a_reused_model_takes_on_the_runs_adapter(run, dataset, small_preset, tmp_path):
    model = load_preset(small_preset)
    gkf.train(
        dataset,
        tmp_path / "other",
        preset=small_preset,
        model=model,
        seed=5,
        **SETTINGS,
    )
    fresh = gkf.evaluate(run, samples=0)
    assert gkf.evaluate(run, samples=0, model=model)["runs"] == fresh["runs"]


def test_a_reused_model_of_other_settings_is_refused(
    run, dataset, small_preset, tmp_path
):
    model = load_preset(small_preset)
    gkf.train(dataset, tmp_path / "run", preset=small_preset, model=model, **QUICK)
    with pytest.raises(ValueError, match="Load the preset again"):
        gkf.evaluate(run, model=model)
    with pytest.raises(ValueError, match="Load the preset again"):
        gkf.train(
            dataset, tmp_path / "next", preset=small_preset, model=model, **SETTINGS
        )
    assert not (tmp_path / "next").exists()


def test_a_run_without_usable_validation_is_trained(lyrics, small_preset, tmp_path):
    bare = gkf.curate(lyrics, tmp_path / "bare", language="ta-Latn", validation=0.0)
    assert not bare.splits["validation"]
    run = gkf.train(bare, tmp_path / "run", preset=small_preset, **QUICK)
    assert "validation_loss" not in run.facts["result"]["history"]
    assert set(run.facts["rows"]) == {"train"}


def test_patience_without_validation_is_refused_before_a_run_is_replaced(
    lyrics, copy, small_preset, tmp_path
):
    bare = gkf.curate(lyrics, tmp_path / "bare", language="ta-Latn", validation=0.0)
    settings = SETTINGS | {"trainer": gkf.Trainer(epochs=1, patience=1)}
    before = contents(copy)
    with pytest.raises(ValueError, match="`patience` must be None without validation"):
        gkf.train(bare, copy, preset=small_preset, overwrite=True, **settings)
    assert contents(copy) == before


def test_examples_that_no_row_holds_are_counted_in_the_report(
    lyrics, small_preset, tmp_path
):
    text = (lyrics / "songs.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    for number, row in enumerate(rows[::2]):
        row["lines"][3] = " ".join(f"nilavu{number}x{place}" for place in range(99))
    source = tmp_path / "songs.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)))
    dataset = gkf.curate(source, tmp_path / "dataset", language="ta-Latn")
    run = gkf.train(dataset, tmp_path / "run", preset=small_preset, **QUICK)
    results = gkf.evaluate(run, samples=0)
    (section,) = results["runs"]
    left_out = section["left_out"]
    assert set(left_out) == {"train", "validation", "test"}
    assert left_out["train"] == run.facts["rows"]["train"]["examples_left_out"] > 0
    assert left_out["test"] > 0
    html, _ = gkf.write_report(results, tmp_path / "report")
    assert f"{left_out['train']} of train" in html.read_text()
    assert section["base"]["songs"] + left_out["test"] == len(dataset.select("test"))


def test_report_folder_is_checked_before_anything_is_scored(
    run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(gkf, "evaluate", None)
    (tmp_path / "taken").write_text("a file")
    for out in ("taken", "taken/inside"):
        assert main(["evaluate", str(run), "--out", str(tmp_path / out)]) == 2
        assert "taken is a file" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["samples", "translations", "seed"])
def test_negative_numbers_are_refused(run, name):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        gkf.evaluate(run, **{name: -1})


def test_training_sees_the_training_songs_and_validation_its_own(
    dataset, small_preset, tmp_path, monkeypatch
):
    seen = {}

    def spy(self, model, rows, *, validation_rows=None, **options):
        seen["train"], seen["validation"] = rows, validation_rows
        return fit(self, model, rows, validation_rows=validation_rows, **options)

    fit = gkf.Trainer.fit
    monkeypatch.setattr(gkf.Trainer, "fit", spy)
    run = gkf.train(dataset, tmp_path / "run", preset=small_preset, **QUICK)
    tokenizer = run.load_model().preprocessor.tokenizer
    opened = gkf.read_dataset(dataset)
    for split in ("train", "validation"):
        # Every line ends with the number of its song.
        numbers = {record.lines[0].split()[-1] for record in opened.splits[split]}
        (rows,) = seen[split].buckets
        found = set()
        for ids, segments in zip(
            rows.arrays["token_ids"], rows.arrays["segment_ids"], strict=True
        ):
            for segment in range(1, segments.max() + 1):
                text = str(tokenizer.detokenize(ids[segments == segment]))
                found.add(text.split("\n")[0].split()[-1])
        assert found == numbers


@pytest.mark.parametrize(
    "name",
    [
        "checkpoints/my_model/w.bin",
        "adapter.safetensors",
        "metrics.csv",
        "tensorboard/events",
    ],
)
def test_overwrite_leaves_what_is_none_of_ours(dataset, small_preset, tmp_path, name):
    path = tmp_path / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="none of ours"):
        gkf.train(
            dataset, tmp_path / "mine", preset=small_preset, overwrite=True, **QUICK
        )
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("alpha", [float("inf"), float("nan"), 1e300])
def test_an_endless_alpha_is_refused(alpha):
    with pytest.raises(ValueError, match="`alpha`"):
        gkf.Adapter(alpha=alpha)


@pytest.mark.parametrize("rate", [float("inf"), float("nan"), 1e300])
def test_an_endless_learning_rate_is_refused(rate):
    with pytest.raises(ValueError, match="`learning_rate`"):
        gkf.Trainer(learning_rate=rate)


def test_a_run_that_diverges_fails_and_keeps_nothing(dataset, small_preset, tmp_path):
    trainer = gkf.Trainer(
        epochs=30, learning_rate=1e6, clip_norm=1e6, warmup_fraction=0, evaluations=1
    )
    with pytest.raises(RuntimeError, match="5 steps in a row"):
        gkf.train(
            dataset,
            tmp_path / "run",
            preset=small_preset,
            adapter=gkf.Adapter(rank=1, alpha=65536.0),
            trainer=trainer,
            plan=gkf.RowPlan(sequence_length=64),
        )
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_task_that_says_another_size_than_the_config_is_refused(
    small_preset, tmp_path
):
    folder = shutil.copytree(small_preset, tmp_path / "preset")
    task = json.loads((folder / "task.json").read_text())
    task["config"]["backbone"]["config"]["vocabulary_size"] = 2**33
    (folder / "task.json").write_text(json.dumps(task))
    with pytest.raises(ValueError, match="vocabulary_size"):
        load_preset(folder)


@pytest.mark.long
def test_a_run_keeps_the_dtype_and_quantization_it_was_asked_for(
    dataset, small_preset, tmp_path
):
    base = {"preset": small_preset, "dtype": "bfloat16", "quantize": "int8"}
    run = gkf.train(dataset, tmp_path / "run", **QUICK, **base)
    model = gkf.read_run(run.directory).load_model()
    assert model.backbone.dtype_policy.name == "bfloat16"
    assert quantization_of(model) == "int8"
    for name, value in (("dtype", "float32"), ("quantize", None)):
        others = QUICK | base | {name: value}
        with pytest.raises(ValueError, match=rf"`{name}` must equal the checkpoint"):
            gkf.train(dataset, run.directory, resume=True, **others)
