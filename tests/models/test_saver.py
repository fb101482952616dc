"""Checkpoints of a run."""

import pytest
from oracles.runs import same

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.training.progress import StopTraining


@pytest.mark.parametrize("end", ["epochs", "no epochs", "patience", "on_update", "on_epoch", "ctrl_c"])
def test_each_checkpoint_is_written_once(python_model, toy_rolls, tmp_path, end):
    """However a run ends, the file holds the final model. The file is written before on_epoch is called."""
    model, positions, save = python_model(), [], None

    def spy(filename):
        positions.append((model.progress.epoch, model.progress.updates, model.progress.complete))
        save(filename)

    def stop(*_):
        if model.progress.updates == 4:
            raise StopTraining if end != "ctrl_c" else KeyboardInterrupt

    save, model.save = model.save, spy
    run = {"num_epochs": 0 if end == "no epochs" else 2, "checkpoint": tmp_path / "m"}
    if end == "patience":
        run |= {"num_epochs": 9, "patience": 1, "validation": toy_rolls[2:3]}
        model.monitor = lambda rolls, batch_size: -float(model.progress.epoch)
    if end in ("on_update", "ctrl_c"):
        run["on_update"] = stop
    if end == "on_epoch":
        run["on_epoch"] = stop
        run |= {"num_epochs": 9}
    try:
        model.fit(toy_rolls[:1], 23, **run)  # 2 updates per epoch
    except KeyboardInterrupt:
        assert end == "ctrl_c"
    expected = [(0, 0, end == "no epochs"), (1, 2, False), (2, 4, True)][: 1 if end == "no epochs" else 3]
    if end in ("on_update", "ctrl_c"):
        expected[-1] = (1, 4, end == "on_update")
    if end == "on_epoch":
        expected.insert(2, (2, 4, False))
    assert positions == expected
    loaded = RnnRbm.load(tmp_path / "m")
    assert same(loaded, model) and loaded.progress == model.progress and loaded.log == model.log
