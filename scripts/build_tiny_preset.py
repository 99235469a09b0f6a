"""Builds the embedded tiny Gemma 2: vocabulary, pre-training, preset, model card.

    python scripts/build_tiny_preset.py --corpora DIR --work DIR

`DIR` holds `embeddable/` and `local_only/`. The fine-tuning targets (Thirukkural
and psalms) and every near duplicate of them are kept out, and so is the CC BY-SA
parallel romanization. The run is seeded; stopped, it continues from its newest
checkpoint in `--work`. Needs the extra `[preset]` (sentencepiece).
"""

import argparse
import collections
import dataclasses
import gzip
import hashlib
import io
import json
import math
from pathlib import Path

import numpy as np
from character_baselines import (
    kneser_ney_bits_per_character,
    unigram_bits_per_character,
)

from gemma_keras_ft.backend import prefer_jax
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.preprocessing.romanization.romanize import Romanize
from gemma_keras_ft.preprocessing.splitting.dedup import duplicate_groups
from gemma_keras_ft.preprocessing.text.normalize import Normalize
from gemma_keras_ft.records import LyricRecord, write_text_atomically

prefer_jax()

TARGETS = ("embeddable/thirukkural", "embeddable/psalms_tagalog")
SOURCES = (
    "embeddable/gurbani",
    "embeddable/gurbani_dasam",
    "embeddable/gurbani_vaaran",
    "embeddable/gurbani_kabit",
    "embeddable/gurbani_ghazal_nandlal",
    "embeddable/gita",
    "embeddable/daily_mantra",
    "embeddable/shijing",
    "local_only/kabir_bhajans",
    "local_only/kabir_dohas",
    "local_only/ramcharitmanas",
)
HELD_OUT_SHARE = 1 / 50
# Pieces that must exist whatever the training text holds: the alphabets of ISO
# 15919 and of plain Latin text, and common punctuation.
REQUIRED_CHARACTERS = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    ".,;:!?'\"()-āēīōūṭḍṇṅñṉṟḻḷḵṁṃḥśṣṛ।॥"
)
SPECIAL = ("<start_of_turn>", "<end_of_turn>", "\n", "\n\n")


@dataclasses.dataclass(frozen=True)
class Size:
    """Shape of the model and length of its training."""

    vocabulary_size: int = 8192
    num_layers: int = 4
    hidden_dim: int = 192
    num_query_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 48
    intermediate_dim: int = 1152
    sliding_window_size: int = 64
    sequence_length: int = 256
    global_batch_size: int = 16
    epochs: int = 1
    learning_rate: float = 3e-3
    seed: int = 0


def main():
    """Runs the build; every stage is skipped where its result stands in --work."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument(
        "--out", type=Path, default=Path("gemma_keras_ft/resources/tiny_gemma2")
    )
    parser.add_argument("--epochs", type=int, default=Size.epochs)
    arguments = parser.parse_args()
    size = dataclasses.replace(Size(), epochs=arguments.epochs)
    arguments.work.mkdir(parents=True, exist_ok=True)

    train, held_out, facts = split_documents(arguments.corpora)
    vocabulary = arguments.work / "vocabulary.spm"
    if not vocabulary.exists():
        vocabulary.write_bytes(train_vocabulary(train, size))
    model = build_model(vocabulary.read_bytes(), size, "float32")
    trained = pretrain(model, train, held_out, size, arguments.work)
    save_preset(model, vocabulary.read_bytes(), size, arguments.out)
    # What ships is judged: the rounded weights, read back.
    shipped = load_preset(arguments.out)
    facts |= trained | {
        "size": dataclasses.asdict(size),
        "parameters": shipped.backbone.count_params(),
        "bits_per_character": {
            "tiny_gemma2": bits_per_character(shipped, held_out, size),
            "unigram": unigram_bits_per_character(train, held_out),
            "kneser_ney_5gram": kneser_ney_bits_per_character(train, held_out),
        },
    }
    write_text_atomically(arguments.out / "MODEL_CARD.md", model_card(facts))
    print(json.dumps(facts, indent=1, sort_keys=True))


def model_card(facts: dict) -> str:
    """Returns the model card: what it is, what it saw, how well it predicts."""
    size, data, bits = facts["size"], facts["data"], facts["bits_per_character"]
    sources = ", ".join(name.split("/")[1] for name in facts["sources"])
    return f"""# Tiny Gemma 2

A genuine Gemma 2, only small: soft caps 50 and 30, alternating sliding window, norms
before and after each block, grouped-query heads, tied embedding. It exists so that
every command, test and notebook of this library runs on a laptop. It is **not**
Google's Gemma 2, shares no weight with it, and is no use as a language model.

