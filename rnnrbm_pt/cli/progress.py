"""Progress on the terminal: a bar within each epoch, a line after each epoch, and the duration of long steps."""

import time
from contextlib import contextmanager


@contextmanager
def status(text):
    """Context manager: print the name of a long step, then its duration."""
    start = time.perf_counter()
    print(f"{text} ...", end=" ", flush=True)
    yield
    print(f"{time.perf_counter() - start:.1f} s", flush=True)


class EpochBar:
    """Progress bar within each epoch, with frames per second and time left, and a line at the end of the epoch."""

    def __init__(self, num_epochs):
        self.num_epochs = num_epochs
        self.bar = None

    def on_update(self, frames, total_frames):
        """Advance the bar."""
        if self.bar is None:
            from tqdm import tqdm

            self.bar = tqdm(
                total=total_frames, unit="frame", unit_scale=True, leave=False, disable=None, dynamic_ncols=True
            )
        self.bar.update(frames)

    def on_epoch(self, record):
        """Replace the bar with a line about the epoch."""
        self.close()
        validation = f"validation {record['validation']:.4f}  " if "validation" in record else ""
        if record.get("validation_refused"):
            validation += f"(refused: {record['validation_reverse']:.4f} in reverse)  "
        sample = sampled(record["sample"]) if "sample" in record else ""
        print(
            f"Epoch {record['epoch']}/{self.num_epochs}  {record['monitor']:.10f}  {validation}{sample}"
            f"({record['seconds']:.1f} s, {record['frames_per_second']:,.0f} frames/s)",
            flush=True,
        )

    def on_pretrain(self, record):
        """Print a line about an epoch of pretraining."""
        what = "monitor" if "monitor" in record else "cost"
        print(f"Pretraining, {record['stage']}, epoch {record['epoch']}  {what} {record[what]:.4f}", flush=True)

    def close(self):
        """Remove the bar from the screen."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def sampled(sample):
    """Describe the piece that was drawn for the log, for the line of an epoch."""
    warning = {"above": " (denser than the data)", "below": " (thinner than the data)", None: ""}[sample["outside"]]
    dissonant = "" if sample["dissonance"] is None else f", {100 * sample['dissonance']:.0f} % dissonant"
    return f"sample {sample['notes_per_frame']:.1f} notes per frame{dissonant}{warning}  "


def watched(train, num_epochs, *, on_epoch=None, on_pretrain=False):
    """Train a model with a progress bar.

    Parameters
    ----------
    train : callable
        `fit` or `resume` of a model, with all arguments except the callbacks.
    num_epochs : int
        Number of epochs of the whole run.
    on_epoch : callable, optional
        Called with the record of each epoch, before its line is printed.
    on_pretrain : bool
        Whether `train` accepts the keyword on_pretrain.
    """
    print("Compiling the training function (about a minute the first time on a machine, later seconds) ...", flush=True)
    bar = EpochBar(num_epochs)

    def epoch_done(record):
        if on_epoch is not None:
            on_epoch(record)
        bar.on_epoch(record)

    callbacks = {"on_update": bar.on_update, "on_epoch": epoch_done}
    if on_pretrain:
        callbacks["on_pretrain"] = bar.on_pretrain
    try:
        train(**callbacks)
    finally:
        bar.close()
