"""How a model is trained: runs over epochs, validation, checkpoints."""

import numpy as np

from rnnrbm_pt.compile.modes import bounded_threads
from rnnrbm_pt.io.checks import boolean, choice, integer
from rnnrbm_pt.models.updating import Updating
from rnnrbm_pt.training.learning import Learning
from rnnrbm_pt.training.loop import Progress, fingerprint, groups, run_epochs, windows
from rnnrbm_pt.training.schedules import set_scheduled

VALIDATIONS = "monitor", "likelihood"
"""What the validation sequences may be asked after each epoch."""

FRAMES_TO_VALIDATE = 1000
"""Frames of which the likelihood is estimated for that, where it is not exact: the same each time."""


def validating_settings(validation, validate_by, validate_every, patience):
    """What a run's progress has to know of its validation, checked.

    Parameters
    ----------
    validation, validate_by, validate_every, patience
        As `Fitting.fit` takes them.

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


class Fitting(Updating):
    """The part of a `SequenceModel` that is trained."""

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
        self

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
        rolls = self.check_rolls(rolls)
        if not sum(len(roll) for roll in rolls):
            raise ValueError("Training set is empty! (did you download the data files?)")
        validation = None if validation is None else self.check_rolls(validation)
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
            progress = self._new_progress(
                rolls, validation, batch_size, num_epochs, n_sequences, carry_state, validating
            )
            self._learn_by(learning)
            self.progress = None
            if pretrain is not None:
                self._pretrain(rolls, pretrain, on_pretrain)
            self._begin(progress)

        written = None  # where the run stood when the checkpoint was written

        def save():
            nonlocal written
            now = self.progress.position
            if checkpoint is not None and written != now:
                self.check_finite()
                self.save(checkpoint)
                written = now

        def after_update():
            if checkpoint_every is not None and self.progress.updates % checkpoint_every == 0:
                save()

        def epoch_done(record):
            self._complete(record, validation)
            self.log.append(record)
            if on_epoch is not None:
                on_epoch(record)
            if self.progress.complete:
                self._take_best()
            else:
                save()

        # The finished model is written once, at the end: no run continues from it, so none would remove what a writer
        # that was killed in a second writing of it leaves beside it.
        if not resume and not self.progress.complete:
            save()
        with bounded_threads(self.threads):
            try:
                run_epochs(
                    self._scheduled(self.updater(self.progress.batch_size, self.progress.n_sequences)),
                    rolls,
                    self.random_state,
                    self.progress,
                    on_update=on_update,
                    on_epoch=epoch_done,
                    after_update=after_update,
                )
            except KeyboardInterrupt:
                save()
                raise
        self._take_best()
        save()
        return self

    def train(self, files, batch_size=100, num_epochs=200, *, validation=None, on_broken=None, **settings):
        """Train on MIDI files, and print the mean monitor of each epoch, as the tutorial does.

        Parameters
        ----------
        files : list of paths, or one
            MIDI files, folders, patterns, zip files; see `read`.
        batch_size : int
            Frames of the window that one update looks at.
        num_epochs : int
            Ctrl+C ends it before; the model can be used then.
        validation : list of paths, or one, optional
            Files whose monitor is printed too.
        on_broken : callable, optional
            Called as on_broken(file, error) for each file that cannot be read, which is skipped then; see `read`.
        **settings
            See `fit`.
        """
        rolls = self.read(files, on_broken=on_broken)
        validation = None if validation is None else self.read(validation, on_broken=on_broken)

        def show(record):
            more = f"  validation {record['validation']}" if "validation" in record else ""
            print(f"Epoch {record['epoch']}/{num_epochs} {record['monitor']}{more}", flush=True)

        try:
            self.fit(rolls, batch_size, num_epochs, validation=validation, on_epoch=show, **settings)
        except KeyboardInterrupt:
            print("Interrupted by user.")

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
        self
        """
        batch_size, n_sequences = integer("batch_size", batch_size, 1), integer("n_sequences", n_sequences, 1)
        rolls = self.check_rolls(rolls)
        update = self.updater(batch_size, n_sequences)
        sums = [(total, total.get_value()) for total in (self._errors, self._gradient_norms)]
        with bounded_threads(self.threads):
            for group in groups(windows(rolls, range(len(rolls)), batch_size), n_sequences):
                update(*group)
        for total, value in sums:  # of an epoch of `fit` perhaps, which was stopped within it
            total.set_value(value)
        return self

    def _new_progress(self, rolls, validation, batch_size, num_epochs, n_sequences, carry_state, validating):
        return Progress(
            integer("num_epochs", num_epochs, 0),
            integer("batch_size", batch_size, 1),
            list(range(len(rolls))),
            n_sequences=integer("n_sequences", n_sequences, 1),
            carry_state=boolean("carry_state", carry_state),
            **validating,
            data=fingerprint(rolls + (validation or [])),
        )

    def _begin(self, progress):
        self.progress, self._best = progress, None
        for total in (self._errors, self._gradient_norms):
            total.set_value(np.asarray(0, self.floatX))
        if progress.carry_state:
            for carried, state in zip(self._carried, self.sampler.initial_states(), strict=True):
                carried.set_value(np.zeros((progress.n_sequences, len(state)), self.floatX))

    def _check_resumable(self, rolls, validation):
        if self.progress is None or self.progress.complete:
            raise ValueError("resume: there is no stopped run to continue")
        if len(self.progress.order) != len(rolls):
            raise ValueError(
                f"resume: expected the {len(self.progress.order)} sequences of the stopped run, found {len(rolls)}"
            )
        if self.progress.data != fingerprint(rolls + (validation or [])):
            raise ValueError("resume: expected the sequences and the validation of the stopped run, found others")

    def _pretrain(self, rolls, pretrain, on_pretrain):
        from rnnrbm_pt.models.pretraining import Pretraining
        from rnnrbm_pt.models.pretraining import pretrain as learn_before

        pretraining = Pretraining.from_json(pretrain) if isinstance(pretrain, dict) else pretrain
        learn_before(self, rolls, pretraining, on_epoch=on_pretrain)

    def _scheduled(self, update):
        """The update, before which all that has a schedule gets its value of the moment."""
        scheduled = {self._scalars[name]: schedule for name, schedule in self.learning.schedule.items()}
        if not scheduled:
            return update

        def scheduled_update(*windows, **keywords):
            set_scheduled(scheduled, self.progress.epoch, self.progress.updates)
            return update(*windows, **keywords)

        return scheduled_update

    def _take_best(self):
        """Take the parameters that were best by the validation, where there was one."""
        for p in self.params if self._best is not None else ():
            p.set_value(self._best[p.name])

    def _complete(self, record, validation):
        """Add to the record of an epoch what the model knows of it."""
        self.check_finite()
        for name, total in (("error", self._errors), ("gradient_norm", self._gradient_norms)):
            record[name] = float(total.get_value()) / record["updates"]
            total.set_value(np.asarray(0, self.floatX))
        record["norms"] = {p.name: float(np.linalg.norm(p.get_value())) for p in self.params}
        if validation is not None and self.progress.validates:
            record["validation"] = self._validation(validation)
            if self.progress.validated(record["validation"]):
                self._best = {p.name: p.get_value() for p in self.params}

    def _validation(self, rolls):
        """What the validation sequences are asked, in nats a frame; higher is better."""
        if self.progress.validate_by == "monitor":
            return self.monitor(rolls, self.progress.batch_size)
        return self.validation_likelihood(rolls)

    def validation_likelihood(self, rolls):
        """The log-likelihood per frame as `fit` takes it of validation sequences: exact, or a quick estimate.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)

        Returns
        -------
        float
            In nats.
        """
        if self.scorer.is_exact(None):
            return float(self.score(rolls))
        n_frames = min(FRAMES_TO_VALIDATE, sum(map(len, rolls)))
        return float(self.score(rolls, n_frames=n_frames, n_chains=10))
