"""The curves on disk: every evaluation once, whatever happened in between."""

import csv
import dataclasses
import functools

import pytest

from gemma_keras_ft.training import metrics_files, trainer
from gemma_keras_ft.training.metrics_files import MetricsFiles
from gemma_keras_ft.training.trainer import Trainer

TRAINER = Trainer(epochs=3, global_batch_size=5, learning_rate=1e-2, evaluations=6)


def read_csv(folder):
    with open(folder / "metrics.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_events(folder):
    """Returns (step, name, value) of every scalar in the event files."""
    import tensorflow as tf

    found = []
    for path in sorted((folder / "tensorboard").iterdir()):
        for record in tf.data.TFRecordDataset(str(path), buffer_size=2**18):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                assert value.metadata.data_class == 1
                found.append((event.step, value.tag, tf.make_ndarray(value.tensor)))
    return found


@pytest.mark.parametrize("events", [True, False])
def test_an_evaluation_is_a_row(tmp_path, events):
    files = MetricsFiles(tmp_path, events=events)
    columns = {"step": [], "loss": [], "utilization": []}
    files.start(columns)
    for step, loss, used in ((2.0, 3.25, None), (4.0, 2.5, 0.5)):
        for name, value in zip(columns, (step, loss, used), strict=True):
            columns[name].append(value)
        files.add(columns)
    files.close()
    text = (tmp_path / "metrics.csv").read_text()
    assert text == "step,loss,utilization\n2,3.25,\n4,2.5,0.5\n"
    assert (tmp_path / "tensorboard").exists() == events
    if events:
        assert read_events(tmp_path) == [
            (2, "loss", 3.25),
            (4, "loss", 2.5),
            (4, "utilization", 0.5),
        ]


def test_event_files_are_written_where_tensorboard_is_installed(tmp_path, monkeypatch):
    for found in (None, object()):
        monkeypatch.setattr(
            metrics_files.importlib.util, "find_spec", lambda name, found=found: found
        )
        assert MetricsFiles(tmp_path).events == (found is not None)


# Before the first save, between two, and just after one.
@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(1, marks=pytest.mark.long),
        pytest.param(4, marks=pytest.mark.long),
        5,
    ],
)
def test_a_run_that_continues_has_every_step_once(
    adapted, random_rows, tmp_path, stop_after, stop, monkeypatch
):
    with_events = functools.partial(MetricsFiles, events=True)
    monkeypatch.setattr(trainer, "MetricsFiles", with_events)
    rows = {"rows": random_rows(), "validation_rows": random_rows(3, seed=1)}
    folders = {"directory": tmp_path / "steps", "metrics_directory": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        TRAINER.fit(adapted(), **rows, **folders, callbacks=[stop_after(stop)])
    # A row whose checkpoint was lost, as when a machine stops while it saves.
    with open(tmp_path / "metrics.csv", "a") as file:
        file.write("5,1.0,1.0,1.0,1.0,1,1\n")
    result = TRAINER.fit(adapted(), **rows, **folders, peak_flops=1e12)
    found = read_csv(tmp_path)
    assert [int(row["step"]) for row in found] == [1, 2, 3, 4, 5, 6]
    for name, values in result["history"].items():
        assert [float(row[name]) for row in found] == values
    assert all(float(row["tokens_per_second"]) > 0 for row in found)
    assert 0 < float(found[-1]["utilization"]) < 1
    steps = [step for step, name, _ in read_events(tmp_path) if name == "loss"]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_the_share_of_the_peak_is_of_real_tokens(adapted, random_rows):
    trainer = dataclasses.replace(TRAINER, max_steps=2, evaluations=1)
    result = trainer.fit(adapted(), random_rows(), peak_flops=1e12)
    (speed,), (used,) = (
        result["speed"][name] for name in ("tokens_per_second", "utilization")
    )
    from gemma_keras_ft.training.flops import training_flops

    epoch = training_flops(adapted(), random_rows())
    assert used * 1e12 == pytest.approx(speed * epoch / (10 * 12))


def test_the_peak_can_be_measured_in_the_dtype_of_the_base(
    adapted, random_rows, monkeypatch
):
    asked = []

    def measure(dtype):
        asked.append(dtype)
        return 1e12

    monkeypatch.setattr("gemma_keras_ft.training.trainer.measure_peak_flops", measure)
    trainer = dataclasses.replace(TRAINER, max_steps=1, evaluations=1)
    result = trainer.fit(adapted(), random_rows(), peak_flops="measured")
    assert asked == ["float32"]
    assert 0 < result["speed"]["utilization"][0] < 1


@pytest.mark.parametrize("peak", ["fast", 0, -1.0, float("inf"), float("nan")])
def test_a_peak_that_is_none_is_refused(adapted, random_rows, peak):
    with pytest.raises(ValueError, match="`peak_flops` must be positive"):
        TRAINER.fit(adapted(), random_rows(), peak_flops=peak)
