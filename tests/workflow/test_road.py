"""The road end to end, on a preset this project did not make."""

import dataclasses

import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.cli import main


def test_curation_accounts_for_every_record(dataset):
    report = gkf.read_dataset(dataset).report
    assert report["read"] == 31
    assert report["kept"] == 30
    assert report["set_aside_reasons"] == {"bad_json": 1}
    assert sum(report["counts"]["split"].values()) == 30
    assert report["counts"]["language"] == {"ta-Latn": 30}


def test_training_works_on_a_preset_made_elsewhere(run, small_preset):
    facts = gkf.read_run(run).facts
    assert facts["preset"] == str(small_preset)
    assert facts["result"]["steps"] > 0
    assert {path.name for path in run.iterdir()} == {
        "adapter.safetensors",
        "checkpoints",
        "metrics.csv",
        "run.json",
    }


def test_evaluation_writes_a_report_and_never_continues_scripture(run, tmp_path):
    assert main(["evaluate", str(run), "--out", str(tmp_path), "--samples", "9"]) == 0
    results = gkf.read_report(tmp_path)
    (section,) = results["runs"]
    assert section["base"]["songs"] == section["tuned"]["songs"] == 6
    assert section["base"]["perplexity_per_token"] > 1
    dataset = gkf.read_dataset(gkf.read_run(run).facts["dataset"]["directory"])
    marked = {r.id for r in dataset.select("test") if r.no_alter}
    sampled = {sample["id"] for sample in results["samples"]}
    assert marked and sampled and not marked & sampled
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_trained_adapter_changes_scores(run):
    results = gkf.evaluate(run, samples=0)
    (section,) = results["runs"]
    assert section["base"]["nats_per_token"] != section["tuned"]["nats_per_token"]


def test_report_is_rendered_again_from_its_json(run, tmp_path):
    gkf.write_report(gkf.evaluate(run, samples=0), tmp_path / "first")
    command = ["report", str(tmp_path / "first"), "--out", str(tmp_path / "second")]
    assert main(command) == 0
    first, second = (tmp_path / name / "report.html" for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


def test_generate_continues_the_prompt(run, capsys):
    command = ["generate", str(run), "ilai malar", "--count", "2"]
    assert main([*command, "--max-new-tokens", "4"]) == 0
    assert capsys.readouterr().out.count("ilai malar\n") == 2


def test_translation_is_scored_with_bleu(dataset, small_preset, tmp_path):
    run = gkf.train(
        dataset,
        tmp_path / "run",
        preset=small_preset,
        task=gkf.Translation(),
        adapter=gkf.Adapter(rank=2),
        trainer=gkf.Trainer(max_steps=2),
        plan=gkf.RowPlan(sequence_length=64),
    )
    results = gkf.evaluate(run, translations=4)
    assert results["samples"] == []
    for side in ("base", "tuned"):
        assert "tok:intl" in results["runs"][0][side]["bleu"]["signature"]
        assert results["runs"][0][side]["chrf"]["score"] >= 0


def test_a_run_on_scripture_alone_is_never_made_to_write(
    dataset, small_preset, tmp_path, capsys
):
    sacred = gkf.read_dataset(dataset)
    marked = {
        name: tuple(record.replace(no_alter=True) for record in records)
        for name, records in sacred.splits.items()
    }
    run = gkf.train(
        dataclasses.replace(sacred, splits=marked),
        tmp_path / "run",
        preset=small_preset,
        adapter=gkf.Adapter(rank=1, targets=("query",)),
        trainer=gkf.Trainer(max_steps=1, global_batch_size=1),
        plan=gkf.RowPlan(sequence_length=64),
    )
    assert main(["generate", str(run.directory), "ilai"]) == 2
    assert "no more of it is written" in capsys.readouterr().err


def test_dataset_of_another_version_is_refused(run, lyrics, tmp_path):
    other = gkf.curate(lyrics, tmp_path / "other", seed=5, language="ta-Latn")
    with pytest.raises(ValueError, match="must be the version trained on"):
        gkf.evaluate(run, dataset=other)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["curate", "nowhere", "--out", "o"], "nowhere"),
        (["curate", "embedded:nothing", "--out", "o"], "thirukkural"),
        (["curate", "embedded:gita", "--out", "o", "--test", "2"], "`test`"),
        (["train", "nowhere", "--out", "o"], "gemma-keras-ft curate"),
        (["evaluate", "nowhere", "--out", "o"], "gemma-keras-ft train"),
        (["generate", "nowhere", "la"], "gemma-keras-ft train"),
        (["report", "nowhere", "--out", "o"], "nowhere"),
    ],
)
def test_a_users_mistake_is_told_in_a_sentence(
    command, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_nothing_to_train_on_is_told(dataset, small_preset, tmp_path):
    with pytest.raises(ValueError, match="none of which gives an example"):
        gkf.train(dataset, tmp_path, preset=small_preset, language="xx")
    with pytest.raises(ValueError, match="none of which gives an example"):
        gkf.train(
            dataset,
            tmp_path,
            preset=small_preset,
            task=gkf.Continuation(script="iso15919"),
        )


def test_a_base_trained_on_scripture_writes_nothing_by_itself(
    dataset, tmp_path, capsys
):
    run = gkf.train(
        dataset,
        tmp_path / "run",
        adapter=gkf.Adapter(rank=1, targets=("query",)),
        trainer=gkf.Trainer(max_steps=1, global_batch_size=1),
        plan=gkf.RowPlan(sequence_length=64),
    )
    (sample,) = gkf.evaluate(run, samples=1)["samples"]
    assert sample["base"] is None and sample["tuned"] is not None
    assert main(["generate", str(run.directory), "ilai", "--base"]) == 2
    assert "trained on scripture" in capsys.readouterr().err
