"""One model gives the same results in several threads as in one."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytensor
import pytest
from threadpoolctl import threadpool_info

from rnnrbm_pt.compile.modes import bounded_threads
from rnnrbm_pt.models.compiling import AS_WRITTEN, CompileSettings
from rnnrbm_pt.models.pretraining import pretrain
from rnnrbm_pt.training.settings import Pretraining

N = 8


@pytest.fixture(autouse=True)
def switching():
    """Threads take turns much more often than by default."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def in_threads(work, arguments):
    """work(argument) for each argument, in threads that start together."""
    begin = Barrier(N)

    def run(argument):
        begin.wait()
        return work(argument)

    with ThreadPoolExecutor(N) as pool:
        return list(pool.map(run, arguments))


@pytest.mark.parametrize("what", ["sample", "score", "predict_next", "monitor", "transform", "generate_function"])
def test_eight_threads_get_the_numbers_of_one(python_model, toy_rolls, what):
    model, roll = python_model(), toy_rolls[0][:12]
    work = {
        "sample": lambda seed: model.sample(12, seed=seed, primer=roll[: seed % 3]),
        "score": lambda seed: float(model.score([roll], seed=seed, exact=False, n_chains=2, n_temperatures=9)),
        "predict_next": lambda seed: model.predict_next(roll, n_samples=2, burn_in=2, n_average=2, seed=seed),
        "monitor": lambda seed: model.monitor([roll], 6 + seed),
        "transform": lambda seed: model.transform([roll[: 4 + seed]])[0],
        "generate_function": lambda seed: model.sample(5, seed=seed) + 0 * model.generate_function()[:5],
    }[what]
    expected = [work(seed) for seed in range(N)]
    for now, before in zip(in_threads(work, range(N)), expected, strict=True):
        assert np.array_equal(now, before)


def test_draws_without_a_seed_are_those_of_one_thread_in_some_order(python_model):
    model, other = python_model(), python_model()
    drawn = in_threads(lambda _: model.sample(9).tobytes(), range(N))
    assert sorted(drawn) == sorted(other.sample(9).tobytes() for _ in range(N))


@pytest.mark.parametrize("learn", ["fit", "partial_fit", pytest.param("pretrain", marks=pytest.mark.slow)])
def test_eight_threads_that_learn_take_turns(python_model, toy_rolls, learn):
    def work(model):
        rolls = [roll[:12] for roll in toy_rolls[:2]]
        if learn == "pretrain":
            return pretrain(model, rolls, Pretraining(frame_epochs=1, rnn_epochs=1, frame_batch_size=5))
        return model.fit(rolls, 4, 1) if learn == "fit" else model.partial_fit(rolls, 4)

    one, shared = python_model(), python_model()
    for _ in range(N):
        work(one)
    in_threads(lambda _: work(shared), range(N))
    for p, q in zip(one.params, shared.params, strict=True):
        assert np.array_equal(p.get_value(), q.get_value()), p.name
    assert [record["monitor"] for record in one.log] == [record["monitor"] for record in shared.log]


def test_models_are_made_in_threads_each_of_its_float_type(python_model):
    def work(i):
        model = python_model(floatX=("float64", "float32")[i % 2])
        return [p.type.dtype for p in model.params], model.sampler.sample(3, seed=i).dtype

    before = pytensor.config.floatX
    for i, (dtypes, drawn) in enumerate(in_threads(work, range(N))):
        assert {*dtypes, str(drawn)} == {("float64", "float32")[i % 2]}
    assert pytensor.config.floatX == before


def test_the_bound_of_blas_holds_until_the_last_thread_leaves():
    def blas():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    first, second = bounded_threads(), bounded_threads()
    before = blas()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(blas()) <= {1}
    second.__exit__(None, None, None)
    assert blas() == before


def test_two_models_have_locks_of_their_own():
    one, other = (CompileSettings.checked("numba", mode=AS_WRITTEN) for _ in range(2))
    assert one == other and one.lock is not other.lock


CHILDREN = """
import multiprocessing, os, sys
import numpy as np
from rnnrbm_pt import RnnRbm

def learn_and_play():
    model = RnnRbm(6, 4, r=(48, 64), k=2, k_generate=2, streams="philox", threads=int(sys.argv[1]))
    model.partial_fit([np.zeros((80, 16))])
    print(model.sample(4, seed=1).sum(), flush=True)
    return model

if __name__ == "__main__":
    model = learn_and_play()
    if not (child := os.fork()):
        model.partial_fit([np.zeros((80, 16))])
        print(model.sample(4, seed=1).sum(), flush=True)
        os._exit(0)
    forked = os.waitpid(child, 0)[1]
    process = multiprocessing.get_context("spawn").Process(target=learn_and_play)
    process.start()
    process.join()
    model.partial_fit([np.zeros((80, 16))])
    print("forked", forked, "spawned", process.exitcode)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are those of Unix")
@pytest.mark.parametrize("threads", [1, 2])
def test_children_learn_and_play_and_forks_after_several_threads_end(tmp_path, threads):
    """A fork after several threads either runs or is ended by OpenMP. It never hangs, and the parent continues."""
    (tmp_path / "children.py").write_text(CHILDREN)
    command = [sys.executable, str(tmp_path / "children.py"), str(threads)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert result.returncode == 0, result.stderr
    *played, _, status, _, spawned = result.stdout.split()
    assert spawned == "0" and status in (("0",) if threads == 1 else ("0", str(signal.SIGTERM.value)))
    assert len(played) == 2 + (status == "0")
    assert ("fork() called from a process already using GNU OpenMP" in result.stderr) == (status != "0")
