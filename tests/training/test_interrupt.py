import os
import signal
import subprocess
import sys
import textwrap

TRAINING = """
    import os, signal, sys, threading

    # Whoever started this process may have told it to ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    import gemma_keras_ft as gkf
    import keras

    class Report(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            print("step", batch, flush=True)

    lines = ("river one runs", "night one falls", "day one dawns", "and so on")
    records = [
        gkf.LyricRecord(id=str(n), lines=tuple(f"{l} {n}" for l in lines))
        for n in range(40)
    ]
    from gemma_keras_ft.model.lora import enable_adapter

    model = gkf.load_preset(sys.argv[1])
    enable_adapter(model, gkf.Adapter(rank=2))
    task = gkf.Continuation()
    examples = [e for record in records for e in task.examples(record)]
    tokenizer = model.preprocessor.tokenizer
    plan = gkf.RowPlan(sequence_length=64, layout="single")
    rows = plan.build(gkf.tokenize_examples(examples, tokenizer))
    trainer = gkf.Trainer(epochs=1000, global_batch_size=4, evaluations=1)
    try:
        trainer.fit(model, rows, callbacks=[Report()])
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


def test_ctrl_c_ends_training_after_the_step_it_is_in(small_preset, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(TRAINING))
    environment = {**os.environ, "XLA_FLAGS": ""}
    with subprocess.Popen(
        [sys.executable, script, small_preset],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        steps = 0
        for line in process.stdout:
            steps += line.startswith("step")
            if steps == 3:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert rest[-1] == "interrupted"
    # The step that was under way, and what had been printed already.
    assert len(rest) < 20
