"""How fast a run is, how much memory it takes, and how long it will take."""

import dataclasses
import resource
import sys
import time
from collections.abc import Callable

TOKENS_PER_SECOND, PEAK_MEMORY, UTILIZATION = SPEEDS = (
    "tokens_per_second",
    "peak_memory_bytes",
    "utilization",
)


@dataclasses.dataclass
class Meter:
    """Times the steps between two evaluations.

    Args:
        total_steps: Steps of the whole run.
        flops_per_token: Operations that a token with weight needs, all others of its
            row shared out among those; see `training_flops`.
        peak_flops: Operations a second that all devices together are capable of, from
            their data sheet for the dtype used; None where it is not known.
        clock: Gives the time in seconds.
    """

    total_steps: int
    flops_per_token: float = 0.0
    peak_flops: float | None = None
    clock: Callable[[], float] = time.monotonic
    _began: float = 0.0
    _trained: float | None = None
    _first: tuple[int, float] | None = None

    def begin(self) -> None:
        """Notes that the steps up to the next evaluation begin."""
        self._began, self._trained = self.clock(), None

    def stepped(self, step: int) -> None:
        """Notes the end of a step; what came before the first was compiling."""
        if self._first is None:
            self._first = step, self.clock()

    def trained(self) -> None:
        """Notes that the steps are over, whether an evaluation follows or not."""
        self._trained = self._trained or self.clock()

    def measure(self, tokens: float) -> dict[str, float]:
        """Returns what `SPEEDS` names, of the steps since `begin`.

        Args:
            tokens: Tokens with weight in those steps.

        Returns:
            `tokens_per_second`, without validation and saving, in the first interval
            with compiling; `peak_memory_bytes`, so far; and, with `peak_flops`,
            `utilization`: the share of it that the model's operations make up (MFU).
        """
        self.trained()
        seconds = max((self._trained or 0.0) - self._began, 1e-9)
        found = {TOKENS_PER_SECOND: tokens / seconds, PEAK_MEMORY: peak_memory()}
        if self.peak_flops:
            needed = tokens * self.flops_per_token / seconds
            found[UTILIZATION] = needed / self.peak_flops
        return found

    def seconds_left(self, step: int) -> float | None:
        """Estimates the time to the end, validation and saving included."""
        if self._first is None or step <= self._first[0]:
            return None
        first, then = self._first
        return (self.clock() - then) / (step - first) * (self.total_steps - step)


def peak_memory() -> int:
    """Returns the most bytes in use so far.

    On the fullest accelerator; where those keep no statistics, as on a CPU, of this
    process.
    """
    import jax

    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    peaks = [found.get("peak_bytes_in_use", 0) for found in stats]
    if any(peaks):
        return max(peaks)
    # In bytes on macOS, in kilobytes elsewhere.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
