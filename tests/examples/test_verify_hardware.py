import json
import pathlib

import pytest

import gemma_keras_ft.model.attention as attention
from gemma_keras_ft.preprocessing.recipe import import_steps

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "verify_hardware.py"


@pytest.fixture(scope="module")
def example():
    return import_steps(str(EXAMPLE))


@pytest.mark.long
def test_every_part_holds_and_is_written(example, tmp_path, capsys):
    out = tmp_path / "hardware.json"
    small = "--sequence-length 64 --global-batch-size 2 --steps 3".split()
    assert example.main([*small, "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    for name in ("soft_cap", "packing", "adapter"):
        assert found[name]["holds"] is True
    # Each check could have failed: without what it checks, the error is large.
    assert found["soft_cap"]["error_without_the_cap"] > 1e-2
    assert found["packing"]["error_if_songs_saw_each_other"] > 1e-2
    assert found["adapter"]["error_if_nothing_were_loaded"] > 1e-3
    speed, memory = found["speed"], found["memory"]
    assert 100 < speed["tokens_a_step"] <= 128
    assert speed["tokens_per_second"] > 0 and 0 < speed["mfu"] < 1
    assert memory["planned_bytes"] > memory["planned_state_bytes"] > 0
    assert "failed: none" in capsys.readouterr().out


def test_a_device_that_drops_the_cap_is_found_out(example, monkeypatch):
    stock = attention.segment_attention

    def dropping(*inputs, soft_cap, **options):
        return stock(*inputs, soft_cap=None, **options)

    monkeypatch.setattr(attention, "segment_attention", dropping)
    assert example.check_soft_cap()["holds"] is False
