"""Training of a model: epochs of updates, validation and checkpoints."""

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
from rnnrbm_pt.training.settings import Learning, Pretraining, Run, Validation

Windows = Sequence[np.ndarray]
Update = Callable[..., float]
"""Takes windows, one per argument, updates the model by them and returns their monitor."""


class Trainer:
    """Trains a model.

    Parameters
    ----------
    model : SequenceModel
        The model, with its `state`. All methods expect rolls that `SequenceModel.check_rolls` has checked.
    """

    def __init__(self, model: Model) -> None:
        self.model, self.compiling = model, model.compiling
        self.state: TrainState = model.state
        self._functions: UpdateFunctions | None = None

    @property
    def functions(self) -> UpdateFunctions:
        """The compiled updates for the present structure of the learning settings."""
        if self._functions is None or self._functions.scalars is not self.state.scalars:
            model = self.model
            self._functions = UpdateFunctions(model.graphs, model.build, self.state, self.compiling)
        return self._functions

    @property
    def progress(self) -> Progress:
        """The progress of the present run, where one exists."""
        return cast(Progress, self.state.progress)

    def learn_by(self, learning: Learning) -> None:
        """Apply learning settings. Updates are compiled again only if the settings need another graph.

        Parameters
        ----------
        learning : Learning

        Raises
        ------
        ValueError
            If k has a schedule but the model has no Gibbs chain in training, or if a setting needs a model of another
            kind; see `check_model`.
        """
        check_model(self.model, learning)
        if "k" in learning.schedule and self.model.graphs.free_energy is None:
            raise ValueError("schedule: k: expected a model with a Gibbs chain in training, found none")
        self.state.learn_by(learning)
        self.state.leave_schedule(self.model.settings["lr"])

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
        """Train on piano-rolls without printing anything.

        The default settings are the tutorial's stochastic gradient descent.

        Parameters
        ----------
        rolls : sequence of arrays, shape (n_steps, n_visible)
            Sequences of 0/1 frames, of any lengths. Either a list, or an object with ``len`` and ``[i]`` that reads
            each roll when it is needed, such as a `music.store.RollStore`.
        batch_size : int, default 100
            Frames per window. One update reads one window, or `n_sequences` windows.
        num_epochs : int, default 200
            Number of passes over all sequences.
        validation : list of arrays, optional
            Sequences to validate on at the end of epochs. After the run the model has the parameters with the best
            validation. By default the validation is the monitor. With ``validate_by="likelihood"`` it is the
            log-likelihood per frame; see Notes.
        pretrain : Pretraining or dict, optional
            Pretraining to run first; see `models.pretraining`.
        checkpoint : path, optional
            Model file to write after each epoch and after Ctrl+C. `load` reads it and `resume` continues the run.
        checkpoint_every : int, optional
            Number of updates after which the checkpoint is also written within an epoch.
        on_update : callable, optional
            Called as on_update(frames, total_frames) after each update, with the frames of the update and of the epoch.
        on_epoch : callable, optional
            Called with the record of each epoch, a dict; see `training.loop.run_epochs`. The record also has error,
            gradient_norm (mean over the updates, before clipping) and norms (of each parameter), and validation and
            sample where they apply. Raise `training.progress.StopTraining` to end the run.
        on_pretrain : callable, optional
            Called with a dict after each epoch of pretraining.
        **settings
            Further fields of `Run` (n_sequences, carry_state, persistent, n_particles, sample_every, log_updates),
            `Validation` and `Learning`; see `training.settings`. The learning rate is the model's `lr`, unless it has a
            schedule. A schedule ends with its run: the next `fit` without one starts from the `lr` of the constructor.

        Returns
        -------
        SequenceModel
            The model itself.

        Raises
        ------
        ValueError
            If there are no frames, a roll does not hold 0/1 frames of the model's width, or a setting is invalid.
        FloatingPointError
            If a value is no longer finite. The error names the parameter. The checkpoint keeps its last finite state.
        KeyboardInterrupt
            On Ctrl+C, after the current update. The model is usable and `resume` can continue the run.

        Notes
        -----
        The likelihood of an RNN-NADE or a biaxial RNN is exact, on all validation frames. That of other models is
        measured on up to 1,000 frames, which takes some seconds per epoch. It is exact if the smaller layer of the RBMs
        has at most 10 units. Otherwise it is estimated by annealed importance sampling. (`score` is exact up to 20
        units, which can take seconds per frame.)

        A model whose Gibbs chains mix well can have a falling monitor and a rising likelihood. Where the chains mix
        badly, the estimate is too high. The estimate is therefore made in both directions of annealing. If the two
        differ by more than 0.25 nats, the epoch is never the best and its record has validation_refused. If all epochs
        are refused, the model keeps the last parameters.

        Examples
        --------
        >>> model = RnnRbm().fit(rolls, num_epochs=20, optimizer="adam", validation=validation_rolls, patience=5)
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
        self._check_carried(run)
        check_run(learning, run, rolls)
        self.compiling.check_shares(run.n_sequences, learning.optimizer)
        if pretrain is not None:
            pretraining.check_pretraining(self.model, rolls, pretrain)
        self.learn_by(learning)
        self.state.progress, self.state.data = None, describe_data(self.model, rolls)
        if pretrain is not None:
            pretraining.pretrain(self.model, rolls, pretrain, on_pretrain)
        states = self.model.sampler.initial_states() if run.carry_state else ()
        self.state.begin(progress, states, first_particles(rolls, run))
        # Write the finished model only once, at the end. No run continues from a finished model, so nobody would remove
        # the temporary file that a killed second write leaves beside it.
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
        """Continue a run that was stopped, or extend a finished run.

        The run keeps its settings. The result is bit-identical to that of an uninterrupted run. On Numba the last digit
        can differ if one run compiled its functions and the other loaded them from the cache.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            The sequences of the run.
        num_epochs : int, optional
            New total number of epochs. It is at least the number of epochs that have begun, and larger than that number
            if the run is complete. By default the number stays the same. If patience has ended the run, the extended
            run gets its full patience again.
        validation : list of arrays, optional
            The validation sequences of the run.
        checkpoint, checkpoint_every, on_update, on_epoch
            See `fit`.

        Returns
        -------
        SequenceModel
            The model itself.

        Raises
        ------
        ValueError
            If there is no run to continue, if the sequences are not those of the run, or if the validation has no
            frames.
        FloatingPointError, KeyboardInterrupt
            As in `fit`.

        Examples
        --------
        >>> model = RnnRbm.load("checkpoint.npz")
        >>> model.resume(rolls, checkpoint="checkpoint.npz")
        """
        save = Saver(self.model, checkpoint, checkpoint_every)
        self._check_frames(rolls)
        self._check_resumable(rolls, validation, num_epochs)
        if num_epochs is not None:
            self.progress.extend(num_epochs)
        self.state.data = self.state.data or describe_data(self.model, rolls)  # older files lack it
        self.state.take_last()
        return self._run(rolls, validation, save, on_update, on_epoch)

    def _run(
        self, rolls: Rolls, validation: Rolls | None, save: Saver, on_update: OnUpdate, on_epoch: OnEpoch
    ) -> Model:
        """Run the remaining epochs of the present run."""
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
        """Update the model once by each window of the sequences, in order, with the optimiser of the last `fit`.

        The updates belong to no run: `log` and `progress` do not change.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of 0/1 frames.
        batch_size : int, default 100
            Frames per window.
        n_sequences : int, default 1
            Windows per update.

        Returns
        -------
        SequenceModel
            The model itself.

        Raises
        ------
        ValueError, FloatingPointError
            As in `fit`.
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
            for total, value in sums:  # they may belong to an epoch of `fit` that was stopped
                total.set_value(value)
        return self.model

    def _check_frames(self, rolls: Rolls) -> None:
        if not sum(len(roll) for roll in rolls):
            raise ValueError("Training set is empty! (did you download the data files?)")

    def _check_carried(self, run: Run) -> None:
        """Check that the backend can carry states over. With padded windows they would be those of the padding."""
        if run.carry_state and run.batch_size < 2 and self.compiling.backend == "jax":
            raise ValueError("carry_state: expected a batch_size of at least 2 frames on the backend jax, found 1")

    def _check_resumable(self, rolls: Rolls, validation: Rolls | None, num_epochs: int | None) -> None:
        progress = self.state.progress
        if progress is None:
            raise ValueError("resume: expected a stopped run to continue, found none")
        self._check_carried(progress.run)
        if num_epochs is not None:
            done = progress.epoch + bool(progress.monitors)
            integer("num_epochs", num_epochs, done + 1 if progress.complete else done)
        elif progress.complete:
            raise ValueError(
                f"resume: expected a stopped run, found one that is complete after {progress.epoch} epochs; "
                "a larger num_epochs extends it"
            )
        if len(progress.order) != len(rolls):
            raise ValueError(
                f"resume: expected the {len(progress.order)} sequences of the stopped run, found {len(rolls)}"
            )
        if progress.data != fingerprint(chain(rolls, validation or [])):
            raise ValueError("resume: expected the training and validation sequences of the stopped run, found others")
        check_validation(progress.validation, validation)
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
        """Update by the windows and return their monitor."""
        n_steps, floatX = self.compiling.length_of_windows(batch_size), self.compiling.floatX
        if self.state.learning.optimizer == "hf":
            # A remainder of the epoch with too few frames for the curvature is evaluated, but not learned.
            needed = min(self.state.learning.hessian_free.curvature_frames, n_frames)
            learn = len(windows) == n_sequences or sum(map(len, windows)) >= needed
            return self.functions.hessian_free_update(*batch_of(windows, n_steps, len(windows), floatX), learn)
        if n_sequences == 1 and n_steps is None and fresh is None and rows is None:
            return self.functions.train_function(np.ascontiguousarray(windows[0], dtype=floatX))
        batch = batch_of(windows, n_steps, n_sequences, floatX)
        states = () if fresh is None else (np.asarray(fresh, floatX),)
        if rows is not None:
            return self.functions.persistent_update(batch, states, rows)
        function = self.functions.batch_function if fresh is None else self.functions.carrying_function
        return function(*batch, *states)

    def _first_update(self, *arguments: Any) -> float:
        """Run the first update, which may compile for up to a minute. Ctrl+C during it leaves the model unchanged."""
        before = self.state.arrays()
        try:
            with lifted_deferral():
                return self._update(*arguments)
        except KeyboardInterrupt:
            self.state.clear_slots()  # slots that this update created start at zero
            self.state.restore(before)
            raise

    def updater(self, batch_size: int, n_sequences: int, rolls: Rolls) -> Update:
        """Make the function that updates the model by windows of the rolls and returns their monitor.

        The function takes up to n_sequences windows of up to batch_size frames. If states are carried over, it also
        takes ``fresh=``, which marks the windows that begin a sequence. If chains are persistent, it takes ``rows=``,
        the numbers of the particles of each window. It raises a FloatingPointError as soon as a value is not finite.
        """
        kinds, n_frames = chain([self._first_update], repeat(self._update)), sum(map(len, rolls))

        def update(*windows: np.ndarray, fresh: np.ndarray | None = None, rows: Windows | None = None) -> float:
            monitor = next(kinds)(windows, batch_size, n_sequences, n_frames, fresh, rows)
            if not np.isfinite(monitor):
                self.state.check_finite(monitor)
            return monitor

        return update

    def _scheduled(self, update: Update) -> Update:
        """Wrap the update so that each scheduled hyper-parameter gets its present value first."""
        if not self.state.learning.schedule:
            return update

        def scheduled_update(*windows: np.ndarray, **keywords: Any) -> float:
            self.state.set_scheduled(self.progress.epoch, self.progress.updates)
            return update(*windows, **keywords)

        return scheduled_update

    # ------------------------------------------------------------------------------------------------
    # The end of an epoch

    def _measure(self, record: Record, rolls: Rolls, validation: Rolls | None) -> None:
        """Add error, norms, validation and sample to the record of an epoch. The state does not change."""
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
