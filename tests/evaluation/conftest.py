import copy
import math
import random

import pytest

from gemma_keras_ft.evaluation.compare import compare_scores
from gemma_keras_ft.evaluation.metrics import SongScore, summarize_scores


def make_scores(nats_per_token, *, songs=13, seed=0, spread=0.15, accuracy=0.2):
    """Made-up scores; equal seeds give songs of equal sizes."""
    sizes, noise = random.Random(seed), random.Random(f"{seed} {nats_per_token}")
    scores = []
    for place in range(songs):
        tokens = sizes.randrange(180, 320)
        nats = tokens * max(0.01, noise.gauss(nats_per_token, spread))
        scores.append(
            SongScore(
                id=f"kural-ch{place + 1:03}",
                nats=nats,
                tokens=tokens,
                correct=int(tokens * min(1, max(0, noise.gauss(accuracy, 0.02)))),
                words=tokens // 4,
                characters=tokens * 2,
                language="ta",
            )
        )
    return scores


def make_run(name, base_nats, tuned_nats, *, songs=13, **changes):
    """A run in the shape of the report's results."""
    base = make_scores(base_nats, songs=songs, accuracy=0.19)
    tuned = make_scores(tuned_nats, songs=songs, accuracy=0.38)
    steps = list(range(1, 121))
    losses = [
        base_nats - (base_nats - tuned_nats) * (1 - math.exp(-s / 30)) for s in steps
    ]
    wobble = random.Random(0)
    return {
        "name": name,
        "description": "The Thirukkural, one chapter a song, in ISO 15919.",
        "task": "continuation",
        "script": "iso15919",
        "language": "ta",
        "adapter": {
            "rank": 8,
            "alpha": 16,
            "targets": ["query", "key", "value", "attention_output", "ffw_gating"],
            "parameters": 98304,
        },
        "training": {
            "epochs": 6,
            "steps": 120,
            "seconds": 97.3,
            "tokens_per_second": 2134.6,
            "global_batch_size": 8,
            "sequence_length": 256,
            "layout": "packed",
            "filled": 0.987,
            "learning_rate": 0.002,
        },
        "history": {
            "step": steps,
            "loss": [loss + wobble.gauss(0, 0.06) for loss in losses],
            "validation_step": steps[19::20],
            "validation_loss": [loss + 0.08 for loss in losses[19::20]],
        },
        "base": summarize_scores(base),
        "tuned": summarize_scores(tuned),
        "comparison": compare_scores(base, tuned).to_dict(),
        "songs": [
            {
                "id": ours.id,
                "title": f"அதிகாரம் {place}",
                "base_perplexity": math.exp(ours.nats / ours.tokens),
                "tuned_perplexity": math.exp(theirs.nats / theirs.tokens),
            }
            for place, (ours, theirs) in enumerate(zip(base, tuned, strict=True), 1)
        ],
        **changes,
    }


