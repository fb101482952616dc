"""The state of training: everything that learning and drawing change, in one object."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pytensor
from numpy.typing import ArrayLike

from rnnrbm_pt.checks import check_kind
from rnnrbm_pt.interrupts import deferred_interrupts, lifted_deferral
from rnnrbm_pt.models.types import Arrays, Shared
from rnnrbm_pt.music.statistics import Statistics
from rnnrbm_pt.streams.srs import RandomStreams
from rnnrbm_pt.streams.states import packed_random_state, packed_stream, set_random_state, unpacked_stream
from rnnrbm_pt.training.loop import Record
from rnnrbm_pt.training.progress import Progress, checked_log
from rnnrbm_pt.training.regularisation import averages
from rnnrbm_pt.training.scalars import scalars
from rnnrbm_pt.training.schedules import set_scheduled
from rnnrbm_pt.training.settings import Learning, check_scheduled


@dataclass
class TrainState:
    """Everything that a model file holds besides the settings of the constructor.

    Attributes
    ----------
    params : tuple of shared variables
        The named parameters, in the tutorial's order.
    lr : shared scalar
        The learning rate.
    streams : RandomStreams
        Random streams of the graphs.
    random_state : numpy.random.RandomState
        Generator that shuffles the sequences.
    floatX : {"float64", "float32"}
        Float type of the model.
    carried : tuple of shared matrices, shape (n_sequences, n)
        States after the last windows, for a run that carries states over. Empty before such a run.
    errors, gradient_norms : shared scalars
        Sums over the updates of the present epoch.
    learning : Learning
        Settings of learning. `learn_by` changes them.
    scalars : dict {str: shared scalar}
        Hyper-parameters that the compiled updates read, including `lr`.
    slots : dict {str: shared variable}
        State of the optimiser, by the names that files use. Compiling an update adds slots.
    awaited_slots : dict {str: array}
        Values of slots from a file whose update is not compiled yet.
    particles : array of uint8 or None
        Present states of the run's persistent Gibbs chains, as packed bits; see `models.particles`.
    masks : tuple of shared variables
        Random streams of the dropout masks: the last entries of `streams`. Empty without dropout.
    best : dict {str: array} or None
        Parameters with the best validation, or their averages if `learning` has averages.
    last : dict {str: array} or None
        Parameters after the last update, if the run has ended and `params` holds the best ones.
    progress : Progress or None
        Progress of the last run.
    log : list of dict
        One record per epoch.
    data : Statistics or None
        Statistics of the last run's training data, for a model of notes.
    scheduled_lr : float or None
        The last learning rate that a schedule set; see `leave_schedule`.
    """

    params: tuple[Shared, ...]
    lr: Shared
    streams: RandomStreams
    random_state: np.random.RandomState
    floatX: str
    carried: tuple[Shared, ...]
    errors: Shared
    gradient_norms: Shared
    learning: Learning = field(default_factory=Learning)
    scalars: dict[str, Shared] = field(default_factory=dict)
    slots: dict[str, Shared] = field(default_factory=dict)
    awaited_slots: Arrays = field(default_factory=dict)
    particles: np.ndarray | None = None
    masks: tuple[Shared, ...] = ()
    best: Arrays | None = None
    last: Arrays | None = None
    progress: Progress | None = None
    log: list[Record] = field(default_factory=list)
    data: Statistics | None = None
    scheduled_lr: float | None = None

    @classmethod
    def at_first(
        cls,
        params: tuple[Shared, ...],
        lr: Shared,
        streams: RandomStreams,
        random_state: np.random.RandomState,
        *,
        n_states: int,
        floatX: str,
    ) -> Self:
        """Make the state of an untrained model.

        Parameters
        ----------
        params, lr, streams, random_state, floatX
            See the attributes.
        n_states : int
            Number of state vectors that the model carries from frame to frame.

        Returns
        -------
        TrainState
        """

        def shared(value: ArrayLike, name: str) -> Any:
            return pytensor.shared(np.asarray(value, floatX), name=name)

        carried = tuple(shared(np.zeros((0, 0)), f"carried_{i}") for i in range(n_states))
        sums = {name: shared(0, name) for name in ("errors", "gradient_norms")}
        return cls(params, lr, streams, random_state, floatX, carried, scalars={"lr": lr}, **sums)

    # ------------------------------------------------------------------------------------------------
    # For files

    def arrays(self) -> Arrays:
        """Copy all arrays, by the names that files use.

        Returns
        -------
        dict {str: array}
        """
        arrays = {variable.name: variable.get_value() for variable in (*self.params, self.lr, *self._sums)}
        arrays |= {f"scalar_{name}": x.get_value() for name, x in self.scalars.items() if name != "lr"}
        arrays |= {f"slot_{name}": slot.get_value() for name, slot in self.slots.items()}
        arrays |= {f"slot_{name}": value for name, value in self.awaited_slots.items()}
        arrays |= {f"best_{name}": value for name, value in (self.best or {}).items()}
        arrays |= {f"last_{name}": value for name, value in (self.last or {}).items()}
        arrays |= {x.name: x.get_value() for x in self.carried if x.get_value().size}
        arrays |= {} if self.particles is None else {"particles": self.particles.copy()}
        arrays |= {f"stream_{i}": packed_stream(x.get_value()) for i, x in enumerate(self.streams.streams)}
        arrays["shuffle_key"], arrays["shuffle_gauss"] = packed_random_state(self.random_state)
        return arrays

    def restore(self, arrays: Mapping[str, np.ndarray], *, streams: bool = True) -> None:
        """Restore the arrays that `arrays` returned, for a model of either float type.

        Parameters
        ----------
        arrays : dict {str: array}
        streams : bool, default True
            Whether to restore the random streams too.

        Raises
        ------
        ValueError
            If an array is missing, has another shape or type, or is not a valid state of a generator.
        """

        def fetch(name: str, like: np.ndarray) -> np.ndarray:
            if name not in arrays or arrays[name].shape != like.shape:
                found = arrays[name].shape if name in arrays else "none"
                raise ValueError(f"{name}: expected an array of shape {like.shape}, found {found}")
            check_kind(name, arrays[name], like.dtype.kind)
            return arrays[name].astype(like.dtype)

        for variable in (*self.params, self.lr, *self._sums):
            variable.set_value(fetch(variable.name, variable.get_value()))
        for name, scalar in self.scalars.items():
            if f"scalar_{name}" in arrays:  # older files lack it; the scalar keeps its initial value
                scalar.set_value(fetch(f"scalar_{name}", scalar.get_value()))

        def copies(prefix: str) -> Arrays | None:
            named = {p.name: (f"{prefix}_{p.name}", p.get_value()) for p in self.params}
            return {name: fetch(key, like) for name, (key, like) in named.items() if key in arrays} or None

        self.best, self.last = copies("best"), copies("last")
        for carried in self.carried:
            if carried.name in arrays:
                value = arrays[carried.name]
                check_kind(carried.name, value, "f")
                if value.ndim != 2:
                    raise ValueError(f"{carried.name}: expected a matrix, found an array of shape {value.shape}")
                carried.set_value(self._converted(value))
        self.particles = None
        if "particles" in arrays:
            check_kind("particles", arrays["particles"], "u")
            self.particles = arrays["particles"].copy()
        self._restore_slots({name.removeprefix("slot_"): x for name, x in arrays.items() if name.startswith("slot_")})
        for i, stream in enumerate(self.streams.streams if streams else []):
            value = stream.get_value()
            packed = fetch(f"stream_{i}", packed_stream(value))
            stream.set_value(unpacked_stream(packed, value, f"stream_{i}"))
        packed = fetch("shuffle_key", np.empty(625, np.uint32))
        set_random_state(self.random_state, packed, fetch("shuffle_gauss", np.empty(2)), "shuffle_key")

    def metadata(self) -> dict[str, Any]:
        """The JSON part of a file: log, learning, progress and, where known, the statistics of the training data.

        Returns
        -------
        dict
        """
        progress = None if self.progress is None else self.progress.to_json()
        found = {"log": self.log, "learning": self.learning.to_json(), "progress": progress}
        return found if self.data is None else {**found, "data": self.data.to_json()}

    def restore_all(
        self, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any], *, streams: bool = True
    ) -> None:
        """Restore what `arrays` and `metadata` returned.

        Compiled updates stay valid if the learning settings have the same structure; see `learn_by`.

        Parameters
        ----------
        arrays, streams
            See `restore`.
        metadata : dict
            May have further entries.

        Raises
        ------
        KeyError
            If an entry is missing.
        ValueError
            If the model cannot continue from an entry or an array.
        """
        self.learn_by(Learning.from_json(metadata["learning"]))
        self.restore(arrays, streams=streams)
        self.scheduled_lr = float(self.lr.get_value()) if "lr" in self.learning.schedule else None
        self.log = checked_log(metadata["log"])
        self.progress = None if metadata["progress"] is None else Progress.from_json(metadata["progress"])
        data = metadata.get("data")  # older files lack it
        self.data = None if data is None else Statistics.from_json(data)

    @property
    def _sums(self) -> tuple[Shared, ...]:
        return self.errors, self.gradient_norms

    def _converted(self, array: np.ndarray) -> np.ndarray:
        return array.astype(self.floatX) if array.dtype.kind == "f" else array

    def _restore_slots(self, values: Mapping[str, np.ndarray]) -> None:
        shapes = {p.name: p.get_value(borrow=True).shape for p in self.params}
        for name, value in values.items():
            check_kind(f"slot_{name}", value, "f")
            fitting = {shape for of, shape in shapes.items() if name.endswith(f"_{of}")} or {()}
            if value.shape not in fitting:
                expected = " or ".join(map(str, sorted(fitting)))
                raise ValueError(f"slot_{name}: expected an array of shape {expected}, found {value.shape}")
            if name in self.slots:
                self.slots[name].set_value(self._converted(value))
            else:  # the update that uses this slot is not compiled yet
                self.awaited_slots[name] = self._converted(value)

    # ------------------------------------------------------------------------------------------------
    # For training

    def learn_by(self, learning: Learning) -> None:
        """Apply learning settings.

        If they have the structure of the present settings, the scalars take the new values, the slots are set to zero,
        and compiled updates stay valid. Otherwise the scalars and slots are new variables, which only updates compiled
        later read.

        Parameters
        ----------
        learning : Learning
        """
        found = scalars(learning, self.lr, self.floatX)
        if learning.structure == self.learning.structure:
            for name in found.keys() & self.scalars:
                self.scalars[name].set_value(found[name].get_value())
            self.clear_slots()
        else:
            self.scalars, self.slots = found, {}
        self.learning, self.awaited_slots = learning, {}
        if not self.masks and any(name.startswith("dropout") for name in self.scalars):
            self.masks = self.streams.stream("rng_v_dropped"), self.streams.stream("rng_h_dropped")

    def set_scheduled(self, epoch: int, update: int) -> None:
        """Set the scheduled hyper-parameters for the next update; see `training.schedules.set_scheduled`."""
        schedules = self.learning.schedule
        scheduled = {self.scalars[name]: schedule for name, schedule in schedules.items()}
        set_scheduled(scheduled, epoch, update, check_scheduled)
        if "lr" in schedules:
            self.scheduled_lr = float(self.lr.get_value())

    def leave_schedule(self, lr: float) -> None:
        """Reset the learning rate before another run, if its present value is the end of a schedule.

        A rate that a user has set since stays.

        Parameters
        ----------
        lr : float
            Learning rate in the settings of the model.
        """
        if float(self.lr.get_value()) == self.scheduled_lr:
            self.lr.set_value(lr)
        self.scheduled_lr = None

    def clear_slots(self) -> None:
        """Reset the state of the optimiser to zero."""
        for slot in self.slots.values():
            slot.set_value(np.zeros_like(slot.get_value()))

    def fill_slots(self) -> None:
        """Give newly created slots the values from the file."""
        for name in self.slots.keys() & self.awaited_slots:
            self.slots[name].set_value(self.awaited_slots.pop(name))

    def begin(
        self, progress: Progress, initial_states: Sequence[np.ndarray] = (), particles: np.ndarray | None = None
    ) -> None:
        """Begin a run.

        Parameters
        ----------
        progress : Progress
        initial_states : list of vectors, optional
            The model's states before the first frame, if the run carries states over.
        particles : array of uint8, optional
            Start of the persistent chains.
        """
        self.progress, self.best, self.last, self.particles = progress, None, None, particles
        self.clear_sums()
        for carried, state in zip(self.carried, initial_states, strict=False):
            carried.set_value(np.zeros((progress.run.n_sequences, len(state)), self.floatX))

    def means(self, n_updates: int) -> dict[str, float]:
        """Means over the updates of an epoch.

        Parameters
        ----------
        n_updates : int
            Number of updates.

        Returns
        -------
        dict {"error": float, "gradient_norm": float}
        """
        names = "error", "gradient_norm"
        return {name: float(x.get_value()) / n_updates for name, x in zip(names, self._sums, strict=True)}

    def clear_sums(self) -> None:
        """Reset the sums over the updates of an epoch."""
        for total in self._sums:
            total.set_value(np.asarray(0, self.floatX))

    def keep_best(self) -> None:
        """Keep the parameters, or their averages if there are any, as the best ones."""
        self.best = self.averages() or self._copies()

    def averages(self) -> Arrays | None:
        """The moving averages of the parameters, or None if there are none or no update was made."""
        if self.learning.average is None:
            return None
        held = self.awaited_slots | {name: slot.get_value() for name, slot in self.slots.items()}
        return averages(held, [p.name for p in self.params], self.learning.average)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Context in which the parameters have the values of their averages, if there are any."""
        found = self.averages()
        if found is None:
            yield
            return
        now = self._copies()
        with deferred_interrupts():
            try:
                self._put(found)
                with lifted_deferral():
                    yield
            finally:
                self._put(now)

    def take_averages(self) -> None:
        """Set the parameters to their moving averages.

        A later `resume` continues from the parameters after the last update.

        Raises
        ------
        ValueError
            If the model was not trained with ``average=``.
        """
        found = self.averages()
        if found is None:
            raise ValueError("averages: expected a model that was trained with average=, found no averages")
        self.last = self.last or self._copies()
        self._put(found)

    def _copies(self) -> Arrays:
        return {p.name: p.get_value() for p in self.params}

    def _put(self, values: Arrays) -> None:
        for p in self.params:
            p.set_value(values[p.name])

    def take_best(self) -> None:
        """Set the parameters to those with the best validation, if there are any, and keep the last parameters."""
        best = self.best
        if best is None or self.last is not None:
            return
        self.last = self._copies()
        self._put(best)

    def take_last(self) -> None:
        """Set the parameters to those after the last update, from which a run can continue."""
        if self.last is None:
            return
        self._put(self.last)
        self.last = None

    def check_finite(self, monitor: float | None = None) -> None:
        """Check that the learning rate, the parameters and the slots are finite.

        Parameters
        ----------
        monitor : float, optional
            A monitor of an update that is not finite. With it, the check always fails.

        Raises
        ------
        FloatingPointError
            If a value is not finite. The error names the first such variable.
        """
        when = "" if self.progress is None else f" after {self.progress.updates + (monitor is not None):,} updates"
        for variable in (self.lr, *self.params, *self.slots.values()):
            value = variable.get_value()
            if not np.isfinite(value).all():
                n = np.size(value) - np.isfinite(value).sum()
                raise FloatingPointError(
                    f"{variable.name}: {n} of {np.size(value)} values are not finite{when}: "
                    "a lower learning rate or clip_norm may help"
                )
        if monitor is not None:
            raise FloatingPointError(f"monitor: expected a finite number, found {monitor}{when}")
