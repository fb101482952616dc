"""`rnnrbm export`: export the parameters of a model for other programs."""

from pathlib import Path

from rnnrbm_pt.cli.input_files import MODEL_FILE, load_model
from rnnrbm_pt.cli.options import add_command
from rnnrbm_pt.cli.output_files import PARAMETERS, Output, check_outputs
from rnnrbm_pt.io.atomic_write import claimed


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(commands, "export", run, "export the parameters of a model for NumPy, MATLAB or Octave")
    parser.set_defaults(backend="numba", threads=1)
    parser.add_argument("model", metavar="MODEL", help=MODEL_FILE)
    parser.add_argument("-o", "--output", required=True, metavar="OUT.npz", help="file to write (.npz or .mat)")
    parser.add_argument("--overwrite", action="store_true", help="overwrite an existing file")


def run(args):
    """Run `rnnrbm export`."""
    check_outputs(Output("-o", args.output, PARAMETERS))
    if Path(args.output).exists() and not args.overwrite:
        raise ValueError(f"-o {args.output}: the file exists; use --overwrite to replace it")
    if Path(args.output).resolve() == Path(args.model).resolve():
        raise ValueError(f"-o {args.output}: expected a file other than the model")
    params = load_model(args.model, args).get_params()
    from rnnrbm_pt.io.named_arrays import write_named_arrays

    with claimed(args.output):
        write_named_arrays(args.output, params)
    shapes = ", ".join(f"{name} {' x '.join(map(str, array.shape))}" for name, array in params.items())
    print(f"Wrote {args.output}: {shapes}.")
