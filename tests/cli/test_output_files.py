"""Files that a command shall write: a name that says another kind of file is refused before any work starts."""

import pytest

from rnnrbm_pt.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("generate M -o x.wav", "-o x.wav: expected a MIDI file (.mid, .midi), found .wav; use -o x.mid --wav x.wav"),
        ("generate M -o x.MP3", "-o x.MP3: expected a MIDI file (.mid, .midi), found .mp3; use -o x.mid --wav x.wav"),
        ("generate M -o a/x.svg", "found .svg; use -o a/x.mid --plot a/x.svg"),
        ("generate M -o x.npz", "found .npz; use -o x.mid"),
        ("generate M -o x", "found no suffix; use -o x.mid"),
        ("generate M -o take.2", "found no suffix; use -o take.2.mid"),
        ("generate M -o 'my x.wav'", "use -o 'my x.mid' --wav 'my x.wav'"),
        ("generate M -o x.mid --wav x.mp3", "--wav x.mp3: expected a sound (.wav), found .mp3; use --wav x.wav"),
        ("generate M -o x.mid --plot x.doc", "expected a picture (.png, .svg, .pdf), found .doc; use --plot x.png"),
        ("generate M -o x.mid --plot x.wav", "--plot x.wav: expected a picture (.png, .svg, .pdf), found .wav; "),
        ("generate M -o x.mid --plot x.wav", "use --wav x.wav"),
        ("generate M -o x.mid --plot x.mid", "use --plot x.png"),
        ("train F -o a.mid", "-o a.mid: expected a model file (.npz, or no suffix), found .mid; use -o a.npz"),
        ("train F -o a.jsonl", "found .jsonl; use -o a.npz --log a.jsonl"),
        ("train F -o a --log a.png", "--log a.png: expected a log (.jsonl, .json, .log, .txt, or no suffix), found"),
        ("train F -o a --log a", "-o a and --log a: expected two files, found one"),
        ("train F -o a --log b/../a", "expected two files, found one"),
        ("compare L --plot x.wav", "--plot x.wav: expected a picture (.png, .svg, .pdf), found .wav; use --plot x."),
    ],
)
def test_a_name_of_another_kind_of_file(arguments, message, tmp_path, monkeypatch, capsys):
    import shlex

    monkeypatch.chdir(tmp_path)  # where M, F and L are not: that would be the next error
    assert main(shlex.split(arguments)) == 1
    error = capsys.readouterr().err
    assert message in error and error.startswith("rnnrbm: error: ") and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        "generate M -o x.mid --plot x.PNG --wav x.Wav",
        "generate M -o x.MIDI",
        "train F -o a.npz --log a.txt",
        "train F -o a",
        "train F -o lr0.01-k15 --log lr0.01",
        "train F -o a.mid --resume",
        "compare L --plot x.pdf",
    ],
)
def test_names_that_will_do(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments.split()) == 1
    assert "no such file" in capsys.readouterr().err  # of what is to be read
