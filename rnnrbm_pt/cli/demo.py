"""`rnnrbm demo`: write a tune of a pretrained model, train on Bach chorales, and write two samples and a report."""

from functools import partial
from pathlib import Path

from rnnrbm_pt.cli.input_files import n_frames
from rnnrbm_pt.cli.options import add_command
from rnnrbm_pt.cli.progress import status, watched
from rnnrbm_pt.cli.report import write_page
from rnnrbm_pt.models.generation import N_STEPS

# Chosen by ear and by the clock: windows and chains shorter than the tutorial's allow more updates per minute.
DEMO = {"epochs": 60, "hidden": 100, "recurrent": 100, "lr": 0.005, "k": 5, "batch_size": 25, "dt": 0.5}


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(commands, "demo", run, "train on Bach chorales for a short time and write two samples")
    parser.add_argument(
        "-o", "--output", default="rnnrbm-demo", metavar="FOLDER", help="output folder [default: ./rnnrbm-demo]"
    )
    parser.add_argument(
        "--epochs",
        type=int,
        default=DEMO["epochs"],
        metavar="N",
        help=f"number of training epochs [default: {DEMO['epochs']}]",
    )


def run(args):
    """Run `rnnrbm demo`."""
    folder = Path(args.output)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder, found a file")
    from rnnrbm_pt.music.datasets import chorales

    write_first_piece(folder)
    print("Data: the four-part chorales by J. S. Bach in the corpus of music21 (not for commercial use).")
    rolls = chorales(progress=True).train
    print(f"Training set: {n_frames(rolls)} of a quarter note each.")
    print("Each epoch prints its monitor, a log pseudo-likelihood in nats per frame. It starts at -61, the value of 88")
    print("fair coins, and rises with ups and downs: a model that mixes better may score lower for a while.")

    from rnnrbm_pt.models.rnnrbm import RnnRbm
    from rnnrbm_pt.music.midi import midiwrite
    from rnnrbm_pt.music.plot import save_piano_roll, save_training_curve
    from rnnrbm_pt.report import report_on, report_page

    model = RnnRbm(DEMO["hidden"], DEMO["recurrent"], lr=DEMO["lr"], dt=DEMO["dt"], k=DEMO["k"])
    try:
        watched(partial(model.fit, rolls, DEMO["batch_size"], args.epochs), args.epochs)
    except KeyboardInterrupt:
        if not model.log:
            raise
        print("Interrupted by user. Continuing with the current model.")
    written = [folder / "model.npz", folder / "curve.png"]
    model.save(written[0])
    save_training_curve(written[1], [record["monitor"] for record in model.log])
    with status("Compiling the generator and drawing two samples"):
        for i in (1, 2):
            roll = model.sample(200)
            midiwrite(folder / f"sample{i}.mid", roll, model.r, model.dt)
            save_piano_roll(folder / f"sample{i}.png", roll, model.r, model.dt, crop=True)
            written += [folder / f"sample{i}.mid", folder / f"sample{i}.png"]
        write_page(folder / "report.html", report_page(report_on(model, "The demo: Bach chorales", n=2)))
        written.append(folder / "report.html")
    print("Wrote:")
    contents = ["trained model", "training curve", *2 * ["music", "piano-roll"], "report with a player"]
    for path, what in zip(written, contents, strict=True):
        print(f"  {path}  ({what})")


def write_first_piece(folder):
    """Write a piece by a pretrained model, to listen to during training."""
    from rnnrbm_pt.models.base import SequenceModel
    from rnnrbm_pt.report import player_page
    from rnnrbm_pt.report.model_report import lead, piece_of

    with status("Drawing a folk tune from a pretrained model"):
        model = SequenceModel.pretrained("nottingham")
        roll, piece = piece_of(model, N_STEPS, seed=1)
        page, midi = folder / "pretrained.html", folder / "pretrained.mid"
        write_page(page, player_page([piece], "A folk tune by a pretrained model", lead(model)))
        model.frames.write(midi, roll)
    print(f"Listen while the demo trains: {page} and {midi}, a folk tune by a pretrained model.")
