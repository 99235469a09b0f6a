"""Orbax checkpoints of what a run has learned: adapter, optimizer, position."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_STATE, _RUN, _HISTORY = "state", "run", "history"


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
            _RUN: ocp.JsonCheckpointHandler(),
            _HISTORY: ocp.JsonCheckpointHandler(),
        }
        return ocp.CheckpointManager(
            self.directory.absolute(), options=options, item_handlers=handlers
        )

    def save(self, step: int, model, *, history: Mapping[str, Sequence[float]]) -> None:
        """Saves the state, and the curves so far, after `step` optimizer steps."""
        import orbax.checkpoint as ocp

        self._manager.save(
            step,
            args=ocp.args.Composite(
                **{
                    _STATE: ocp.args.StandardSave(_state(model)),
                    _RUN: ocp.args.JsonSave(dict(self.run)),
                    _HISTORY: ocp.args.JsonSave(dict(history)),
                }
            ),
        )

    def restore(self, model) -> int:
        """Restores the newest checkpoint into a compiled model.

        Returns:
            The step to continue from; 0 where there is no checkpoint.

        Raises:
            ValueError: If the checkpoint belongs to another run, or does not hold
                exactly the model's trainable and optimizer variables.
        """
        import jax
        import orbax.checkpoint as ocp

        step = self._manager.latest_step()
        if step is None:
            return 0
        self._check_run(self._read_json(step, _RUN))
        variables = _variables(model)
        self._check_names(step, variables)
        # Every leaf gets a target with its own sharding: without one, a restore
        # onto another device layout fails deep inside Orbax.
        targets = {
            name: jax.ShapeDtypeStruct(
                tuple(variable.shape),
                variable.value.dtype,
                sharding=variable.value.sharding,
            )
            for name, variable in variables.items()
        }
        restored = self._manager.restore(
            step, args=ocp.args.Composite(**{_STATE: ocp.args.StandardRestore(targets)})
        )[_STATE]
        for name, variable in variables.items():
            variable.assign(restored[name])
        return step

    def read_history(self, step: int) -> dict[str, list[float]]:
        """Returns the curves that the checkpoint of `step` was saved with."""
        return self._read_json(step, _HISTORY)

    def close(self) -> None:
        """Waits for the last save; an error in it is raised here."""
        self._manager.wait_until_finished()
        self._manager.close()

    def _read_json(self, step: int, name: str) -> dict[str, Any]:
        import orbax.checkpoint as ocp

        args = ocp.args.Composite(**{name: ocp.args.JsonRestore()})
        return self._manager.restore(step, args=args)[name]

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
        saved = self._manager.item_metadata(step)[_STATE].tree
        differing = sorted(set(saved) ^ set(variables))
        if differing:
            raise ValueError(
                f"The checkpoint of step {step} in {self.directory} must hold the "
                f"model's variables. Differing: {differing[0]!r} and "
                f"{len(differing) - 1} more. Use the adapter settings it was saved "
                "with."
            )


def _variables(model) -> dict[str, Any]:
    """Names every trainable and optimizer variable; the optimizer gets built."""
    model.optimizer.build(model.trainable_variables)
    named = {variable.path: variable for variable in model.trainable_variables}
    named |= {variable.path: variable for variable in model.optimizer.variables}
    expected = len(model.trainable_variables) + len(model.optimizer.variables)
    if len(named) != expected:
        raise ValueError(
            f"Variable paths must be unique. Received: {expected} variables under "
            f"{len(named)} paths. Give the model's layers names of their own."
        )
    return named


def _state(model) -> dict[str, Any]:
    return {name: variable.value for name, variable in _variables(model).items()}
