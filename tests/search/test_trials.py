"""Trials of a search: pruned at a validation, failed, and left to the process that trains them."""

import pytest

from rnnrbm_pt.io.atomic_write import claimed, fcntl
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.search.space import parse_space

optuna = pytest.importorskip("optuna")

from rnnrbm_pt.search.trials import Search, checkpoint_of, identity, measured, open_study  # noqa: E402  # needs Optuna


class AtTheSecond(optuna.pruners.BasePruner):
    """Prunes every trial at its second validation."""

    def prune(self, study, trial):
        return len(trial.intermediate_values) == 2


@pytest.fixture
def make(tmp_path, python_model, toy_rolls, as_written):
    """Makes a search of small models."""

    def make(n_trials, pruner=None, data=(toy_rolls[:3], toy_rolls[3:]), by="monitor", **settings):
        def start(values):
            return python_model(lr=values["lr"]), {"batch_size": 20, "num_epochs": 3, **settings}

        study = open_study(tmp_path / "study", prune=False)
        if pruner is not None:
            study.pruner = pruner
        space = parse_space(["lr=0.001..0.1:log"])
        load = SequenceModel.load
        return Search(study, tmp_path / "study", space, n_trials, by, start, load, data)

    return make


def test_pruned_trials_stop_at_a_validation(make, monkeypatch):
    def measured(*arguments):
        raise AssertionError("the value of a pruned trial is not used, so it is not measured")

    monkeypatch.setattr("rnnrbm_pt.search.trials.measured", measured)
    search = make(2, AtTheSecond())
    search.run()
    for trial in search.study.get_trials():
        assert (trial.state.name, trial.user_attrs["pruned"], list(trial.intermediate_values)) == ("PRUNED", 2, [1, 2])
        assert len(SequenceModel.load(checkpoint_of(search.folder, trial.number)).log) == 2


def test_values_are_those_of_the_best_validation(make):
    search = make(2)
    search.run()
    for trial in search.study.get_trials():
        assert trial.value == max(trial.intermediate_values.values()) and len(trial.intermediate_values) == 3


def test_trials_are_pruned_by_the_averages_that_they_keep(make, toy_rolls):
    data = toy_rolls[:1], [toy_rolls[1][:10]]
    search = make(1, data=data, by="accuracy", average=0.9, num_epochs=1)
    search.run()
    (trial,) = search.study.get_trials()
    model = SequenceModel.load(checkpoint_of(search.folder, 0))
    assert model.expected_accuracy(data[1], n_frames=10) == trial.value == trial.intermediate_values[1]


@pytest.mark.parametrize("n_hidden, directions", [(10, [False]), (11, [False, True])])
def test_a_likelihood_is_that_of_a_validation(python_model, n_hidden, directions):
    """The lower one of the estimates, where a validation does not sum over all states."""
    model, asked = python_model(n_hidden=n_hidden), []
    model.validation_likelihood = lambda rolls, *, reverse: asked.append(reverse) or -5.0 - reverse
    assert measured(model, [], "likelihood") == -4.0 - len(directions) and asked == directions


def test_a_trial_that_fails_says_why(make, toy_rolls):
    search = make(1, data=([toy_rolls[0][:, :3]], toy_rolls))
    search.run()
    (trial,) = search.study.get_trials()
    assert trial.state.name == "FAIL" and "roll 0: expected shape (n_steps, 12)" in trial.user_attrs["failed"]


@pytest.mark.skipif(fcntl is None, reason="no locks here")
def test_a_trial_that_another_process_trains_is_left_to_it(make):
    search = make(1)
    trial = search.study.ask()
    trial.set_user_attr("folder", identity(search.folder))
    with claimed(checkpoint_of(search.folder, 0)):
        search.run()
    assert [trial.state.name for trial in search.study.get_trials()] == ["RUNNING"]
    search.run()
    assert [trial.state.name for trial in search.study.get_trials()] == ["COMPLETE"]


def test_trials_of_other_machines_are_left_alone(make):
    search = make(1)
    search.study.ask().set_user_attr("folder", "another")
    search.run()
    assert [trial.state.name for trial in search.study.get_trials()] == ["RUNNING"]
