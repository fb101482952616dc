"""Training of a model: runs over epochs, validation, checkpoints."""

from itertools import chain, repeat

import numpy as np

from rnnrbm_pt.io.checks import boolean, choice, integer
from rnnrbm_pt.models import pretraining
from rnnrbm_pt.models.update_functions import UpdateFunctions
from rnnrbm_pt.training.learning import Learning
from rnnrbm_pt.training.loop import Progress, batch_of, fingerprint, groups, run_epochs, windows
from rnnrbm_pt.training.schedules import set_scheduled

VALIDATIONS = "monitor", "likelihood"
"""Which quantity may be computed on the validation sequences after an epoch."""

FRAMES_TO_VALIDATE = 1000
"""Frames for which a validation estimates the likelihood where it is not exact: the same frames each time."""


def validating_settings(validation, validate_by, validate_every, patience):
    """What a run's progress has to know of its validation, checked.

    Parameters
    ----------
    validation, validate_by, validate_every, patience
        As `Trainer.fit` takes them.

    Returns
    -------
    dict
        Keywords of `training.loop.Progress`.

    Raises
    ------
    ValueError
        If one cannot be taken.
    """
    if validation is not None and not sum(map(len, validation)):
        raise ValueError("validation: expected frames, found none")
    validate_by = choice("validate_by", validate_by, VALIDATIONS)
    validate_every = integer("validate_every", validate_every, 1)
    if validate_by != "monitor" and validation is None:
        raise ValueError(f"validate_by: expected a validation for {validate_by!r}, found none")
    if patience is not None:
        patience = integer("patience", patience, 1)
        if validation is None:
            raise ValueError(f"patience: expected a validation for {patience} epochs, found none")
    return {"validate_by": validate_by, "validate_every": validate_every, "patience": patience}


def new_progress(rolls, validation, batch_size, num_epochs, n_sequences, carry_state, validating):
    """The progress of a run that begins, with its settings checked; see `Trainer.fit`."""
    return Progress(
        integer("num_epochs", num_epochs, 0),
        integer("batch_size", batch_size, 1),
        list(range(len(rolls))),
        n_sequences=integer("n_sequences", n_sequences, 1),
        carry_state=boolean("carry_state", carry_state),
        **validating,
        data=fingerprint(rolls + (validation or [])),
    )


