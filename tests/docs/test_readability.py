"""The counts of sentences, words and syllables that compare two versions of the prose."""

import pytest

from docs.readability import Readability, files_in, main, readability, rows, syllables, table


@pytest.mark.parametrize(
    "word, expected",
    [("a", 1), ("frame", 1), ("table", 2), ("trained", 1), ("expected", 3), ("uses", 2), ("machine", 2), ("energy", 3)],
)
def test_syllables(word, expected):
    assert syllables(word) == expected


def test_sentences_and_words():
    text = "It runs. It stops at 0.5, or at 3!\n\n- One item\n- Another item\n"
    assert readability(text) == Readability(sentences=4, too_long=0, words=11, syllables=15)
    assert readability("word " * 26).too_long == 1 and readability("word " * 25).too_long == 0
    assert readability("# A heading\n\n| a | table |\n\n![A picture]\n") == Readability()


def test_pages_and_docstrings_are_rows(tmp_path, capsys):
    (tmp_path / "rnnrbm_pt" / "graphs").mkdir(parents=True)
    (tmp_path / "README.md").write_text("A page of `code` here.\n\n```python\nnot this\n```\n")
    module = '"""Equations.\n\nParameters\n----------\nx : int\n    A number.\n"""\nx = "not this"\n'
    (tmp_path / "rnnrbm_pt" / "graphs" / "rbm.py").write_text(module)
    found = rows(files_in(tmp_path))
    assert list(found) == ["README.md", "rnnrbm_pt/graphs (docstrings)"]
    assert [counts.words for counts in found.values()] == [5, 3]
    lines = table([found, {}], ["HEAD", "now"]).splitlines()
    assert lines[0].split() == ["HEAD", "now"] and lines[-1].split()[:2] == ["all", "8"]
    main([])
    assert "tutorial/01_rbm.md" in capsys.readouterr().out
