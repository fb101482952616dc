"""Time and memory of `rnnrbm prepare`, and of training from a store and from memory.

    python -m benchmarks.prepare [--files N] [--epochs N]

The MIDI files are transposed excerpts of the tutorial's files. Each measurement runs in a process of its own. The
memory is that of the process and its children, as reported by the system: anonymous memory, and the total, which
includes mapped files.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import bound_threads, describe, sentences

R, DT = (21, 109), 0.3
TRAIN = """
import json, resource, sys
from rnnrbm_pt import RnnRbm
from rnnrbm_pt.music.store import RollStore
from rnnrbm_pt.music.sources import midi_files
rolls = RollStore(sys.argv[1])
frames = rolls.frames
if sys.argv[2] == "memory":
    rolls = list(rolls)
model = RnnRbm(150, 100, lr=0.001, streams="philox", r=frames.r, dt=frames.dt, preprocess=frames.preprocess)
model.fit(rolls, 100, int(sys.argv[3]))
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
kinds = {name: int(status[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile", "VmHWM")}
W = model.get_params()["W"]
print(json.dumps({"log": model.log, "W": float(abs(W).sum()), **kinds}))
"""


def make_files(source, folder, n):
    """Write n MIDI files that are transposed excerpts of the source files."""
    from rnnrbm_pt.music.midi import midiwrite
    from rnnrbm_pt.music.pianoroll import transpose
    from rnnrbm_pt.music.sources import midi_files, read_rolls

    rolls, random = read_rolls(midi_files(source), R, DT), np.random.RandomState(0)
    for i in range(n):
        roll = rolls[random.randint(len(rolls))]
        n_frames = random.randint(min(40, len(roll)), len(roll) + 1)
        start = random.randint(len(roll) - n_frames + 1)
        part = transpose(roll[start : start + n_frames], random.randint(-6, 7), R, fold=True)
        if not part.any():
            part[0, 39] = 1
        midiwrite(folder / f"{i // 1000:03}" / f"{i:06}.mid", part, R, DT)


def memory_of(pid):
    """Current anonymous and total memory of a process and its children, in MiB."""
    found = np.zeros(2)
    pids = [pid]
    for child in pids:
        try:
            tasks = Path(f"/proc/{child}/task")
            pids += [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
            lines = Path(f"/proc/{child}/status").read_text().splitlines()
        except OSError:  # the process has ended
            continue
        kinds = dict(line.split(":", 1) for line in lines)
        found += [int(kinds[name].split()[0]) / 1024 for name in ("RssAnon", "VmRSS") if name in kinds] or [0, 0]
    return found


def watched(command):
    """Run a command; return its output, seconds, and peak memory (anonymous, total) in MiB."""
    start, most = time.perf_counter(), np.zeros(2)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        most = np.maximum(most, memory_of(process.pid))
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{command}: exit status {process.returncode}")
    return process.stdout.read(), time.perf_counter() - start, most


def main():
    """Measure and print the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--files", type=int, default=50_000, help="number of MIDI files to make (50,000)")
    parser.add_argument("--epochs", type=int, default=1, help="epochs of training (1)")
    parser.add_argument("--scratch", default="prepare-scratch", help="working folder (./prepare-scratch)")
    shared = Path(os.environ.get("RNNRBM_SHARED", "shared"))
    parser.add_argument("--source", default=shared / "data" / "nottingham_midi.zip", help="the tutorial's MIDI files")
    args = parser.parse_args()
    bound_threads(1)
    scratch = Path(args.scratch)
    midi = scratch / f"midi-{args.files}"
    if not midi.exists():
        make_files(args.source, midi, args.files)
    found = {"files": args.files, "midi_bytes": sum(path.stat().st_size for path in midi.rglob("*.mid"))}
    for jobs in (1, 2):
        store = scratch / f"store-{jobs}"
        shutil.rmtree(store, ignore_errors=True)
        command = [sys.executable, "-m", "rnnrbm_pt", "prepare", str(midi), "-o", str(store), "--jobs", str(jobs)]
        said, seconds, most = watched(command)
        found[f"prepare, jobs {jobs}"] = {"said": said, "seconds": seconds, "anonymous": most[0], "all": most[1]}
        print(json.dumps(found), flush=True)
    for name in ("frames.bits", "index.jsonl"):
        same = (scratch / "store-1" / name).read_bytes() == (scratch / "store-2" / name).read_bytes()
        found[name] = {"bytes": (scratch / "store-1" / name).stat().st_size, "same": same}
    for where in ("store", "memory"):
        said, seconds, most = watched([sys.executable, "-c", TRAIN, str(scratch / "store-1"), where, str(args.epochs)])
        found[f"train from {where}"] = {**json.loads(said), "seconds": seconds, "anonymous": most[0], "all": most[1]}
    found["machine"] = sentences(describe(1))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