def make_results():
    """Results as a quickstart might give them, every section filled."""
    signature = "nrefs:1|case:mixed|eff:no|tok:intl|smooth:exp|version:2.6.0"
    psalms = make_run(
        "Tagalog psalms into English",
        3.9,
        3.82,
        songs=16,
        description="A translation task, scored verse by verse against the English.",
        task="translation",
        language="tl",
        script="Latn",
    )
    for side, scores in (("base", (0.2, 9.4)), ("tuned", (1.3, 16.2))):
        psalms[side]["bleu"] = {"score": scores[0], "signature": signature}
        psalms[side]["chrf"] = {
            "score": scores[1],
            "signature": "nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0",
        }
    return {
        "title": "Thirukkural on the tiny Gemma 2",
        "summary": "After two minutes of training, the tuned model hesitates among "
        "about 40 % as many tokens as the base on chapters that it has never seen.",
        "command": "gemma-keras-ft quickstart --seed 0",
        "seed": 0,
        "environment": {
            "python": "3.11.9",
            "keras": "3.15.1",
            "keras-hub": "0.32.0",
            "jax": "0.10.2",
            "device": "cpu",
            "platform": "Linux x86_64",
        },
        "dataset": {
            "name": "embedded",
            "version": "1.0.0",
            "kept": 1203,
            "set_aside": 41,
            "set_aside_reasons": {"near_duplicate": 29, "too_short": 9, "no_text": 3},
            "counts": {
                "language": {"pa": 611, "ta": 133, "sa": 255, "tl": 158, "hi": 46},
                "script": {"Guru": 611, "Taml": 133, "Deva": 301, "Latn": 158},
                "style": {"devotional": 912, "didactic": 133, "lyrical": 158},
                "license": {"Public Domain Mark 1.0": 611, "MIT": 434, "PD": 158},
                "split": {"train": 963, "validation": 120, "test": 120},
            },
        },
        "base_model": {
            "name": "tiny Gemma 2",
            "parameters": 5242880,
            "fingerprint": "3f9ac1d20b7e",
        },
        "runs": [
            make_run("Tamil, romanized", 3.6, 2.7),
            make_run(
                "Tamil, native script",
                5.1,
                4.62,
                script="Taml",
                description="The same songs in letters that the base never saw.",
            ),
            psalms,
        ],
        "romanization": {
            "rows": [
                {
                    "script": "native",
                    "tokens_per_word": 21.42,
                    "base_nats_per_word": 109.2,
                    "tuned_nats_per_word": 98.96,
                },
                {
                    "script": "iso15919",
                    "tokens_per_word": 4.81,
                    "base_nats_per_word": 17.3,
                    "tuned_nats_per_word": 12.99,
                },
            ],
            "note": "The tiny base has never seen Tamil letters, so each falls apart "
            "into bytes. A large multilingual model often prefers the native script.",
        },
        "samples": [
            {
                "id": "kural-ch040",
                "title": "கல்வி · Learning",
                "prompt": "kaṟka kacaṭaṟak kaṟpavai kaṟṟapiṉ\nniṟka ataṟkut taka.",
                "reference": "eṇṇeṉpa ēṉai eḻutteṉpa ivviraṇṭum\n"
                "kaṇṇeṉpa vāḻum uyirkku.",
                "base": "rām nām binu giri na parai\nkahata kabīra sunahu bhāī.",
                "tuned": "uḷḷattāl uyarntār kaṟṟār avarkaḷ\nnallavar eṉpatu aṟivu.",
                "native_reference": "எண்ணென்ப ஏனை எழுத்தென்ப இவ்விரண்டும்\n"
                "கண்ணென்ப வாழும் உயிர்க்கு.",
                "translation": "The twain that lore of numbers and of letters give\n"
                "Are eyes, the wise declare, to all on earth that live.",
                "language": "ta",
                "translation_language": "en",
            },
            {
                "id": "kural-ch109",
                "title": "தகையணங்குறுத்தல் · The Pre-marital love",
                "prompt": "aṇaṅkukol āymayil kollō kaṉaṅkuḻai\nmātarkol mālumeṉ neñcu.",
                "reference": "nōkkiṉāḷ nōkketir nōkkutal tākkaṇaṅku\n"
                "tāṉaikkoṇ ṭaṉṉa tuṭaittu.",
                "base": "so saba saba so so so kī\nso so so saba.",
                "tuned": "kaṇṇiṉ kaṭaikkaṇ nōkkiyāḷ neñcattu\nnōy tantāḷ eṉṟum iṉitu.",
                "native_reference": "நோக்கினாள் நோக்கெதிர் நோக்குதல் தாக்கணங்கு\n"
                "தானைக்கொண் டன்ன துடைத்து.",
                "translation": "She of the beaming eyes, To my rash look her glance "
                "replies,\nAs if the matchless goddess' hand Led forth an armed band.",
                "language": "ta",
                "translation_language": "en",
            },
        ],
        "where": {
            "dataset": "runs/quickstart/dataset/1.0.0",
            "adapter": "runs/quickstart/tamil-romanized/adapter.safetensors",
            "report": "runs/quickstart/report.html",
        },
        "next": [
            {
                "say": "Continue a line of your own:",
                "command": "gemma-keras-ft generate runs/quickstart/tamil-romanized "
                "--prompt 'kaṟka kacaṭaṟak'",
            },
            {
                "say": "Train the 2B model on your own songs, on a TPU:",
                "command": "gemma-keras-ft curate songs/ --out data && gemma-keras-ft "
                "train data --preset gemma2_2b_en --rank 8",
            },
        ],
    }


@pytest.fixture(name="make_scores")
def make_scores_fixture():
    return make_scores


@pytest.fixture(scope="session")
def made_results():
    return make_results()


@pytest.fixture
def results(made_results):
    return copy.deepcopy(made_results)


@pytest.fixture(scope="session")
def made_plain_results(made_results):
    """Results that draw no chart, which is most of a page's time."""
    plain = copy.deepcopy(made_results)
    for run in plain["runs"]:
        run["history"] = None
        for song in run["songs"]:
            song["tuned_perplexity"] = None
    return plain


@pytest.fixture
def plain_results(made_plain_results):
    return copy.deepcopy(made_plain_results)