| | |
| --- | ---: |
| parameters | {facts["parameters"]:,} |
| layers, width | {size["num_layers"]}, {size["hidden_dim"]} |
| query / key-value heads of {size["head_dim"]} | \
{size["num_query_heads"]} / {size["num_key_value_heads"]} |
| vocabulary (BPE, byte fallback) | {size["vocabulary_size"]:,} |
| sliding window | {size["sliding_window_size"]} |
| stored as | bfloat16 |

## Training data

{data["training songs"]:,} songs of {sources}:
Gurmukhi and Devanagari verse, each in
its own script and in ISO 15919, and ancient Chinese odes,
{data["training characters"]:,}
characters in all. The Thirukkural and the Tagalog psalms, on which the quickstart
fine-tunes, and {data.get("near duplicates of targets left out", 0)} near duplicates of
them were left out: the model has seen no Tamil, Tagalog or English. Much of the
verse is sacred; the model must not be used to imitate scripture.

{facts["tokens_seen"]:,} tokens were seen ({size["epochs"]} pass over \
{facts["training_tokens"]:,}), in rows of {size["sequence_length"]}, with AdamW at
{size["learning_rate"]}, seed {size["seed"]}.

## Held-out bits a character

On {data["held-out songs"]:,} songs ({data["held-out characters"]:,} characters), of
which no near duplicate was trained on. Lower is better.

| model | bits a character |
| --- | ---: |
| tiny Gemma 2, as shipped | {bits["tiny_gemma2"]:.3f} |
| interpolated modified Kneser-Ney character 5-gram | {bits["kneser_ney_5gram"]:.3f} |
| character unigram | {bits["unigram"]:.3f} |

The n-gram models are not charged for which unseen character comes, nor for the end of
a text; the tiny Gemma 2 is.

## License

The weights are released under Apache-2.0. They were trained on public-domain and
openly licensed text alone.

## Making it again

    python scripts/build_tiny_preset.py --corpora DIR --work DIR
""".replace("\\\n", "")


def read_corpus(path: Path) -> list[LyricRecord]:
    """Reads one corpus file into normalized, romanized records."""
    records = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            record = LyricRecord(
                id=f"{path.name.split('.')[0]}/{row['id']}",
                lines=tuple(row["lines"]),
                title=row.get("title"),
                language=row["lang"].split("/")[0],
                script=row["script"],
            )
            records.append(Romanize()(Normalize()(record)))
    return records


def split_documents(corpora: Path):
    """Returns training and held-out texts, and counts for the model card.

    Both forms of one song, and all songs of one near-duplicate group, stand on
    one side. A group that touches a fine-tuning target is left out.
    """
    targets = [r for name in TARGETS for r in read_corpus(corpora / f"{name}.jsonl.gz")]
    songs = [r for name in SOURCES for r in read_corpus(corpora / f"{name}.jsonl.gz")]
    groups = duplicate_groups([*targets, *songs], threshold=0.4)
    banned = set(groups[: len(targets)])
    train, held_out = [], []
    counts = collections.Counter()
    for record, group in zip(songs, groups[len(targets) :], strict=True):
        if group in banned:
            counts["near duplicates of targets left out"] += 1
            continue
        draw = int(hashlib.sha256(f"split/{group}".encode()).hexdigest()[:8], 16)
        side = held_out if draw < HELD_OUT_SHARE * 2**32 else train
        side.extend(documents(record))
        counts["held-out songs" if side is held_out else "training songs"] += 1
    counts["training characters"] = sum(map(len, train))
    counts["held-out characters"] = sum(map(len, held_out))
    return train, held_out, {"data": dict(counts), "sources": list(SOURCES)}


def documents(record: LyricRecord) -> list[str]:
    """Returns the song's text in its own script and, where it has one, romanized."""
    texts = [record.text]
    if record.romanized is not None:
        texts.append("\n".join(record.romanized))
    return texts


def train_vocabulary(texts: list[str], size: Size) -> bytes:
    """Trains a BPE vocabulary with Gemma's special tokens and byte fallback."""
    import sentencepiece

    lines = (line for text in texts for line in text.split("\n") if line)
    proto = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines,
        model_writer=proto,
        model_type="bpe",
        vocab_size=size.vocabulary_size,
        character_coverage=0.999,
        byte_fallback=True,
        split_digits=True,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        allow_whitespace_only_pieces=True,
        required_chars=REQUIRED_CHARACTERS,
        user_defined_symbols=list(SPECIAL),
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        pad_piece="<pad>",
        eos_piece="<eos>",
        bos_piece="<bos>",
        unk_piece="<unk>",
        num_threads=2,
        minloglevel=1,
    )
    return proto.getvalue()


