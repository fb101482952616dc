"""The tutorial's program under Theano, in a separate process that takes one command per line."""

import json
import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.quoting import printable

PROGRAM = Path(__file__).with_name("original") / "program.py"
"""The program. Its folder is not a package, since only Theano's Python runs it."""

VERSION = "1.0.5"
"""The required version of Theano."""
INSTALL = 'pip install numpy==1.21.6 scipy==1.7.3 Theano==1.0.5 "setuptools<60"'
HOW_TO_INSTALL = f"To install Theano, in an environment of Python 3.8: {INSTALL}"


class TheanoProcess:
    """The tutorial's program in another Python; ``original/program.py`` describes its commands.

    Parameters
    ----------
    python : path
        A Python interpreter that has Theano 1.0.5. Theano takes its flags, for example for a BLAS, from THEANO_FLAGS.
    threads : int
        Number of BLAS threads.
    **settings
        streams, floatX, n_visible, n_hidden, n_hidden_recurrent, k and lr. Optionally k_generate, n_steps (the number
        of frames in a generated roll) and seed, whose defaults are the tutorial's.

    Attributes
    ----------
    versions : dict
        Versions of Theano, NumPy and Python, and the linker flags of the BLAS.

    Raises
    ------
    ImportError
        If the interpreter is missing or lacks Theano 1.0.5. The message says how to install it.
    ChildProcessError
        If Theano cannot build the graphs.
    """

    def __init__(self, python: FilePath, *, threads: int = 1, **settings: Any) -> None:
        self.python = python
        bounds = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        foreign = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        try:
            self._process = subprocess.Popen(
                [os.fspath(python), str(PROGRAM), json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                encoding="utf-8",
                env={**foreign, **bounds},
            )
        except OSError as error:
            self._errors.close()
            raise ImportError(f"{python}: expected a Python that has Theano {VERSION}, found none ({error})") from None
        try:
            self.versions = self._answer()
            missing = self.versions.get("missing")
        except ChildProcessError as error:  # an older Python cannot even parse the program
            self.versions, missing = {}, str(error).removeprefix(f"{python}: ")
        if self.versions.get("Theano") != VERSION:
            self.close()
            found = f"none ({printable(str(missing), 200)})" if missing else str(self.versions.get("Theano"))
            expected = f"expected a Python that has Theano {VERSION}, found {found}"
            raise ImportError(f"{python}: {expected}. {HOW_TO_INSTALL}")
        self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            last = (self._errors.read().strip().splitlines() or ["no message"])[-1]
            self.close()
            ended = f"exit status {self._process.returncode}: {printable(last, 200)}"
            raise ChildProcessError(f"{self.python}: Theano's program stopped ({ended})")
        return json.loads(line)

    def ask(self, command: str, *arguments: Any) -> dict[str, Any]:
        """Send a command with its arguments, and wait for the answer.

        Raises
        ------
        ChildProcessError
            If the program stops instead. The message contains the last line of its error output.
        """
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the program has stopped: `_answer` raises an error with the reason
            self._process.stdin.write(json.dumps([command, *map(_plain, arguments)]) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _plain(argument: Any) -> Any:
    return os.fspath(argument) if isinstance(argument, os.PathLike) else argument
