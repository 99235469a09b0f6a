"""Fine-tunes Gemma 2 2B on a folder of lyrics, on a Kaggle TPU v5e-8.

On Kaggle: choose the accelerator "TPU VM v5e-8", add the model "Gemma 2" (Keras,
gemma2_2b_en) and a dataset with your lyrics to the notebook, install the library
as README.md says, and run

    python kaggle_tpu_lora.py --lyrics /kaggle/input/my-lyrics --language pa

Elsewhere, try it on a laptop with the embedded model:

    python examples/kaggle_tpu_lora.py --lyrics embedded:thirukkural \
        --preset tiny_gemma2 --epochs 1 --script iso15919 --sequence-length 256 \
        --learning-rate 1e-2 --out /tmp/kaggle

The eight cores share the rows, and a model that one cannot hold: see --mesh.
A session that ends early is continued with the same command and --resume. This
script has not been run on a TPU yet; on CPU devices it is tested.
"""

import argparse
from pathlib import Path

import gemma_keras_ft as gkf
from gemma_keras_ft.training.progress import progress_bars


def main(argv=None):
    """Curates, trains on every device there is, evaluates, and reports."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lyrics", required=True, help="folder or file of lyrics")
    parser.add_argument("--language", help="BCP 47 tag of the lyrics, such as pa")
    parser.add_argument("--license", help="terms of the lyrics, such as CC0-1.0")
    parser.add_argument("--preset", default="gemma2_2b_en", help="name or folder")
    parser.add_argument(
        "--script",
        default="native",
        choices=("auto", "native", "iso15919"),
        help="the lyrics' own script, romanized, or what suits the preset best",
    )
    parser.add_argument("--out", type=Path, default=Path("/kaggle/working"))
    parser.add_argument("--epochs", type=int, default=3, help="times a song is seen")
    parser.add_argument("--rows-per-device", type=int, default=2, help="rows a step")
    parser.add_argument("--sequence-length", type=int, default=512, help="in tokens")
    parser.add_argument("--learning-rate", type=float, default=2e-4, help="its peak")
    parser.add_argument(
        "--mesh",
        help="how the devices share the work, such as fsdp=8 for a 9B preset "
        "(default: every device holds the model and takes its share of the rows)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue the run in --out, if any"
    )
    arguments = parser.parse_args(argv)

    dataset = gkf.curate(
        arguments.lyrics,
        arguments.out / "dataset",
        language=arguments.language,
        license=arguments.license,
    )
    mesh = gkf.parse_mesh(arguments.mesh) if arguments.mesh else every_device()
    with mesh.scope():
        train_and_report(arguments, dataset, mesh)


def train_and_report(arguments, dataset, mesh):
    """Trains on the devices of a mesh, evaluates on them, and writes the report."""
    model = gkf.load_preset(arguments.preset)
    with progress_bars() as bars:
        run = gkf.train(
            dataset,
            arguments.out / "run",
            preset=arguments.preset,
            task=gkf.Continuation(script=arguments.script),
            adapter=gkf.Adapter(rank=8, alpha=16.0),
            trainer=gkf.Trainer(
                epochs=arguments.epochs,
                global_batch_size=arguments.rows_per_device * mesh.size,
                learning_rate=arguments.learning_rate,
            ),
            plan=gkf.RowPlan(sequence_length=arguments.sequence_length),
            resume=arguments.resume,
            model=model,
            callbacks=bars("training"),
        )
    results = gkf.evaluate(run, dataset=dataset, model=model)
    html, _ = gkf.write_report(results, arguments.out / "report")
    print(results["summary"])
    print(f"adapter: {run.directory / 'adapter.safetensors'}\nreport: {html}")


def every_device():
    """Returns the mesh on which every device takes its share of the rows."""
    import jax

    return gkf.Mesh(batch=len(jax.devices()))


if __name__ == "__main__":
    main()
