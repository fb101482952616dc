"""JSON without the numbers that it cannot hold."""

import math

from rnnrbm_pt.io.json_text import finite


def test_numbers_that_json_cannot_hold():
    found = finite({"a": [1.5, math.nan], "b": -math.inf, "c": ("x", (math.inf, 2))})
    assert found == {"a": [1.5, None], "b": None, "c": ["x", [None, 2]]}
