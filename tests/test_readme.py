"""README and user guide: every command and block in them runs, in their order, on a few small pieces of music.

A block or a command that is added to them runs here too, as it stands or smaller, as `SMALLER` says. Graphs run as they
are written, because the pages are tested here and not the compilers.
"""

import importlib
import re
import runpy
import shlex
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytensor
import pytest

from rnnrbm_pt import RnnRbm, midiwrite
from rnnrbm_pt.cli import main as cli
from rnnrbm_pt.cli.progress import EpochBar
from rnnrbm_pt.music.paper_sets import SETS
from tutorial.build import blocks, execute

ROOT = Path(__file__).resolve().parents[1]
README, GUIDE, CONTRIBUTING = ROOT / "README.md", ROOT / "docs" / "user_guide.md", ROOT / "CONTRIBUTING.md"

SMALLER = {
    # Of the Python blocks
    "num_epochs=200)": "num_epochs=2)",
    '"sample1.mid"': '"sample1.mid", n_steps=20',
    "num_epochs=20,": "num_epochs=2,",
    '"frame_epochs": 5, "rnn_epochs": 10': '"frame_epochs": 1, "rnn_epochs": 1',
    # Of the commands
    "-o tune.mid": "-o tune.mid --steps 20",
    "-o folk.mid": "-o folk.mid --steps 20",
    "data fetch nottingham": "data",
    "data fetch": "data",
    "train nottingham -o folk.npz": "train Nottingham/train -o folk.npz --epochs 1",
    "play nottingham-rnn-rbm": "info nottingham-rnn-rbm",
    "play nottingham": "play nottingham -o tune.html --no-browser --steps 20",
    "train Nottingham/train -o model.npz": "train Nottingham/train -o model.npz --epochs 2 --overwrite",
    "--recipe recommended": "--recipe recommended --epochs 2 --hidden 5 --recurrent 4 --k 2",
    "-o sample.mid": "-o sample.mid --steps 20",
    "play model.npz": "play model.npz -o play.html --no-browser --steps 20",
    "report model.npz": "report model.npz -n 1 --steps 20",
    "compare LOG": "compare model.npz.jsonl",
    "MODEL -o params.npz": "model.npz -o params.npz",
    "MODEL jsb_chorales": "model.npz Nottingham/valid --frames 2 --chains 2 --temperatures 2 --samples 2",
}
"""What replaces the words of a page, so that it runs in seconds and without a network."""

COMPLETE = "data", "info"
"""Commands that need no arguments. Others that are only mentioned are asked for their help."""

COMMAND = re.compile(r"^ {4}(?P<line>[a-z.].*)$|`(?P<inline>(?:rnnrbm|make|pip|python) [^`]+)`", re.MULTILINE)
OPTION = re.compile(r"`(--[a-z][a-z0-9-]*)")


