"""Orbax checkpoints of what a run has learned: adapter, optimizer, position."""

import contextlib
import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_STATE, _BEST, _RUN, _LOG = "state", "best", "run", "log"


@dataclasses.dataclass(frozen=True)
class Checkpointer:
    """Saves and restores the trainable variables, the optimizer and the step.

    The frozen base is not copied: `run` names it, and a checkpoint of another
    base, adapter or dataset is refused. Saving is asynchronous and atomic.

    Args:
        directory: Where the checkpoints of one run stand.
        run: JSON values that must be equal for a checkpoint to be continued.
        keep: How many of the latest checkpoints to keep.
    """

    directory: Path
    run: Mapping[str, Any]
    keep: int = 2

    @functools.cached_property
    def _manager(self):
        import orbax.checkpoint as ocp

        options = ocp.CheckpointManagerOptions(
            max_to_keep=self.keep, enable_async_checkpointing=True
        )
        handlers = {
            _STATE: ocp.StandardCheckpointHandler(),
            _BEST: ocp.StandardCheckpointHandler(),
            _RUN: ocp.JsonCheckpointHandler(),
            _LOG: ocp.JsonCheckpointHandler(),
        }
        return ocp.CheckpointManager(
            self.directory.absolute(), options=options, item_handlers=handlers
        )

    def save(
        self,
        step: int,
        model,
        *,
        log: Mapping[str, Any],
        best: Mapping[str, Any] | None = None,
    ) -> None:
        """Saves the state after `step` steps.

        Args:
            step: Steps taken.
            model: The compiled model.
            log: JSON values about the way there.
            best: Values of the trained variables at the best step so far, by path.
        """
        import orbax.checkpoint as ocp

        items: dict[str, Any] = {
            _STATE: ocp.args.StandardSave(_state(model)),
            _RUN: ocp.args.JsonSave(dict(self.run)),
            _LOG: ocp.args.JsonSave(dict(log)),
        }
        if best:
            items[_BEST] = ocp.args.StandardSave(dict(best))
        self._manager.save(step, args=ocp.args.Composite(**items))

    def restore(self, model) -> int:
        """Restores the newest checkpoint into a compiled model.

        Returns:
            The step to continue from; 0 where there is no checkpoint.

        Raises:
            ValueError: If the checkpoint belongs to another run, or does not hold
                exactly the model's trainable and optimizer variables.
        """
        step = self._manager.latest_step()
        if step is None:
            return 0
        self._check_run(self._read(step, _RUN))
        variables = _variables(model)
        self._check_names(step, variables)
        restored = self._read(step, _STATE, _targets(variables))
        for name, variable in variables.items():
            # What is bound to no device must stay so, or a step is compiled twice:
            # for this mixture, and for its own outputs, all of them bound.
            bound = variable.value.committed
            variable.assign(restored[name] if bound else np.asarray(restored[name]))
        return step

    def read_log(self, step: int) -> dict[str, Any]:
        """Returns the JSON values that the checkpoint of `step` was saved with."""
        return self._read(step, _LOG)

    def read_best(self, step: int, model) -> dict[str, Any]:
        """Returns the values that `save` was given as `best`; empty without any."""
        with self._reading(step):
            present = _BEST in self._manager.item_metadata(step)
        if not present:
            return {}
        variables = {variable.path: variable for variable in model.trainable_variables}
        return self._read(step, _BEST, _targets(variables))

    def close(self) -> None:
        """Waits for the last save; an error in it is raised here."""
        self._manager.wait_until_finished()
        self._manager.close()

    def _read(self, step: int, name: str, targets=None) -> Any:
        import orbax.checkpoint as ocp

        how = ocp.args.JsonRestore()
        if targets is not None:
            how = ocp.args.StandardRestore(targets)
        args = ocp.args.Composite(**{name: how})
        with self._reading(step):
            return self._manager.restore(step, args=args)[name]

    @contextlib.contextmanager
    def _reading(self, step: int):
        """Says what to do where a damaged file makes Orbax fail."""
        try:
            yield
        except Exception as error:  # Orbax raises bare ones for damaged files
            raise ValueError(
                f"The checkpoint of step {step} in {self.directory} must be whole. "
                f"Received: one that cannot be read ({error!r:.200}). Remove the "
                f"folder {self.directory / str(step)} to continue from the checkpoint "
                "before it."
            ) from error

    def _check_run(self, saved: Mapping[str, Any]) -> None:
        for name in sorted({*saved, *self.run}):
            if saved.get(name) != self.run.get(name):
                raise ValueError(
                    f"`{name}` must equal the checkpoint's to resume. Received: "
                    f"{name}={self.run.get(name)!r}, saved {saved.get(name)!r} in "
                    f"{self.directory}. Train in another directory, or restore the "
                    "setting."
                )

    def _check_names(self, step: int, variables: Mapping[str, Any]) -> None:
        with self._reading(step):
            saved = set(self._manager.item_metadata(step)[_STATE].tree)
        differing = sorted(saved ^ set(variables))
        if differing:
            raise ValueError(
                f"The checkpoint of step {step} in {self.directory} must hold the "
                f"model's variables. Differing: {differing[0]!r} and "
                f"{len(differing) - 1} more. Use the adapter settings it was saved "
                "with."
            )


def _variables(model) -> dict[str, Any]:
    """Names what training changes: adapter, optimizer, state of dropout and noise.

    The optimizer gets built.
    """
    model.optimizer.build(model.trainable_variables)
    named = {variable.path: variable for variable in model.trainable_variables}
    named |= {variable.path: variable for variable in model.optimizer.variables}
    named |= model.random_state
    expected = len(model.trainable_variables) + len(model.optimizer.variables)
    expected += len(model.random_state)
    if len(named) != expected:
        raise ValueError(
            f"Variable paths must be unique. Received: {expected} variables under "
            f"{len(named)} paths. Give the model's layers names of their own."
        )
    return named


def _targets(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Says of every variable what is to be read for it, and onto which devices.

    Without a sharding, a restore onto another device layout fails deep inside Orbax.
    """
    import jax

    return {
        name: jax.ShapeDtypeStruct(
            tuple(variable.shape),
            variable.value.dtype,
            sharding=variable.value.sharding,
        )
        for name, variable in variables.items()
    }


def _state(model) -> dict[str, Any]:
    return {name: variable.value for name, variable in _variables(model).items()}
