"""Trials of a search. Optuna chooses the settings and keeps the record; each trial trains a model with a checkpoint.

A validation that is too low ends (prunes) a trial. If the process of a trial is killed, its checkpoint stays and the
lock on the checkpoint is released, so the next process resumes the trial.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from rnnrbm_pt.io.atomic_write import claimed, replacing
from rnnrbm_pt.models.validation import is_exact
from rnnrbm_pt.quoting import printable
from rnnrbm_pt.search.space import Space, Value
from rnnrbm_pt.training.progress import StopTraining

BY = "likelihood", "monitor", "accuracy"
"""Quantities that a search can maximise."""

N_FRAMES = 1000
"""Largest number of frames for an accuracy."""

PACKAGES = "rnnrbm-pt", "pytensor", "numpy", "numba", "optuna"


def import_optuna() -> Any:
    """Import Optuna and silence its log. If it is missing, the ImportError says how to install it."""
    try:
        import optuna
    except ImportError:
        raise ImportError("search: Optuna is not installed; run pip install 'rnnrbm-pt[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def open_study(folder: Path, storage: str | None = None, *, new: bool = True, prune: bool = True, seed: int = 0) -> Any:
    """Open the study of a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the study. Its name is the name of the study.
    storage : str, optional
        URL of a database. The default is a journal file in the folder.
    new : bool
        Whether to create the study if it does not exist.
    prune : bool
        Whether to end trials whose validation is below the median of earlier trials.
    seed : int
        Seed of the sampler.

    Returns
    -------
    optuna.Study

    Raises
    ------
    ValueError
        If the storage cannot be reached or read, or does not have the study.
    OSError
        If the journal file cannot be written.
    """
    optuna = import_optuna()
    journal = folder / "journal.log"
    if storage is None and not new and not journal.is_file():
        raise ValueError(f"{journal}: expected the journal of a search, found no such file")
    try:
        if storage is None:
            folder.mkdir(parents=True, exist_ok=True)
            backend = optuna.storages.journal
            lock = backend.JournalFileOpenLock(str(journal))
            kept: Any = optuna.storages.JournalStorage(backend.JournalFileBackend(str(journal), lock_obj=lock))
        else:
            kept = storage
        pruner = optuna.pruners.MedianPruner() if prune else optuna.pruners.NopPruner()
        make = optuna.create_study if new else optuna.load_study
        more = {"direction": "maximize", "load_if_exists": True} if new else {}
        return make(study_name=folder.name, storage=kept, sampler=_sampler(seed), pruner=pruner, **more)
    except KeyError:
        raise ValueError(f"{storage or journal}: expected a study {folder.name!r}, found none") from None
    except ValueError:
        raise ValueError(_unreadable(journal) if storage is None else _unreachable(storage)) from None
    except Exception as error:  # databases and their drivers raise their own kinds of errors
        if storage is None:
            if isinstance(error, OSError):
                raise
            raise ValueError(_unreadable(journal)) from None
        raise ValueError(_unreachable(storage) + f": {type(error).__name__}") from None


def _unreadable(journal: Path) -> str:
    return f"{journal}: expected the journal of a search, found a file that Optuna cannot read"


def _unreachable(storage: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        shown = make_url(storage).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return f"--storage: expected the URL of a database, found {printable(storage, 80)!r}"
    return f"--storage {shown}: cannot reach the database"


def _sampler(seed: int) -> Any:
    return import_optuna().samplers.TPESampler(seed=seed)


@dataclass
class Search:
    """A search: the study, and everything that is needed to run its trials.

    Attributes
    ----------
    study : optuna.Study
    folder : pathlib.Path
        Folder of the checkpoints.
    space : Space
    n_trials : int
        Total number of trials in the study.
    by : str
        Quantity to maximise; see `BY`.
    start : callable
        ``start(values)`` returns a new model and the keywords of `fit`, or raises a ValueError.
    load : callable
        ``load(path)`` returns the model of a checkpoint.
    data : (sequence of arrays, sequence of arrays)
        Training rolls and validation rolls, with frames.
    seed : int
        Seed of the sampler.
    lock : context manager
        Lock that the processes of this search share. It is held while a new trial is requested.
    on_trial : callable, optional
        Called with the number of each trial that has ended.
    """

    study: Any
    folder: Path
    space: Space
    n_trials: int
    by: str
    start: Callable[[dict[str, Value]], tuple[Any, dict[str, Any]]]
    load: Callable[[Path], Any]
    data: tuple[Sequence[Any], Sequence[Any]]
    seed: int = 0
    lock: AbstractContextManager = nullcontext()
    on_trial: Callable[[int], object] | None = None

    def run(self) -> None:
        """Resume trials that were killed, then run new trials until the study has `n_trials`."""
        optuna = import_optuna()
        own = identity(self.folder)
        for frozen in self.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            if frozen.user_attrs.get("folder") == own:
                # Optuna has no public function that resumes a trial: `ask` only creates new ones.
                self.run_trial(optuna.trial.Trial(self.study, frozen._trial_id))
        for trial in self._new_trials(own):
            self.run_trial(trial)

    def _new_trials(self, own: str) -> Iterator[Any]:
        while True:
            with self.lock:
                n = len(self.study.get_trials(deepcopy=False))
                if n >= self.n_trials:
                    return
                self.study.sampler = _sampler(self.seed + n)  # a resumed search draws as an unbroken one
                trial = self.study.ask()
                trial.set_user_attr("folder", own)
            if trial.number >= self.n_trials:  # `lock` does not cover other machines
                trial.set_user_attr("failed", "another machine had already requested the last trial")
                self.study.tell(trial.number, state=import_optuna().trial.TrialState.FAIL)
                return
            yield trial

    def run_trial(self, trial: Any) -> None:
        """Train a trial to its end and report it to the study, unless another process is training it."""
        state = import_optuna().trial.TrialState
        path = checkpoint_of(self.folder, trial.number)
        with ExitStack() as stack:
            try:
                stack.enter_context(claimed(path))
            except ValueError:  # another process trains it
                return
            if self._state(trial) != state.RUNNING:
                return
            try:
                value = self._trained(trial, path)
            except (ValueError, FloatingPointError) as error:
                trial.set_user_attr("failed", printable(str(error), 300))
                self.study.tell(trial.number, state=state.FAIL)
            else:
                self.study.tell(trial.number, value, state.PRUNED if value is None else state.COMPLETE)
        if self.on_trial is not None:
            self.on_trial(trial.number)

    def _state(self, trial: Any) -> Any:
        return self.study.get_trials(deepcopy=False)[trial.number].state

    def _trained(self, trial: Any, path: Path) -> float | None:
        """Train the model of a trial. Return its value, or None if the trial was pruned."""
        values = self.space.suggest(trial)
        trial.set_user_attr("versions", {name: metadata.version(name) for name in PACKAGES if _installed(name)})
        reported = dict(self.study.get_trials(deepcopy=False)[trial.number].intermediate_values)
        model = self.load(path) if path.exists() else None
        goes_on = model is not None and model.progress is not None
        settings: dict[str, Any] = {}
        if not goes_on:
            model, settings = self.start(values)
        assert model is not None
        trial.set_user_attr("seed", model.settings["seed"])
        rolls, validation = self.data

        def on_epoch(record: dict[str, Any]) -> None:
            if "validation" not in record or record["epoch"] in reported:
                return
            plain = self.by == "monitor" or (self.by == "likelihood" and is_exact(model))
            with model.state.averaged():  # the parameters that the trial keeps, as in `record`
                trial.report(record["validation"] if plain else measured(model, validation, self.by), record["epoch"])
            if trial.should_prune():
                trial.set_user_attr("pruned", record["epoch"])
                raise StopTraining

        if not goes_on:
            settings["validate_by"] = validation_by(self.by)
            model.fit(rolls, validation=validation, checkpoint=path, on_epoch=on_epoch, **settings)
        elif not model.progress.complete:
            model.resume(rolls, validation=validation, checkpoint=path, on_epoch=on_epoch)
        return None if "pruned" in trial.user_attrs else measured(model, validation, self.by)


def validation_by(by: str) -> str:
    """Return the quantity by which a trial chooses its best epoch, when the search maximises the quantity `by`."""
    return "likelihood" if by == "likelihood" else "monitor"


def measured(model: Any, validation: Any, by: str) -> float:
    """Compute the quantity that a search maximises.

    Parameters
    ----------
    model : SequenceModel
    validation : sequence of arrays
        Validation rolls.
    by : str
        "monitor", "likelihood" (see `models.validation`), or "accuracy" (the expected accuracy). If the likelihood is
        not exact, the lower of the two estimates that enclose it is used, because chains that do not mix make the upper
        estimate too high.

    Returns
    -------
    float
    """
    if by == "monitor":
        return float(model.monitor(validation, model.progress.run.batch_size))
    if by == "accuracy":
        n_frames = min(N_FRAMES, sum(map(len, validation)))
        return float(model.expected_accuracy(validation, n_frames=n_frames))
    directions = (False,) if is_exact(model) else (False, True)
    return min(model.validation_likelihood(validation, reverse=reverse) for reverse in directions)


def checkpoint_of(folder: Path, number: int) -> Path:
    """Return the path of the model file of a trial."""
    return folder / f"trial-{number}.npz"


def identity(folder: Path) -> str:
    """Return a random string that distinguishes this folder from the folders of other machines in the same study."""
    path = folder / "identity"
    if path.exists():
        return path.read_text()
    with claimed(folder / "identity.lock"):
        if not path.exists():
            with replacing(path) as temporary:
                temporary.write_text(secrets.token_hex(8))
    return path.read_text()


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
