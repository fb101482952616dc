"""Run the chapters, and put into them what they print and draw: `python -m tutorial.build`, or `make tutorial`.

A chapter is a Markdown file, `01_rbm.md` and so on, whose Python blocks run from top to bottom in one namespace. Some
other pages (`OTHER_PAGES`) are built in the same way. What belongs to a block follows it, with nothing between but
blank lines:

- a block of ``text`` is what the Python block printed;
- an image ``![...](figures/name.png)`` is the matplotlib figure that the block called `figure`.

If a page writes the MIDI file `name.mid`, it is put beside the image, and the site shows a player instead of the image.
An image elsewhere, of the name of a function in `tutorial.drawings`, is drawn by it. A Python block after the comment
``<!-- quote: rnnrbm_pt.graphs.rbm.free_energy -->`` is that function's source without its docstring, and is put there;
after ``<!-- quote part: ... -->`` it is some statements of it, and is checked. Blocks marked ``python .noeval``, as
Jupytext has it, do not run.

With `--check` nothing is written; what is out of date is said, and the exit status is 1.
"""

import argparse
import ast
import contextlib
import importlib
import inspect
import io
import math
import os
import re
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

TUTORIAL = Path(__file__).resolve().parent
OTHER_PAGES = "quickstart.md", "how_it_runs.md", "graphs.md", "type_it_yourself.md"
DPI = 110
PIXELS_DIFFER = 0.04  # root mean square: another version of a font is below it, another curve above

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CELL = re.compile(
    r"(?:^<!-- quote(?P<part> part)?: (?P<quoted>[\w.]+) -->\n+)?"
    r"^```python(?P<options>[^\n]*)\n(?P<code>.*?)^```$"
    r"(?:\n+^```text\n(?P<printed>.*?)^```$)?"
    r"(?:\n+^!\[[^\]]*\]\(figures/(?P<figure>\w+)\.png\))?",
    re.MULTILINE | re.DOTALL,
)
NUMBER = re.compile(r"\d+\.\d+(?:e[-+]\d+)?")
IMAGE = re.compile(r"!\[[^\]]*\]\(figures/(\w+)\.png\)")


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    """The first word after the fence."""
    options: str
    """The words after it."""
    line: int
    """The line on which the code begins, from 1."""
    code: str


def blocks(text):
    """The fenced blocks of a page, in their order."""
    found = []
    for match in FENCE.finditer(text):
        language, _, options = match[1].partition(" ")
        found.append(Block(language, options, text.count("\n", 0, match.start(2)) + 1, match[2]))
    return found


def execute(code, line, path, namespace):
    """Run a block; a traceback shows the line of the page."""
    exec(compile("\n" * (line - 1) + code, str(path), "exec"), namespace)


def chapters():
    """The files of the chapters, in their order."""
    return sorted(TUTORIAL.glob("[0-9][0-9]_*.md"))


def pages():
    """The files that are built: the chapters, then the other pages."""
    return [*chapters(), *(TUTORIAL / name for name in OTHER_PAGES)]


def source_of(name):
    """The source of a function or class of the library, without its docstring.

    Parameters
    ----------
    name : str
        With its module: rnnrbm_pt.graphs.rbm.free_energy.

    Returns
    -------
    str
    """
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError:  # a method
        module, _, owner = module.rpartition(".")
        found = getattr(getattr(importlib.import_module(module), owner), attribute)
    source = textwrap.dedent(inspect.getsource(found))
    docstring = ast.parse(source).body[0].body[0]
    if not (isinstance(docstring, ast.Expr) and isinstance(docstring.value, ast.Constant)):
        return source
    lines = source.splitlines(keepends=True)
    return "".join(lines[: docstring.lineno - 1] + lines[docstring.end_lineno :]).replace(":\n\n", ":\n", 1)


def is_quoted(code, source):
    """Whether code is some statements of a source, one after the other, however they are broken into lines."""
    wanted = [ast.dump(statement) for statement in ast.parse(textwrap.dedent(code)).body]
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        found = [ast.dump(statement) for statement in body] if isinstance(body, list) else []
        if any(found[i : i + len(wanted)] == wanted for i in range(len(found) - len(wanted) + 1)):
            return True
    return False


class Built(NamedTuple):
    """A chapter that has run."""

    text: str
    """The page as it should be."""
    figures: dict
    """{name: bytes of a PNG file}."""
    pieces: dict
    """{name: bytes of a MIDI file}, of figures that show a piece."""
    seconds: float


