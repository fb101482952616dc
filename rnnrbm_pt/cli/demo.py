"""`rnnrbm demo`: write a tune by a pretrained model, train on Bach chorales, and write two samples and a report."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from rnnrbm_pt.cli.input_files import n_frames
from rnnrbm_pt.cli.options import add_command, whole_number
from rnnrbm_pt.cli.progress import status, watched
from rnnrbm_pt.cli.report import write_page
from rnnrbm_pt.models.generation import N_STEPS

N_EPOCHS = 100
LR = 0.003
MODEL = {"n_hidden": 100, "n_hidden_recurrent": 100, "lr": LR, "k": 5, "dt": 0.5}
FAST = {"streams": "philox", "floatX": "float32"}
FIT = {"batch_size": 50, "dropout_recurrent": 0.1, "sample_every": 20}
"""Settings of the demo that differ from the recipe `recommended`: a smaller model without a GRU, and shorter Gibbs
chains, which allow more updates per minute."""

DIALS = {"start": "previous", "floor": 0.05}
"""Settings of the generated chorales."""


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(commands, "demo", run, "train on Bach chorales for a short time and write two samples")
    parser.add_argument(
        "-o", "--output", default="rnnrbm-demo", metavar="FOLDER", help="output folder [default: ./rnnrbm-demo]"
    )
    parser.add_argument(
        "--epochs",
        type=whole_number(1),
        default=N_EPOCHS,
        metavar="N",
        help=f"number of training epochs [default: {N_EPOCHS}]",
    )


def run(args):
    """Run `rnnrbm demo`."""
    folder = Path(args.output)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder, found a file")
    tune = write_first_piece(folder)

    from rnnrbm_pt.models.rnnrbm import RnnRbm
    from rnnrbm_pt.music.datasets import chorales
    from rnnrbm_pt.music.midi import midiwrite
    from rnnrbm_pt.music.plot import save_piano_roll, save_training_curve
    from rnnrbm_pt.music.statistics import statistics
    from rnnrbm_pt.report import report_on, report_page
    from rnnrbm_pt.training.recipes import recommended
    from rnnrbm_pt.training.schedules import Cosine

    print("Data: the four-part chorales by J. S. Bach in the corpus of music21 (not for commercial use).")
    rolls = chorales(progress=True).train
    print(f"Training set: {n_frames(rolls)} of a quarter note each.")
    model = RnnRbm(**MODEL, **FAST)
    of_data = statistics(rolls, model.r)
    print("Each epoch prints its monitor, a log pseudo-likelihood in nats per frame. The monitor first rises, and then")
    print("falls while the Gibbs chains learn to mix. So watch the samples, which get closer to the data: the chorales")
    density, dissonance = of_data.notes_per_frame, 100 * of_data.dissonance
    print(f"have {density:.1f} notes per frame, and {dissonance:.0f} % of their pairs of notes are dissonant.")
    settings = recommended(args.epochs).fit | FIT | {"schedule": {"lr": Cosine(LR, 0.0, args.epochs)}}
    try:
        watched(partial(model.fit, rolls, **settings), args.epochs)
    except KeyboardInterrupt:
        if not model.log:
            raise
        print("Interrupted by user. Continuing with the current model.")
    model.use_averages()
    written = [folder / "model.npz", folder / "curve.png"]
    model.save(written[0])
    save_training_curve(written[1], [record["monitor"] for record in model.log])
    with status("Compiling the generator and drawing two samples"):
        for i in (1, 2):
            roll = model.sample(N_STEPS, seed=i, **DIALS)
            midiwrite(folder / f"sample{i}.mid", roll, model.r, model.dt)
            save_piano_roll(folder / f"sample{i}.png", roll, model.r, model.dt, crop=True)
            written += [folder / f"sample{i}.mid", folder / f"sample{i}.png"]
        report = report_on(model, "The demo: Bach chorales", n=2, n_steps=N_STEPS, dials=DIALS)
        report = replace(report, pieces=[*report.pieces, tune])
        write_page(folder / "report.html", report_page(report))
        written.append(folder / "report.html")
    print("Wrote:")
    contents = ["trained model", "training curve", *2 * ["music", "piano-roll"], "report with a player"]
    for path, what in zip(written, contents, strict=True):
        print(f"  {path}  ({what})")


def write_first_piece(folder):
    """Write a piece by a pretrained model, to listen to during training. Return it for the report."""
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
    return replace(piece, title="A folk tune by the pretrained RNN-NADE")
