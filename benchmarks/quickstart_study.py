"""Is the quickstart's result luck? Seeds, a paired test, and a shuffled control.

    python benchmarks/quickstart_study.py [--seeds 0 1 2] [--json FILE]

For each seed the tiny Gemma 2 is fine-tuned on the romanized Thirukkural as the
quickstart does it, and once more, in the same way, on the same chapters with
their words shuffled. Held-out chapters are scored, untouched, under the base and
under both. The control has seen every letter and word, but no language: what the
real adapter gains over it was learned from the order of words.
"""

import argparse
import dataclasses
import json
import random
import tempfile
from pathlib import Path

import gemma_keras_ft as gkf
from gemma_keras_ft.evaluation.compare import compare_scores
from gemma_keras_ft.evaluation.metrics import summarize_scores
from gemma_keras_ft.model.lora import base_only
from gemma_keras_ft.workflow.evaluating import environment
from gemma_keras_ft.workflow.quickstart import ROMANIZED
from gemma_keras_ft.workflow.song_scores import hold_out, song_scores


def main():
    """Runs the study and prints one line a seed, then the bars."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    figures = {"environment": environment(), "seeds": {}}
    for seed in arguments.seeds:
        figures["seeds"][seed] = found = study(seed)
        print(
            f"seed {seed}: perplexity base {found['base']:.1f}, "
            f"tuned {found['tuned']:.2f} (x {found['tuned_over_base']:.3f}, "
            f"p = {found['tuned_over_base_p']:.5f}), accuracy "
            f"{found['base_accuracy']:.1%} -> {found['tuned_accuracy']:.1%} "
            f"(p = {found['tuned_over_base_accuracy_p']:.5f}), "
            f"words shuffled {found['shuffled']:.2f} (tuned x "
            f"{found['tuned_over_shuffled']:.3f}, "
            f"p = {found['tuned_over_shuffled_p']:.5f}), {found['songs']} songs",
            flush=True,
        )
    print(json.dumps(figures["environment"]))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def study(seed: int) -> dict[str, float]:
    """Returns the perplexities and tests of one seed."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = gkf.curate("embedded:thirukkural", f"{folder}/dataset", seed=seed)
        control = dataclasses.replace(
            dataset,
            splits={
                **dataset.splits,
                "train": tuple(
                    shuffle_words(record, seed) for record in dataset.splits["train"]
                ),
            },
        )
        model = gkf.load_preset()
        tuned = train_and_score(dataset, dataset, f"{folder}/tuned", model, seed)
        shuffled = train_and_score(control, dataset, f"{folder}/control", model, seed)
        with base_only(model):
            base = score(dataset, model)
    against_base = compare_scores(base, tuned, seed=seed)
    against_shuffled = compare_scores(
        shuffled, tuned, seed=seed, base_name="shuffled-words"
    )
    found = {
        name: summarize_scores(scores)
        for name, scores in (("base", base), ("tuned", tuned), ("shuffled", shuffled))
    }
    return {
        "songs": len(base),
        **{name: scores["perplexity_per_token"] for name, scores in found.items()},
        **{f"{name}_accuracy": found[name]["token_accuracy"] for name in found},
        "tuned_over_base": against_base.perplexity_ratio,
        "tuned_over_base_p": against_base.p_value,
        "tuned_over_base_accuracy_p": against_base.accuracy_p_value,
        "tuned_over_shuffled": against_shuffled.perplexity_ratio,
        "tuned_over_shuffled_p": against_shuffled.p_value,
    }


def train_and_score(training, judged, out, model, seed):
    """Trains as the quickstart does, and scores the test songs of `judged`."""
    gkf.train(
        training,
        out,
        task=ROMANIZED.task,
        trainer=ROMANIZED.trainer,
        plan=ROMANIZED.plan,
        seed=seed,
        model=model,
    )
    return score(judged, model)


def score(dataset, model):
    """Scores the test songs under the model as it is."""
    records = dataset.select("test")
    held_out = hold_out(
        records,
        task=ROMANIZED.task,
        tokenizer=model.preprocessor.tokenizer,
        sequence_length=ROMANIZED.plan.sequence_length,
        split="test",
    )
    return song_scores(model, held_out)


def shuffle_words(record, seed: int):
    """Shuffles the words of a song over its lines; each line keeps its length."""
    words = [word for line in record.romanized for word in line.split()]
    random.Random(f"{seed}/{record.id}").shuffle(words)
    shuffled, place = [], 0
    for line in record.romanized:
        count = len(line.split())
        shuffled.append(" ".join(words[place : place + count]))
        place += count
    return record.replace(romanized=tuple(shuffled))


if __name__ == "__main__":
    main()
