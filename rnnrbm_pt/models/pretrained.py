"""Pretrained models: small files in the package, each known by its SHA-256 digest.

`rnnrbm_pt/pretrained/README.md` says what they learned from, how, and how well. They write music and can be trained
further. What an optimiser remembers is not in them, so their own runs cannot be continued.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rnnrbm_pt.io.atomic_write import read_bytes
from rnnrbm_pt.quoting import quoted

FOLDER = Path(__file__).resolve().parents[1] / "pretrained"


@dataclass(frozen=True)
class PretrainedModel:
    """A pretrained model of the package.

    Attributes
    ----------
    data, kind : str
        What it learned from, and what it is: "nottingham" and "rnn-nade". Its name is both of them.
    class_name : str
        The name of its class, such as "RnnNade".
    sha256 : str
        Digest of the file, in hexadecimal digits.
    about : str
        What it is, in a line.
    """

    data: str
    kind: str
    class_name: str
    sha256: str
    about: str

    @property
    def name(self) -> str:
        """The name that users write, such as "nottingham-rnn-nade"."""
        return f"{self.data}-{self.kind}"


PRETRAINED = (
    PretrainedModel(
        "nottingham",
        "rnn-nade",
        "RnnNade",
        "5a2ca0f5d4c704dc286b23ab423a6d26516d110c29a2b601241aa162420499af",
        "folk tunes in C, two frames per quarter note",
    ),
    PretrainedModel(
        "nottingham",
        "rnn-rbm",
        "RnnRbm",
        "8c6aaffe899ad2a78ede8ff1bedbdab454f28d6bd39c27a9f9ffab66469fb9f9",
        "folk tunes; the tutorial's model and settings, 200 epochs",
    ),
)
"""The models. A set's name alone means the first model of it that fits."""


def names() -> list[str]:
    """All names that `find` takes: those of the models, and those of the sets that they learned from."""
    return [*dict.fromkeys(model.data for model in PRETRAINED), *(model.name for model in PRETRAINED)]


def find(name: str, class_names: Collection[str] | None = None) -> PretrainedModel:
    """The pretrained model of a name.

    Parameters
    ----------
    name : str
        Of a model, or of the set that it learned from: then the first model of it is taken.
    class_names : collection of str, optional
        Only models of these classes are looked at. Without it, all are.

    Returns
    -------
    PretrainedModel

    Raises
    ------
    ValueError
        If there is none.
    """
    models = [model for model in PRETRAINED if class_names is None or model.class_name in class_names]
    for model in models:
        if name in (model.name, model.data):
            return model
    expected = ", ".join(f"{model.name} ({model.class_name})" for model in models) or "none of this class"
    raise ValueError(f"expected the name of a pretrained model, {expected}; found {quoted(name)}")


def verified_file(model: PretrainedModel, folder: Path = FOLDER) -> Path:
    """The file of a pretrained model, whose bytes are those that were released.

    Parameters
    ----------
    model : PretrainedModel
    folder : path
        Where the files lie.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If the file is damaged.
    FileNotFoundError
    """
    path = folder / f"{model.name}.npz"
    found = hashlib.sha256(read_bytes(path, "a pretrained model")).hexdigest()
    if found != model.sha256:
        raise ValueError(
            f"{path}: expected the pretrained model {model.name} as it was released, found a damaged file: install "
            f"rnnrbm_pt anew (SHA-256 {found[:12]}..., not {model.sha256[:12]}...)"
        )
    return path
