"""Theano's program in an old Python, asked line by line."""

import json
import os
import subprocess
from pathlib import Path


class TheanoProcess:
    """`theano_step.py` in a process of its own; see there for what it can be asked.

    Parameters
    ----------
    python : path
        Of an interpreter that has Theano 1.0.5. Its flags, say those of a BLAS, are taken from THEANO_FLAGS.
    threads : int
        Of its BLAS.
    **settings
        streams, floatX, n_visible, n_hidden, n_hidden_recurrent, k, lr.

    Attributes
    ----------
    versions : dict
        Versions, and the linker flags of its BLAS.

    Raises
    ------
    ImportError
        If there is no such interpreter, or the program ends before it is ready.
    """

    def __init__(self, python, *, threads=1, **settings):
        program = Path(__file__).with_name("theano_step.py")
        bounds = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        try:
            self._process = subprocess.Popen(
                [python, str(program), json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, **bounds},
            )
        except OSError as error:
            raise ImportError(f"{python}: expected a Python with Theano 1.0.5, found none ({error})") from None
        self.versions = self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise ImportError(f"{self._process.args[0]}: Theano's program ended (exit {self._process.returncode})")
        return json.loads(line)

    def ask(self, command):
        """Send a line, and wait for its answer."""
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
