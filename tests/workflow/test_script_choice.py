import json

import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.workflow.script_choice import choose_scripts


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("choice") / "dataset"
    return gkf.curate("embedded:thirukkural", folder)


@pytest.mark.long
def test_a_base_that_never_met_the_script_chooses_a_romanization(dataset):
    model = gkf.load_preset()
    songs = dataset.splits["train"][:30]
    choices = choose_scripts(model, songs, schemes=("iso15919",))
    native, iso = choices["ta"]["evidence"]
    assert choices["ta"]["script"] == "iso15919"
    assert iso["nats_per_word"] < native["nats_per_word"]
    assert iso["tokens_per_word"] < native["tokens_per_word"]
    assert choices == choose_scripts(model, songs[::-1], schemes=("iso15919",))


def test_training_records_what_it_chose_and_why(dataset, small_preset, tmp_path):
    run = gkf.train(
        dataset,
        tmp_path / "run",
        preset=small_preset,
        task=gkf.Continuation(script="auto"),
        trainer=gkf.Trainer(epochs=1, max_steps=1, evaluations=1),
        plan=gkf.RowPlan(sequence_length=512),
    )
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    choice = facts["script_choice"]["ta"]
    assert dict(run.task.scripts) == {"ta": choice["script"]}
    forms = {row["form"]: row["nats_per_word"] for row in choice["evidence"]}
    assert choice["script"] == min(forms, key=forms.__getitem__)
    assert {"native", "iso15919"} <= set(forms)