class Trainer:
    """Trains a model.

    Parameters
    ----------
    model : SequenceModel
        It has to have a `state`. Rolls are taken to be checked by `SequenceModel.check_rolls`.
    """

    def __init__(self, model):
        self.model, self.state, self.compiling = model, model.state, model.compiling
        self._functions = None

    @property
    def functions(self):
        """The compiled updates for the present structure of learning.

        Returns
        -------
        UpdateFunctions
        """
        if self._functions is None or self._functions.scalars is not self.state.scalars:
            model = self.model
            self._functions = UpdateFunctions(model.graphs, model.build_again, self.state, self.compiling)
        return self._functions

    def learn_by(self, learning):
        """Take a description of learning. Updates are compiled anew only where it needs another graph.

        Raises
        ------
        ValueError
            If k has a schedule and the model has no Gibbs chain in training.
        """
        if "k" in learning.schedule and "k" not in self.model.settings:
            raise ValueError("schedule: k: this model has no Gibbs chain in training")
        self.state.learn_by(learning)

    def fit(
        self,
        rolls,
        batch_size=100,
        num_epochs=200,
        *,
        n_sequences=1,
        carry_state=False,
        optimizer="sgd",
        lr_rnn=None,
        clip_norm=None,
        clip_value=None,
        weight_decay=None,
        schedule=None,
        pretrain=None,
        validation=None,
        validate_by="monitor",
        validate_every=1,
        patience=None,
        checkpoint=None,
        checkpoint_every=None,
        resume=False,
        on_update=None,
        on_epoch=None,
        on_pretrain=None,
        **optimizer_settings,
    ):
        """Train on piano-rolls, in silence. By default it is the tutorial's stochastic gradient descent.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of 0/1 frames, of any lengths.
        batch_size : int
            Frames of the window that one update looks at.
        num_epochs : int
        n_sequences : int
            Windows of one update, which then takes the mean of their gradients. With one it is the tutorial's.
        carry_state : bool
            Whether a window goes on from the state in which the window before it ended, instead of from the initial
            one. The gradient does not go back beyond the window.
        optimizer : str
            One of `training.updates.OPTIMIZERS`: sgd, momentum, nesterov, adagrad, rmsprop, adadelta, adam, amsgrad,
            adamw.
        lr_rnn, clip_norm, clip_value, weight_decay, schedule
            See `training.learning.Learning`. The learning rate is the model's lr, or has a schedule.
        pretrain : Pretraining or dict, optional
            What is learned before; see `models.pretraining`.
        validation : list of arrays, optional
            Sequences that the model is tried on after epochs. In the end it has the parameters that were best.
        validate_by : {"monitor", "likelihood"}
            What is taken of them: the `monitor`, or the log-likelihood per frame, as `score` gives it. That is exact of
            an RNN-NADE, and else estimated on up to 1,000 frames, some seconds an epoch. The monitor of a model whose
            chains mix well falls while its likelihood rises. But where they mix so badly that the estimate fails, it is
            too high, and such parameters are taken for the best: see how `score` fares with more temperatures.
        validate_every : int
            Epochs from one validation to the next. The last epoch has one too.
        patience : int, optional
            Epochs without a better validation after which the run ends.
        checkpoint : path, optional
            A model file to write after each epoch, and when Ctrl+C is pressed; `load` reads it.
        checkpoint_every : int, optional
            Updates after which it is written too.
        resume : bool
            Continue the run that was stopped, on the same rolls and validation, to its end. All other settings are
            those of that run; only where to write checkpoints is asked again. The result equals that of a run which was
            not stopped, to the bit. (On Numba up to the last digit, if one of them compiled and the other took what was
            compiled from the cache.)
        on_update, on_epoch : callable, optional
            See `training.loop.run_epochs`. The record of an epoch has beside error, gradient_norm (mean over its
            updates, before clipping), norms (of each parameter) and validation, where they apply. To end the run, raise
            `training.loop.StopTraining`.
        on_pretrain : callable, optional
            Called with a dict after each epoch of pretraining.
        **optimizer_settings
            momentum, rho, beta1, beta2, epsilon: see the optimiser.

        Returns
        -------
        SequenceModel
            The model itself.

        Raises
        ------
        ValueError
            If there are no frames, a roll is not of 0/1 frames of the model's width, a setting is none, or there is no
            run to continue.
        FloatingPointError
            If something is not finite any more; it names the parameter. The checkpoint stays as it was.
        KeyboardInterrupt
            After the update during which Ctrl+C was pressed; the model is usable and the run can be continued.
        """
        if not sum(len(roll) for roll in rolls):
            raise ValueError("Training set is empty! (did you download the data files?)")
        if checkpoint_every is not None:
            checkpoint_every = integer("checkpoint_every", checkpoint_every, 1)
            if checkpoint is None:
                raise ValueError(f"checkpoint_every: expected a checkpoint for {checkpoint_every} updates, found none")
        if resume:
            self._check_resumable(rolls, validation)
        else:
            learning = Learning(
                optimizer, optimizer_settings, lr_rnn, clip_norm, clip_value, weight_decay, schedule or {}
            )
            validating = validating_settings(validation, validate_by, validate_every, patience)
            progress = new_progress(rolls, validation, batch_size, num_epochs, n_sequences, carry_state, validating)
            self.learn_by(learning)
            self.state.progress = None
            if pretrain is not None:
                pretraining.pretrain(self.model, rolls, pretraining.as_pretraining(pretrain), on_pretrain)
            self.state.begin(progress, self.model.sampler.initial_states() if progress.carry_state else ())

        written = None  # where the run stood when the checkpoint was written

        def save():
            nonlocal written
            now = self.state.progress.position
            if checkpoint is not None and written != now:
                self.state.check_finite()
                self.model.save(checkpoint)
                written = now

        def after_update():
            if checkpoint_every is not None and self.state.progress.updates % checkpoint_every == 0:
                save()

        def epoch_done(record):
            self._complete(record, validation)
            self.state.log.append(record)
            if on_epoch is not None:
                on_epoch(record)
            if self.state.progress.complete:
                self.state.take_best()
            else:
                save()

        # The finished model is written once, at the end: no run continues from it, so none would remove what a writer
        # that was killed in a second writing of it leaves beside it.
        if not resume and not self.state.progress.complete:
            save()
        with self.compiling.bounded_threads():
            try:
                run_epochs(
                    self._scheduled(self.updater(self.state.progress.batch_size, self.state.progress.n_sequences)),
                    rolls,
                    self.state.random_state,
                    self.state.progress,
                    on_update=on_update,
                    on_epoch=epoch_done,
                    after_update=after_update,
                )
            except KeyboardInterrupt:
                save()
                raise
        self.state.take_best()
        save()
        return self.model

    def partial_fit(self, rolls, batch_size=100, *, n_sequences=1):
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
        with self.compiling.bounded_threads():
            for group in groups(windows(rolls, range(len(rolls)), batch_size), n_sequences):
                update(*group)
        for total, value in sums:  # of an epoch of `fit` perhaps, which was stopped within it
            total.set_value(value)
        return self.model

    def _check_resumable(self, rolls, validation):
        progress = self.state.progress
        if progress is None or progress.complete:
            raise ValueError("resume: there is no stopped run to continue")
        if len(progress.order) != len(rolls):
            raise ValueError(
                f"resume: expected the {len(progress.order)} sequences of the stopped run, found {len(rolls)}"
            )
        if progress.data != fingerprint(rolls + (validation or [])):
            raise ValueError("resume: expected the sequences and the validation of the stopped run, found others")

    # ------------------------------------------------------------------------------------------------
    # One update

    def _update(self, windows, batch_size, n_sequences, fresh=None):
        """Update by the windows, and return their monitor. On JAX all are of one shape, as it compiles for that."""
        fixed = self.compiling.backend == "jax"
        if n_sequences == 1 and not fixed and fresh is None:
            return self.functions.train_function(np.ascontiguousarray(windows[0], dtype=self.compiling.floatX))
        batch = batch_of(windows, batch_size if fixed else None, n_sequences, self.compiling.floatX)
        if fresh is None:
            return self.functions.batch_function(*batch)
        return self.functions.carrying_function(*batch, np.asarray(fresh, self.compiling.floatX))

    def _first_update(self, *arguments):
        """The first update may compile, for up to a minute. Ctrl+C within it leaves the model as it was."""
        before = self.state.arrays()
        try:
            return self._update(*arguments)
        except KeyboardInterrupt:
            self.state.clear_slots()  # those that were made just now begin at zeros
            self.state.restore(before)
            raise

    def updater(self, batch_size, n_sequences):
        """A function that takes up to n_sequences windows of up to batch_size frames, updates the model by them and
        returns their monitor. Where states are carried over it takes, by ``fresh=``, which windows begin a sequence.

        It raises FloatingPointError where something is not finite any more.
        """
        kinds = chain([self._first_update], repeat(self._update))

        def update(*windows, fresh=None):
            monitor = next(kinds)(windows, batch_size, n_sequences, fresh)
            if not np.isfinite(monitor):
                self.state.check_finite(monitor)
            return monitor

        return update

    def _scheduled(self, update):
        """The update, before which each scheduled hyper-parameter gets its present value."""
        state = self.state
        scheduled = {state.scalars[name]: schedule for name, schedule in state.learning.schedule.items()}
        if not scheduled:
            return update

        def scheduled_update(*windows, **keywords):
            set_scheduled(scheduled, state.progress.epoch, state.progress.updates)
            return update(*windows, **keywords)

        return scheduled_update

    # ------------------------------------------------------------------------------------------------
    # The end of an epoch

    def _complete(self, record, validation):
        """Add to the record of an epoch: error, norms and validation."""
        state = self.state
        state.check_finite()
        record |= state.take_means(record["updates"])
        record["norms"] = {p.name: float(np.linalg.norm(p.get_value())) for p in state.params}
        if validation is not None and state.progress.validates:
            record["validation"] = self._validation(validation)
            if state.progress.validated(record["validation"]):
                state.keep_best()

    def _validation(self, rolls):
        """The validation of an epoch in nats per frame; higher is better."""
        if self.state.progress.validate_by == "monitor":
            return self.model.monitor(rolls, self.state.progress.batch_size)
        return self.validation_likelihood(rolls)

    def validation_likelihood(self, rolls):
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
