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
from rnnrbm_pt.models.logged_pieces import check_sampling, describe_data, sample_for_log
from rnnrbm_pt.models.saver import Saver
from rnnrbm_pt.models.state import TrainState
from rnnrbm_pt.models.types import Model, OnEpoch, OnUpdate, Rolls
from rnnrbm_pt.models.update_functions import UpdateFunctions
from rnnrbm_pt.models.validation import check_validation
from rnnrbm_pt.settings import sorted_into
from rnnrbm_pt.training.loop import Record, batch_of, fingerprint, groups, run_epochs, windows
from rnnrbm_pt.training.progress import Progress
from rnnrbm_pt.training.schedules import Schedule, set_scheduled
from rnnrbm_pt.training.settings import Learning, Pretraining, Run, Validation

Windows = Sequence[np.ndarray]
Update = Callable[..., float]
"""Takes windows, one per argument, updates the model by them and returns their monitor."""

FRAMES_TO_VALIDATE = 1000
"""Frames for which a validation estimates the likelihood where it is not exact: the same frames each time."""


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
            If k has a schedule and the model has no Gibbs chain in training.
        """
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
            well falls while its likelihood rises. But where chains mix so badly that the estimate fails, it is too
            high, and such parameters are taken for the best: check them by `score` with more temperatures.
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
            Further fields of `Run` (n_sequences, carry_state, sample_every), of `Validation` (validate_by,
            validate_every, patience) and of `Learning` (optimizer, lr_rnn, momentum, rho, beta1, beta2, epsilon,
            clip_norm, clip_value, weight_decay, schedule); see `training.settings`. The learning rate is the model's
            lr, or has a schedule.

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
        self.learn_by(learning)
        self.state.progress, self.state.data = None, describe_data(self.model, rolls)
        if pretrain is not None:
            pretraining.pretrain(self.model, rolls, pretrain, on_pretrain)
        self.state.begin(progress, self.model.sampler.initial_states() if run.carry_state else ())
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

        def complete(record: Record) -> None:
            state.clear_sums()
            if "validation" in record and progress.validated(record["validation"]):
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
                    self._scheduled(self.updater(progress.run.batch_size, progress.run.n_sequences)),
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
        update = self.updater(batch_size, n_sequences)
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

    # ------------------------------------------------------------------------------------------------
    # One update

    def _update(self, windows: Windows, batch_size: int, n_sequences: int, fresh: np.ndarray | None = None) -> float:
        """Update by the windows, and return their monitor. On JAX all are of one shape, as it compiles for that."""
        fixed = self.compiling.backend == "jax"
        if n_sequences == 1 and not fixed and fresh is None:
            return self.functions.train_function(np.ascontiguousarray(windows[0], dtype=self.compiling.floatX))
        batch = batch_of(windows, batch_size if fixed else None, n_sequences, self.compiling.floatX)
        if fresh is None:
            return self.functions.batch_function(*batch)
        return self.functions.carrying_function(*batch, np.asarray(fresh, self.compiling.floatX))

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

    def updater(self, batch_size: int, n_sequences: int) -> Update:
        """A function that takes up to n_sequences windows of up to batch_size frames, updates the model by them and
        returns their monitor. Where states are carried over it takes, by ``fresh=``, which windows begin a sequence.

        It raises FloatingPointError where something is not finite any more.
        """
        kinds = chain([self._first_update], repeat(self._update))

        def update(*windows: np.ndarray, fresh: np.ndarray | None = None) -> float:
            monitor = next(kinds)(windows, batch_size, n_sequences, fresh)
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
        record["norms"] = {p.name: float(np.linalg.norm(p.get_value())) for p in state.params}
        if validation is not None and self.progress.validates:
            record["validation"] = self._validation(validation)
        if self.progress.samples:
            record["sample"] = sample_for_log(self.model, rolls, record["epoch"])

    def _validation(self, rolls: Rolls) -> float:
        """The validation of an epoch in nats per frame; higher is better."""
        if self.progress.validation.validate_by == "monitor":
            return self.model.monitor(rolls, self.progress.run.batch_size)
        return self.validation_likelihood(rolls)

    def validation_likelihood(self, rolls: Rolls) -> float:
        """The log-likelihood per frame as `fit` validates by it: exact, or a quick estimate.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)

        Returns
        -------
        float
            In nats.
        """
        if self.model.scorer.is_exact(None):
            return float(self.model.score(rolls))
        n_frames = min(FRAMES_TO_VALIDATE, sum(map(len, rolls)))
        return float(self.model.score(rolls, n_frames=n_frames, n_chains=10))
