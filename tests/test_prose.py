"""Pages and docstrings contain none of the phrases to avoid; how the phrases are found."""

from pathlib import Path

import pytest

from docs.prose import PAGES, all_files, docstrings, find_phrases, findings, main, prose_of_page

ROOT = Path(__file__).resolve().parents[1]


def test_phrases_to_avoid_are_not_there():
    """No page and no docstring of the package has them. What is found is printed."""
    assert not main([])


def test_every_page_and_module_can_be_looked_at():
    files = all_files()
    assert all(list(ROOT.glob(pattern)) for pattern in PAGES)
    assert ROOT / "README.md" in files and ROOT / "rnnrbm_pt" / "graphs" / "rbm.py" in files


@pytest.mark.parametrize(
    "text",
    [
        "Who follows the tutorial finds its functions.",
        "It trains. Whoever stops it loses nothing.",
        "- What is not finite ends a run.",
        "It ends.\n\nWhat it says.",
        "| option | What is taken of them |",
        "Of Numba while the model runs, the number of threads.",
        "It has -3.1 nats a frame.",
        "How well it foretells music.",
        "The table of the models and their kin.",
        "More is to be had.",
        "All but for one.",
        "A loop in the place\nof the scan.",
        "It comes to the same number.",
        "Frames by the beat.",
        "Hold a run against the original.",
        "## One word",
    ],
)
def test_what_is_found(text):
    assert len(find_phrases(prose_of_page(text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "What is a chord?",
        "Of course, it ends.",
        "## What a chain remembers",
        "**What to do:** use float64.",
        "It says what it does, and of what.",
        "Use it not for training but for generating.",
        "```text\nWho runs, nats a frame\n```",
        "    What is printed.\n",
        "The function `What is` stands [here](What.md).",
        "A kind of kindness.",
        "If it is None, it wanders through F and comes to G.",
    ],
)
def test_what_is_not_found(text):
    assert find_phrases(prose_of_page(text)) == []


def test_a_finding_names_the_line(tmp_path, capsys):
    module = tmp_path / "module.py"
    source = '"""A module."""\n\nX = 1\n"""A number.\n\nWhat it\nmeans."""\n\n\ndef f():\n    """Whoever."""\n'
    module.write_text(source)
    assert [line for line, _ in docstrings(source)] == [1, 4, 11]
    assert [(found.line, found.text) for found in findings(module)] == [(6, "What it"), (11, '"""Whoever."""')]
    assert main([str(ROOT / "CONTRIBUTING.md")]) is False
    assert capsys.readouterr().out == ""