def build_model(proto: bytes, size: Size, dtype: str):
    """Builds the Gemma 2 with every feature of the family, only small."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(size.seed)
    backbone = keras_hub.models.GemmaBackbone(
        vocabulary_size=size.vocabulary_size,
        num_layers=size.num_layers,
        num_query_heads=size.num_query_heads,
        num_key_value_heads=size.num_key_value_heads,
        hidden_dim=size.hidden_dim,
        intermediate_dim=size.intermediate_dim,
        head_dim=size.head_dim,
        use_post_ffw_norm=True,
        use_post_attention_norm=True,
        attention_logit_soft_cap=50,
        final_logit_soft_cap=30,
        use_sliding_window_attention=True,
        sliding_window_size=size.sliding_window_size,
        dtype=dtype,
    )
    tokenizer = keras_hub.models.GemmaTokenizer(proto=proto)
    preprocessor = keras_hub.models.GemmaCausalLMPreprocessor(
        tokenizer, sequence_length=size.sequence_length
    )
    return keras_hub.models.GemmaCausalLM(backbone, preprocessor)


def token_rows(tokenizer, texts: list[str], size: Size) -> dict[str, np.ndarray]:
    """Lays the texts end to end, `<bos> … <eos>`, in full rows without padding.

    Attention may look across a border inside a row, as is usual in pre-training.
    """
    stream = []
    for tokens in tokenizer.tokenize(texts):
        stream += [tokenizer.start_token_id, *tokens, tokenizer.end_token_id]
    length = size.sequence_length
    count = (len(stream) - 1) // length
    inputs = np.asarray(stream[: count * length], "int32").reshape(count, length)
    labels = np.asarray(stream[1 : count * length + 1], "int32").reshape(count, length)
    return {
        "token_ids": inputs,
        "padding_mask": np.ones_like(inputs),
        "labels": labels,
        "sample_weight": np.ones(inputs.shape, "float32"),
    }


def pretrain(model, train, held_out, size: Size, work: Path) -> dict:
    """Trains every weight; continues where an earlier run stopped."""
    from gemma_keras_ft.training.progress import progress_bars
    from gemma_keras_ft.training.trainer import Trainer

    shuffled = np.random.default_rng(size.seed).permutation(len(train))
    rows = token_rows(
        model.preprocessor.tokenizer, [train[index] for index in shuffled], size
    )
    watched = token_rows(model.preprocessor.tokenizer, held_out, size)
    watched = {name: values[:64] for name, values in watched.items()}
    trainer = Trainer(
        epochs=size.epochs,
        global_batch_size=size.global_batch_size,
        learning_rate=size.learning_rate,
        warmup_fraction=0.05,
        weight_decay=0.05,
        evaluations=30,
        seed=size.seed,
    )
    with progress_bars() as bars:
        result = trainer.fit(
            model,
            rows,
            validation_rows=watched,
            directory=work / "checkpoints",
            run={"size": dataclasses.asdict(size), "rows": len(rows["token_ids"])},
            callbacks=bars("pre-training"),
        )
    print(f"pre-trained in {result['seconds']:.0f} s")
    print(json.dumps(result["history"]))
    return {
        "tokens_seen": int(rows["token_ids"].size) * size.epochs,
        "training_tokens": int(rows["token_ids"].size),
    }


def bits_per_character(model, texts: list[str], size: Size) -> float:
    """Scores the texts, each cut into rows, and returns bits a character.

    Every token is predicted from what stands before it in its row, `<bos>` first.
    """
    import keras

    rows = token_rows(model.preprocessor.tokenizer, texts, size)
    total = 0.0
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="none"
    )
    for start in range(0, len(rows["token_ids"]), 16):
        batch = {name: values[start : start + 16] for name, values in rows.items()}
        logits = model.backbone.token_embedding(
            model.backbone.predict_on_batch(
                {name: batch[name] for name in ("token_ids", "padding_mask")}
            ),
            reverse=True,
        )
        total += float(np.sum(loss(batch["labels"], logits)))
    characters = sum(map(len, texts))
    scored = rows["labels"].size / sum(
        len(tokens) + 2 for tokens in model.preprocessor.tokenizer.tokenize(texts)
    )
    return total / math.log(2) / (characters * scored)


def save_preset(model, proto: bytes, size: Size, out: Path) -> None:
    """Saves the trained weights in bfloat16 as a KerasHub preset folder."""
    half = build_model(proto, size, "bfloat16")
    half.backbone.set_weights(model.backbone.get_weights())
    half.save_to_preset(str(out))


if __name__ == "__main__":
    main()
