"""The space of a search: what its texts mean, and what is refused."""

import pytest

from rnnrbm_pt.search.space import Parameter, Space, parse_parameter, parse_space

EARLIER = parse_space(["optimizer=sgd,nesterov", "hidden=50..300:50", "lr=0.1..1.0", "batch-size=50,100"]).parameters
EARLIER += (parse_parameter("persistent", [True, False]),)


class Lowest:
    """A trial that takes the first value of all."""

    def suggest_categorical(self, name, choices):
        return choices[0]

    def suggest_int(self, name, low, high, step, log):
        return low

    suggest_float = suggest_int


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ("1e-4..0.1:log", Parameter("x", (), 1e-4, 0.1, log=True)),
        ("50..300:50", Parameter("x", (), 50, 300, step=50)),
        ("1..16", Parameter("x", (), 1, 16)),
        ("0..1.5", Parameter("x", (), 0.0, 1.5)),
        (".5..0.9", Parameter("x", (), 0.5, 0.9)),
        ("0...5", Parameter("x", (), 0.0, 0.5)),
        ("1.5e+2..3e2", Parameter("x", (), 150.0, 300.0)),
        ("-2..2", Parameter("x", (), -2, 2)),
        ("sgd,adam", Parameter("x", ("sgd", "adam"))),
        (["sgd", 1, True], Parameter("x", ("sgd", 1, True))),
        ({"range": "1..2"}, Parameter("x", (), 1, 2)),
    ],
)
def test_parameters(described, expected):
    found = parse_parameter("x", described)
    assert found == expected and type(found.low) is type(expected.low)


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ("2..1", "expected LOW < HIGH"),
        ("0..1:log", "LOW > 0 with log"),
        ("1..2:often", "expected LOW..HIGH, LOW..HIGH:log or LOW..HIGH:STEP with numbers, found '1..2:often'"),
        ("1..inf", "with numbers"),
        ("1..2:", "with numbers"),
        ("1..2,3..4", "with numbers"),
        ("low..high", "with numbers"),
        ([], "expected a list of numbers, words or booleans"),
        (5, "expected LOW..HIGH or a list of choices, found 5"),
        ({"low": 1}, "expected range or choices"),
        ({"range": "1..2", "when": {"y": [1]}}, "expected an earlier parameter, found 'y'"),
        ({"range": "1..2", "when": 3}, "expected lists of values by name, found 3"),
        ({"range": "1..2", "when": {"optimizer": []}}, "when: expected lists of values by name"),
        (
            {"range": "1..2", "when": {"optimizer": ["nestrov"]}},
            "choices of optimizer, or whole numbers in its range, found 'nestrov'",
        ),
        (
            {"range": "1..2", "when": {"optimizer": [["sgd"]]}},
            "choices of optimizer, or whole numbers in its range, found",
        ),
        (
            {"range": "1..2", "when": {"persistent": [1]}},
            "choices of persistent, or whole numbers in its range, found 1",
        ),
        ({"range": "1..2", "when": {"hidden": [75]}}, "choices of hidden, or whole numbers in its range, found 75"),
        ({"range": "1..2", "when": {"hidden": [True]}}, "choices of hidden, or whole numbers in its range, found True"),
        ({"range": "1..2", "when": {"lr": [0.5]}}, "choices of lr, or whole numbers in its range, found 0.5"),
    ],
)
def test_bad_parameters(described, message):
    with pytest.raises(ValueError, match=f"^space: x: .*{message}"):
        parse_parameter("x", described, EARLIER)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"optimizer": ["nesterov"]}, {"optimizer": ["nesterov"]}),
        ({"batch_size": [50, "100"]}, {"batch-size": ["50", "100"]}),
        ({"batch-size": [50.0]}, {"batch-size": ["50"]}),
        ({"hidden": [50, "100"]}, {"hidden": [50, 100]}),
        ({"persistent": [True]}, {"persistent": [True]}),
    ],
)
def test_conditions(when, expected):
    found = parse_parameter("x", {"range": "1..2", "when": when}, EARLIER)
    assert found.when == expected
    for name, values in expected.items():
        space = Space((Parameter(name, tuple(values)), found))
        assert space.suggest(Lowest()) == {name: values[0], "x": 1}


def test_a_file_and_options(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(
        'optimizer = ["sgd", "nesterov"]\nmomentum = {range = "0.5..0.9", when = {optimizer = ["nesterov"]}}\n'
    )
    space = parse_space(["clip_norm=1..10:log"], path)
    assert [one.name for one in space.parameters] == ["optimizer", "momentum", "clip-norm"]
    assert space.suggest(Lowest()) == {"optimizer": "sgd", "clip-norm": 1}
    assert "nesterov" in space.to_json()
    with pytest.raises(ValueError, match="momentum: expected each name once"):
        parse_space(["momentum=1..2"], path)
    path.write_text("optimizer = [")
    with pytest.raises(ValueError, match=r"space.toml: expected TOML, found"):
        parse_space([], path)
    with pytest.raises(FileNotFoundError, match="nothing.toml"):
        parse_space([], tmp_path / "nothing.toml")
    with pytest.raises(ValueError, match="--space: expected NAME=VALUES, found 'lr'"):
        parse_space(["lr"])
    with pytest.raises(ValueError, match="expected parameters from --space"):
        parse_space()