def build(path):
    """Run a chapter in a namespace of its own, in an empty folder.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    Built

    Raises
    ------
    ValueError
        If a quotation is not one, a block that is followed by an image makes no figure, or an image is of nothing.
    """
    text = path.read_text(encoding="utf-8")
    namespace, figures, pieces, done = {"__name__": path.stem}, {}, [], 0
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), drawing():
        for cell in CELL.finditer(text):
            line = text.count("\n", 0, cell.start("code")) + 1
            pieces.append(text[done : cell.start()])
            written, code, done = cell[0], cell["code"], cell.end()
            if cell["quoted"]:
                source = source_of(cell["quoted"])
                if cell["part"] and not is_quoted(code, source):
                    raise ValueError(f"{path}:{line}: expected statements of {cell['quoted']}, found others")
                if not cell["part"]:
                    begin, end = cell.start("code") - cell.start(), cell.end("code") - cell.start()
                    written, code = cell[0][:begin] + source + cell[0][end:], source
            if not cell["options"]:
                namespace.pop("figure", None)
                with contextlib.redirect_stdout(io.StringIO()) as output:
                    execute(code, line, path, namespace)
                written = with_output(written, code, cell["printed"], output.getvalue())
                if cell["figure"]:
                    if "figure" not in namespace:
                        raise ValueError(f"{path}:{line}: expected a figure for {cell['figure']}.png, found none")
                    figures[cell["figure"]] = png(namespace["figure"])
            pieces.append(written)
        for name in set(IMAGE.findall(text)) - set(figures):
            figures[name] = png(drawn(name, path))
        midi = {name: Path(f"{name}.mid").read_bytes() for name in figures if Path(f"{name}.mid").exists()}
    return Built("".join(pieces) + text[done:], figures, midi, time.perf_counter() - start)


def with_output(written, code, old, new):
    """The text of a cell with what it prints now in the place of what it printed."""
    new = "".join(line.rstrip() + "\n" for line in new.splitlines())
    if old is not None:
        end = written.index("```", written.index(code) + len(code)) + 3
        rest = written[end:]
        block = f"```text\n{old}```"
        return written[:end] + (rest.replace(block, f"```text\n{new}```", 1) if new else rest.replace(block, "", 1))
    if not new:
        return written
    end = written.index("```", written.index(code) + len(code)) + 3
    return f"{written[:end]}\n\n```text\n{new}```{written[end:]}"


def drawn(name, path):
    """A figure that no block of the chapter makes."""
    from tutorial import drawings

    if not hasattr(drawings, name):
        raise ValueError(f"{path}: expected a block or a function in tutorial.drawings for {name}.png, found neither")
    return getattr(drawings, name)()


@contextlib.contextmanager
def drawing():
    """Figures go nowhere but into files, look alike whatever the user's settings are, and are closed afterwards."""
    import matplotlib
    from matplotlib import pyplot

    backend = matplotlib.get_backend()
    pyplot.switch_backend("Agg")
    with matplotlib.rc_context():
        matplotlib.rcParams.update({**matplotlib.rcParamsDefault, "backend": "Agg"})
        try:
            yield
        finally:
            pyplot.close("all")
    pyplot.switch_backend(backend)


def png(figure):
    """A figure as the bytes of a PNG file, the same for the same figure."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


def same_picture(one, other):
    """Whether two PNG files show the same, but for how a letter is smoothed."""
    from matplotlib.image import imread

    one, other = (imread(io.BytesIO(data))[..., :3] for data in (one, other))
    return one.shape == other.shape and np.sqrt(np.mean((one - other) ** 2)) < PIXELS_DIFFER


def same_line(one, other):
    """Whether two lines say the same, to six digits of each number: another machine may add in another order."""
    if one == other:
        return True
    if NUMBER.sub("0", one) != NUMBER.sub("0", other):
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=1e-6) for a, b in pairs)


def out_of_date(path, built):
    """What a chapter shows and should not: a list of sentences, empty if there is nothing."""
    found = []
    old, new = path.read_text(encoding="utf-8").splitlines(), built.text.splitlines()
    differ = (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if not same_line(a, b))
    if (line := next(differ, None)) is not None or len(old) != len(new):
        line = min(len(old), len(new)) if line is None else line
        here, there = (lines[line] if line < len(lines) else "the end" for lines in (new, old))
        found.append(f"{path.name}:{line + 1}: expected {here!r}, found {there!r}")
    for name, data in built.figures.items():
        file = TUTORIAL / "figures" / f"{name}.png"
        if not file.exists():
            found.append(f"{path.name}: figures/{name}.png is missing")
        elif not same_picture(data, file.read_bytes()):
            found.append(f"{path.name}: figures/{name}.png shows something else")
    for name, data in built.pieces.items():
        file = TUTORIAL / "figures" / f"{name}.mid"
        if not file.exists() or file.read_bytes() != data:
            found.append(f"{path.name}: figures/{name}.mid is missing, or another piece")
    return found


def write(path, built):
    """Put a chapter and its figures in their places; what shows the same stays as it is."""
    old, new = path.read_text(encoding="utf-8").splitlines(), built.text.splitlines()
    if len(old) != len(new) or not all(map(same_line, old, new)):
        path.write_text(built.text, encoding="utf-8")
    for name, data in built.figures.items():
        file = TUTORIAL / "figures" / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        if not file.exists() or not same_picture(data, file.read_bytes()):
            file.write_bytes(data)
    for name, data in built.pieces.items():
        (TUTORIAL / "figures" / f"{name}.mid").write_bytes(data)


def main(arguments=None):
    """Build or check chapters; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tutorial.build", description="Run the chapters of the tutorial.")
    parser.add_argument("chapters", nargs="*", type=Path, metavar="CHAPTER", help="files (all)")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is out of date")
    args = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    stale = []
    for path in args.chapters or pages():
        built = build(path.resolve())
        print(f"{path.name}: {built.seconds:.1f} s, {len(built.figures)} figures")
        if args.check:
            stale += out_of_date(path.resolve(), built)
        else:
            write(path.resolve(), built)
    if stale:
        print("Out of date:", *stale, sep="\n  ", file=sys.stderr)
        print("`make tutorial` brings them up to date.", file=sys.stderr)
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
