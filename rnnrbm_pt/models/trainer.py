"""Training of a model: runs over epochs, validation, checkpoints."""

from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import Any, cast

import numpy as np

from rnnrbm_pt.checks import integer
from rnnrbm_pt.interrupts import lifted_deferral
from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.models import pretraining
from rnnrbm_pt.models.compiling import locked
from rnnrbm_pt.models.hf_updates import check_model, check_run
from rnnrbm_pt.models.logged_pieces import check_sampling, describe_data, sample_for_log
from rnnrbm_pt.models.particles import check_chains, check_particles, first_particles
from rnnrbm_pt.models.saver import Saver
from rnnrbm_pt.models.state import TrainState
from rnnrbm_pt.models.types import Model, OnEpoch, OnUpdate, Rolls
from rnnrbm_pt.models.update_functions import UpdateFunctions
from rnnrbm_pt.models.validation import check_measurable, check_validation, validate
from rnnrbm_pt.settings import sorted_into
from rnnrbm_pt.training.loop import Record, batch_of, fingerprint, groups, run_epochs, windows
from rnnrbm_pt.training.progress import Progress
from rnnrbm_pt.training.schedules import Schedule, set_scheduled
from rnnrbm_pt.training.settings import Learning, Pretraining, Run, Validation

Windows = Sequence[np.ndarray]
Update = Callable[..., float]
"""Takes windows, one per argument, updates the model by them and returns their monitor."""


