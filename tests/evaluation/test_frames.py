"""Tests of cutting frames into blocks and drawing frames at random."""

import numpy as np

from rnnrbm_pt.evaluation.frames import draw_frames, in_blocks

ROLLS = [np.random.RandomState(i).randint(2, size=(n, 4)) for i, n in enumerate((12, 0, 9, 11))]


def test_blocks_hold_all_in_order():
    pieces = [(np.arange(n) + start, np.arange(n)) for n, start in ((5, 0), (0, 5), (1, 5), (6, 6))]
    blocks = list(in_blocks(pieces, 5))
    assert [len(x) for x, _ in blocks] == [5, 5, 2]
    assert np.concatenate([x for x, _ in blocks]).tolist() == list(range(12))
    assert list(in_blocks([], 5)) == []


def test_frames_are_drawn_without_replacement():
    chosen, n_total = draw_frames(ROLLS, 10, 0)
    assert [len(x) for x in chosen] == [12, 0, 9, 11] and n_total == 32
    assert sum(x.sum() for x in chosen) == 10
    often = sum(np.concatenate(draw_frames(ROLLS, 10, seed)[0]) for seed in range(500))
    assert np.abs(often - 500 * 10 / 32).max() < 4 * np.sqrt(500 * 10 / 32 * 22 / 32)