def without_fences(text):
    """The text of a page without its blocks of code; lines keep their numbers."""
    return re.sub(r"^```.*?^```$", lambda match: "\n" * match[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)


def commands(page):
    """(line, command) of each command of a page, of those within sentences too."""
    text = without_fences(page.read_text(encoding="utf-8"))
    found = [
        (text.count("\n", 0, match.start()) + 1, match["line"] or match["inline"]) for match in COMMAND.finditer(text)
    ]
    return [(line, command.partition("  #")[0].strip()) for line, command in found]


def steps(page):
    """(line, is_python, code) of all that a page says to run, in its order."""
    found = [(b.line, True, b.code) for b in blocks(page.read_text(encoding="utf-8")) if b.language == "python"]
    return sorted(found + [(line, False, command) for line, command in commands(page)])


@pytest.fixture
def music(tmp_path, monkeypatch):
    """A folder with Nottingham/train and Nottingham/valid in it: some chords, a second or four long."""
    random = np.random.RandomState(1)
    for split, n in (("train", 3), ("valid", 1)):
        for i in range(n):
            roll = np.repeat(random.rand(4, 88) < 0.05, 3, axis=0).astype(np.uint8)
            midiwrite(tmp_path / "Nottingham" / split / f"{i}.mid", roll, (21, 109), 0.3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RNNRBM_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def blocks_as_written(as_written):
    """What the page itself compiles too; and its figures are closed."""
    from matplotlib import pyplot

    with pytensor.config.change_flags(mode="FAST_COMPILE", floatX="float64"):
        yield
    pyplot.close("all")


def test_everything_in_them_runs(music, blocks_as_written, monkeypatch, capsys):
    unused, namespace, ran = set(SMALLER), {"__name__": "readme"}, []
    for page in (README, GUIDE):
        for line, is_python, code in steps(page):
            for said in [said for said in SMALLER if said in code]:
                code = code.replace(said, SMALLER[said])
                unused.discard(said)
            if is_python:
                execute(code, line, page, namespace)
            elif code.startswith("rnnrbm "):
                run(shlex.split(code)[1:], f"{page.name}:{line}", monkeypatch, interrupted="--recipe" in code)
            ran.append(code)
            looked_at(code, namespace, capsys.readouterr().out)
    assert not unused, "expected on the pages"
    assert len([code for code in ran if code.startswith("rnnrbm ")]) >= 8


def run(arguments, where, monkeypatch, interrupted):
    """Run a command. The one that a page continues with --resume is interrupted after an epoch."""
    if len(arguments) == 1 and arguments[0] not in COMPLETE:
        with pytest.raises(SystemExit, match="0"):
            cli.main([*arguments, "--help"])
        return
    if not interrupted:
        assert cli.main(arguments) == 0, where
        return

    def interrupt(bar, record):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EpochBar, "on_epoch", interrupt)
        assert cli.main(arguments) == 130, where


def looked_at(code, namespace, out):
    """What there is to see after some of the steps."""
    if "model.generate(" in code:
        assert len(namespace["model"].log) == 2 and Path("sample1.mid").exists()
    if "generate_function = " in code:
        monitor = namespace["train_function"](np.eye(88)[:10])
        assert -65 < monitor < -55  # 88 coins that are nearly fair
    if "--plot tune.png" in code:
        assert Path("tune.mid").exists() and Path("tune.png").exists()
    if "pretrain=" in code or "--resume" in code:
        model = RnnRbm.load("model.npz" if "pretrain=" in code else "better.npz")
        assert len(model.log) == 2 and model.progress.complete and "validation" in model.log[-1]
    if "compare" in code:
        assert "-15.03" in out
    if "evaluate" in code:
        assert "accuracy" in out
        assert "jsb_chorales" in SETS
    if code == "rnnrbm info":
        assert "Backends:" in out


@pytest.mark.parametrize("page", [README, GUIDE, CONTRIBUTING], ids=lambda page: page.name)
def test_other_commands_are_known(page):
    """They are not run here, but what they name is there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    for line, command in commands(page):
        program, *arguments = shlex.split(command)
        where = f"{page.name}:{line}: {command}"
        if program == "make":
            target, *variables = arguments
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), where
            assert all(f"$({variable.split('=')[0]})" in makefile for variable in variables), where
        elif program == "pip":
            assert arguments[0] == "install" and arguments[1].startswith("."), where
            for extra in re.findall(r"\[(\w+)\]", command):
                assert extra in setup["options.extras_require"], where
        elif program.endswith("python"):
            assert arguments[0] == "-m" and importlib.import_module(arguments[1]), where
            source = Path(importlib.import_module(arguments[1]).__file__).read_text(encoding="utf-8")
            assert all(f'"{option}"' in source for option in arguments if option.startswith("--")), where
        else:
            assert program in ("rnnrbm", "git"), where


def test_options_that_it_names_exist():
    (subcommands,) = (action for action in cli.make_parser()._actions if hasattr(action, "choices") and action.choices)
    known = {option for sub in subcommands.choices.values() for option in sub._option_string_actions}
    named = {option for page in (README, GUIDE) for option in OPTION.findall(without_fences(page.read_text("utf-8")))}
    assert named and named <= known


def test_a_command_is_found_wherever_it_stands(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Say `rnnrbm info`, or\n\n    make demo     # three minutes\n\n```python\n    rnnrbm\n```\n\n`make`\n"
    )
    assert commands(page) == [(1, "rnnrbm info"), (3, "make demo")]


def test_on_a_package_index_nothing_points_into_the_repository():
    anywhere = runpy.run_path(str(ROOT / "setup.py"))["anywhere"]
    text = README.read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text)
    assert pictures and all((ROOT / picture).is_file() for picture in pictures)
    targets = re.findall(r"\]\(([^)]*)\)", anywhere(text, "https://example.org/code"))
    assert all(target.startswith(("https://", "http://", "#")) for target in targets)
    assert {f"https://example.org/code/raw/main/{picture}" for picture in pictures} < set(targets)
    targets = re.findall(r"\]\(([^)]*)\)", anywhere(text))
    assert targets and all(target.startswith(("https://", "http://", "#")) for target in targets)
    assert anywhere("A ![b](c.png) [d](e.md#f) [g](#h) [i](https://j) k") == "A  d [g](#h) [i](https://j) k"
