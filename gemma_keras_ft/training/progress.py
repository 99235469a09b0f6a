"""A progress bar for `fit`: steps, loss, validation loss, time left."""


def progress_callback(label: str = "training", *, console=None):
    """Builds a Keras callback that draws a rich progress bar.

    Args:
        label: What is being trained, in a few words.
        console: A `rich.console.Console`; by default one on standard error, so
            that standard output stays for results.
    """
    import keras
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    class ProgressCallback(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.shown = {}
            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[losses]}"),
                console=console or Console(stderr=True),
                transient=False,
            )
            self.task = self.bar.add_task(label, total=None, losses="compiling")
            self.bar.start()

        def on_epoch_begin(self, epoch, logs=None):
            run = self.params or {}
            self.base = epoch * run["steps"]
            total = run["epochs"] * run["steps"]
            self.bar.update(self.task, total=total)

        def on_train_batch_end(self, batch, logs=None):
            self.bar.update(self.task, completed=self.base + batch + 1)

        def on_epoch_end(self, epoch, logs=None):
            found = logs or {}
            losses = f"loss {found['nats_per_token']:.3f}"
            if "val_nats_per_token" in found:
                losses += f"  validation {found['val_nats_per_token']:.3f}"
            self.bar.update(self.task, losses=losses)

        def on_train_end(self, logs=None):
            self.bar.stop()

    return ProgressCallback()