class Trainer:
    """Trains a model.

    Parameters
    ----------
    model : SequenceModel
        It has to have a `state`. Rolls are taken to be checked by `SequenceModel.check_rolls`.
    """

    def __init__(self, model: Model) -> None:
        self.model, self.compiling = model, model.compiling
        self.state: TrainState = model.state
        self._functions: UpdateFunctions | None = None

    @property
    def functions(self) -> UpdateFunctions:
        """The compiled updates for the present structure of learning."""
        if self._functions is None or self._functions.scalars is not self.state.scalars:
            model = self.model
            self._functions = UpdateFunctions(model.graphs, model.build, self.state, self.compiling)
        return self._functions

    @property
    def progress(self) -> Progress:
        """The progress of the present run, when there is one."""
        return cast(Progress, self.state.progress)

    def learn_by(self, learning: Learning) -> None:
        """Take a description of learning. Updates are compiled anew only where it needs another graph.

        Raises
        ------
        ValueError
            If k has a schedule and the model has no Gibbs chain in training, or Hessian-free optimisation is asked for
            and the cost is not exact.
        """
        check_model(self.model, learning)
        if "k" in learning.schedule and "k" not in self.model.settings:
            raise ValueError("schedule: k: this model has no Gibbs chain in training")
        self.state.learn_by(learning)

    @locked
    def fit(
        self,
        rolls: Rolls,
        batch_size: int = Run.batch_size,
        num_epochs: int = Run.num_epochs,
        *,
        validation: Rolls | None = None,
        pretrain: Pretraining | dict[str, Any] | None = None,
        checkpoint: FilePath | None = None,
        checkpoint_every: int | None = None,
        on_update: OnUpdate = None,
        on_epoch: OnEpoch = None,
        on_pretrain: OnEpoch = None,
        **settings: Any,
    ) -> Model:
        """Train on piano-rolls, in silence. By default it is the tutorial's stochastic gradient descent.

        Parameters
        ----------
        rolls : sequence of arrays, shape (n_steps, n_visible)
            Sequences of 0/1 frames, of any lengths: a list, or anything with ``len`` and ``[i]``, such as a
            `music.store.RollStore`, whose rolls are read when they are needed.
        batch_size : int
            Frames of the window that one update looks at.
        num_epochs : int
        validation : list of arrays, optional
            Sequences to validate on after epochs. In the end the model has the parameters with the best validation.
            ``validate_by="likelihood"`` takes the log-likelihood per frame, as `score` gives it: exact for an RNN-NADE,
            otherwise an estimate on up to 1,000 frames, some seconds per epoch. The monitor of a model whose chains mix
            well falls while its likelihood rises. Where chains mix badly the estimate is too high. So it is made in
            both directions of annealing: an epoch whose two estimates are 0.25 nats apart or more is never the best,
            and its record says validation_refused. If all are refused, the model has the last parameters.
        pretrain : Pretraining or dict, optional
            What is learned before; see `models.pretraining`.
        checkpoint : path, optional
            A model file to write after each epoch and after Ctrl+C; `load` reads it and `resume` continues.
        checkpoint_every : int, optional
            Updates after which it is written too.
        on_update, on_epoch : callable, optional
            See `training.loop.run_epochs`. The record of an epoch also has error, gradient_norm (mean over its updates,
            before clipping), norms (of each parameter), validation and sample, where they apply. To end the run, raise
            `training.progress.StopTraining`.
        on_pretrain : callable, optional
            Called with a dict after each epoch of pretraining.
        **settings
            Further fields of `Run` (n_sequences, carry_state, persistent, n_particles, sample_every, log_updates), and
            those of `Validation` and of `Learning`; see `training.settings`. The learning rate is the model's lr, or
            has a schedule.

        Returns
        -------
        SequenceModel
            The model itself.

        Raises
        ------
        ValueError
            If there are no frames, a roll does not have 0/1 frames of the model's width, or a setting is invalid.
        FloatingPointError
            If something is not finite any more; it names the parameter. The checkpoint stays as it was.
        KeyboardInterrupt
            After the update during which Ctrl+C was pressed; the model is usable and the run can be continued.
        """
        settings = {"batch_size": batch_size, "num_epochs": num_epochs, **settings}
        run, when, learning = sorted_into(settings, Run, Validation, Learning)
        check_validation(when, validation)
        check_sampling(self.model, run)
        pretrain = None if pretrain is None else pretraining.as_pretraining(pretrain)
        order, data = list(range(len(rolls))), fingerprint(chain(rolls, validation or []))
        progress = Progress(run, order, when, pretrain, data=data)
        save = Saver(self.model, checkpoint, checkpoint_every)
        self._check_frames(rolls)
        check_chains(self.model, run)
        check_measurable(when, self.model)
        if run.carry_state and run.batch_size < 2 and self.compiling.backend == "jax":
            raise ValueError("carry_state: expected a batch_size of 2 frames or more on the backend jax, found 1")
        check_run(learning, run, rolls)
        self.compiling.check_shares(run.n_sequences, learning.optimizer)
        self.learn_by(learning)
        self.state.progress, self.state.data = None, describe_data(self.model, rolls)
        if pretrain is not None:
            pretraining.pretrain(self.model, rolls, pretrain, on_pretrain)
        states = self.model.sampler.initial_states() if run.carry_state else ()
        self.state.begin(progress, states, first_particles(rolls, run))
        # The finished model is written once, at the end: no run continues from it, so none would remove what a writer
        # that was killed in a second writing of it leaves beside it.
        if not progress.complete:
            save()
        return self._run(rolls, validation, save, on_update, on_epoch)

    @locked
    def resume(
        self,
        rolls: Rolls,
        num_epochs: int | None = None,
        *,
        validation: Rolls | None = None,
        checkpoint: FilePath | None = None,
        checkpoint_every: int | None = None,
        on_update: OnUpdate = None,
        on_epoch: OnEpoch = None,
    ) -> Model:
        """Continue a run that was stopped, or extend a finished one.

        The settings are those of the run. The result equals that of a run that was not stopped, to the bit. (On Numba
        up to the last digit, if one of them compiled and the other took its functions from the cache.)

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            The sequences of the run.
        num_epochs : int, optional
            A new number of epochs of the whole run, more than it has done.
        validation : list of arrays, optional
            The validation sequences of the run.
        checkpoint, checkpoint_every, on_update, on_epoch
            As for `fit`.

        Returns
        -------
        SequenceModel
            The model itself.

        Raises
        ------
        ValueError
            If there is no run to continue, or the sequences are not those of the run.
        FloatingPointError, KeyboardInterrupt
            As `fit`.
        """
        save = Saver(self.model, checkpoint, checkpoint_every)
        self._check_frames(rolls)
        self._check_resumable(rolls, validation, num_epochs)
        if num_epochs is not None:
            self.progress.extend(num_epochs)
        self.state.data = self.state.data or describe_data(self.model, rolls)  # older files have none
        self.state.take_last()
        return self._run(rolls, validation, save, on_update, on_epoch)

    def _run(
        self, rolls: Rolls, validation: Rolls | None, save: Saver, on_update: OnUpdate, on_epoch: OnEpoch
    ) -> Model:
        """Run the epochs that the present progress has left."""
        state, progress = self.state, self.progress
        self.compiling.check_start(state)

        def complete(record: Record) -> None:
            state.clear_sums()
            if "validation" in record:
                refused = record.get("validation_refused", False)
                if progress.validated(None if refused else record["validation"]):
                    state.keep_best()
            state.log.append(record)

        def epoch_done(record: Record) -> None:
            if not progress.complete:
                save()
            if on_epoch is not None:
                on_epoch(record)

        with self.compiling.bounded_threads():
            try:
                run_epochs(
                    self._scheduled(self.updater(progress.run.batch_size, progress.run.n_sequences, rolls)),
                    rolls,
                    state.random_state,
                    progress,
                    on_update=on_update,
                    after_update=save.after_update,
                    measure=lambda record: self._measure(record, rolls, validation),
                    complete=complete,
                    on_epoch=epoch_done,
                )
            except KeyboardInterrupt:
                save()
                raise
        state.take_best()
        save()
        return self.model

    @locked
    def partial_fit(self, rolls: Rolls, batch_size: int = 100, *, n_sequences: int = 1) -> Model:
        """Go on learning, by the optimiser of the last `fit`: each window of the sequences once, in their order.

        It belongs to no run: `log` and `progress` stay as they are.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        batch_size : int
            Frames of the window that one update looks at.
        n_sequences : int
            Windows of one update.

        Returns
        -------
        SequenceModel
            The model itself.
        """
        batch_size, n_sequences = integer("batch_size", batch_size, 1), integer("n_sequences", n_sequences, 1)
        check_run(self.state.learning, Run(batch_size, n_sequences=n_sequences), rolls)
        self.compiling.check_shares(n_sequences, self.state.learning.optimizer)
        update = self.updater(batch_size, n_sequences, rolls)
        sums = [(total, total.get_value()) for total in (self.state.errors, self.state.gradient_norms)]
        try:
            with self.compiling.bounded_threads():
                for group in groups(windows(rolls, range(len(rolls)), batch_size), n_sequences):
                    update(*group)
        finally:
            for total, value in sums:  # of an epoch of `fit` perhaps, which was stopped within it
                total.set_value(value)
        return self.model

    def _check_frames(self, rolls: Rolls) -> None:
        if not sum(len(roll) for roll in rolls):
            raise ValueError("Training set is empty! (did you download the data files?)")

    def _check_resumable(self, rolls: Rolls, validation: Rolls | None, num_epochs: int | None) -> None:
        progress = self.state.progress
        if progress is None:
            raise ValueError("resume: there is no stopped run to continue")
        if num_epochs is not None:
            done = progress.epoch + bool(progress.monitors)
            integer("num_epochs", num_epochs, done + 1 if progress.complete else done)
        elif progress.complete:
            raise ValueError(
                f"resume: the run is complete after {progress.epoch} epochs; a larger num_epochs would extend it"
            )
        if len(progress.order) != len(rolls):
            raise ValueError(
                f"resume: expected the {len(progress.order)} sequences of the stopped run, found {len(rolls)}"
            )
        if progress.data != fingerprint(chain(rolls, validation or [])):
            raise ValueError("resume: expected the sequences and the validation of the stopped run, found others")
        check_particles(self.state.particles, rolls, progress.run)

    # ------------------------------------------------------------------------------------------------
    # One update

    def _update(
        self,
        windows: Windows,
        batch_size: int,
        n_sequences: int,
        n_frames: int,
        fresh: np.ndarray | None = None,
        rows: Windows | None = None,
    ) -> float:
        """Update by the windows, and return their monitor.

        On JAX all are of one shape, for which it compiles, and of two frames at least: it cannot compile for a length
        of 1, which `jax_functions.static` leaves open.
        """
        fixed, floatX = self.compiling.backend == "jax", self.compiling.floatX
        n_steps = max(2, batch_size) if fixed else None
        if self.state.learning.optimizer == "hf":
            # Of the rest of an epoch, which is too little for the curvature, nothing is learned.
            needed = min(self.state.learning.hessian_free.curvature_frames, n_frames)
            learn = len(windows) == n_sequences or sum(map(len, windows)) >= needed
            return self.functions.hessian_free_update(*batch_of(windows, n_steps, len(windows), floatX), learn)
        if n_sequences == 1 and not fixed and fresh is None and rows is None:
            return self.functions.train_function(np.ascontiguousarray(windows[0], dtype=floatX))
        batch = batch_of(windows, n_steps, n_sequences, floatX)
        states = () if fresh is None else (np.asarray(fresh, floatX),)
        if rows is not None:
            return self.functions.persistent_update(batch, states, rows)
        function = self.functions.batch_function if fresh is None else self.functions.carrying_function
        return function(*batch, *states)

    def _first_update(self, *arguments: Any) -> float:
        """The first update may compile, for up to a minute. Ctrl+C within it leaves the model as it was."""
        before = self.state.arrays()
        try:
            with lifted_deferral():
                return self._update(*arguments)
        except KeyboardInterrupt:
            self.state.clear_slots()  # those that were made just now begin at zeros
            self.state.restore(before)
            raise

    def updater(self, batch_size: int, n_sequences: int, rolls: Rolls) -> Update:
        """A function that takes up to n_sequences windows of the rolls, of up to batch_size frames, updates the model
        and returns their monitor. Where states are carried over it takes, by ``fresh=``, which begin a sequence.
        Where chains are persistent it takes, by ``rows=``, the numbers of the particles of each window.

        It raises FloatingPointError where something is not finite any more.
        """
        kinds, n_frames = chain([self._first_update], repeat(self._update)), sum(map(len, rolls))

        def update(*windows: np.ndarray, fresh: np.ndarray | None = None, rows: Windows | None = None) -> float:
            monitor = next(kinds)(windows, batch_size, n_sequences, n_frames, fresh, rows)
            if not np.isfinite(monitor):
                self.state.check_finite(monitor)
            return monitor

        return update

    def _scheduled(self, update: Update) -> Update:
        """The update, before which each scheduled hyper-parameter gets its present value."""
        scalars, schedules = self.state.scalars, self.state.learning.schedule
        scheduled: dict[Any, Schedule] = {scalars[name]: schedule for name, schedule in schedules.items()}
        if not scheduled:
            return update

        def scheduled_update(*windows: np.ndarray, **keywords: Any) -> float:
            set_scheduled(scheduled, self.progress.epoch, self.progress.updates)
            return update(*windows, **keywords)

        return scheduled_update

    # ------------------------------------------------------------------------------------------------
    # The end of an epoch

    def _measure(self, record: Record, rolls: Rolls, validation: Rolls | None) -> None:
        """Add to the record of an epoch: error, norms, validation and sample. The state stays as it is."""
        state = self.state
        state.check_finite()
        record |= state.means(record["updates"])
        if "hf_damping" in state.slots and state.learning.optimizer == "hf":
            record["damping"] = float(state.slots["hf_damping"].get_value())
        record["norms"] = {p.name: float(np.linalg.norm(p.get_value())) for p in state.params}
        if validation is not None and self.progress.validates:
            with state.averaged():
                record |= validate(self.model, validation, self.progress.validation, self.progress.run.batch_size)
        if self.progress.samples:
            record["sample"] = sample_for_log(self.model, rolls, record["epoch"])
