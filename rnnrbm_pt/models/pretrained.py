"""Pretrained models: small files in the package, identified by their SHA-256 digests.

`rnnrbm_pt/pretrained/README.md` describes their training and results. A pretrained model can generate music and can be
trained further. The files do not hold the state of the optimiser, so the original runs cannot be resumed.
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
    """Description of a pretrained model of the package.

    Attributes
    ----------
    data : str
        Name of the training set, such as "nottingham".
    kind : str
        Name of the kind of model, such as "rnn-nade".
    class_name : str
        Name of the class, such as "RnnNade".
    sha256 : str
        SHA-256 digest of the file, in hexadecimal.
    about : str
        One-line description.
    """

    data: str
    kind: str
    class_name: str
    sha256: str
    about: str

    @property
    def name(self) -> str:
        """The name that users type, such as "nottingham-rnn-nade"."""
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
        "tied-rnn-rbm",
        "TiedRnnRbm",
        "e5445eb7f8805fd35201a6c79bfe8c248784e13bb32f51f067f8a9cb9c425896",
        "folk tunes in C, two frames per quarter note; tied RNN-RBM, by the recipe `recommended`",
    ),
    PretrainedModel(
        "nottingham",
        "gru-rbm",
        "RnnRbm",
        "2e8618fc02d1f69bf49f270a34d33ea4c9c729101bdfa9dd09e946cda5c004c3",
        "folk tunes in C, two frames per quarter note; RNN-RBM with a GRU, by the recipe `recommended`",
    ),
    PretrainedModel(
        "nottingham",
        "rnn-rbm",
        "RnnRbm",
        "8c6aaffe899ad2a78ede8ff1bedbdab454f28d6bd39c27a9f9ffab66469fb9f9",
        "folk tunes; the tutorial's model and settings, 200 epochs",
    ),
)
"""The pretrained models. The name of a training set stands for the first matching model in this list."""


def names() -> list[str]:
    """All names that `find` accepts: those of the training sets and those of the models."""
    return [*dict.fromkeys(model.data for model in PRETRAINED), *(model.name for model in PRETRAINED)]


def find(name: str, class_names: Collection[str] | None = None) -> PretrainedModel:
    """Find a pretrained model by name.

    Parameters
    ----------
    name : str
        Name of a model, or of a training set, which stands for the first model trained on it.
    class_names : collection of str, optional
        Names of the classes to search. The default is all classes.

    Returns
    -------
    PretrainedModel

    Raises
    ------
    ValueError
        If there is no such model.
    """
    models = [model for model in PRETRAINED if class_names is None or model.class_name in class_names]
    for model in models:
        if name in (model.name, model.data):
            return model
    expected = ", ".join(f"{model.name} ({model.class_name})" for model in models) or "none of this class"
    raise ValueError(f"expected the name of a pretrained model, {expected}; found {quoted(name)}")


def verified_file(model: PretrainedModel, folder: Path = FOLDER) -> Path:
    """Path of the file of a pretrained model, after its digest is verified.

    Parameters
    ----------
    model : PretrainedModel
    folder : path, optional
        Folder of the files. The default is the package's own.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If the file is damaged.
    FileNotFoundError
        If there is no such file.
    """
    path = folder / f"{model.name}.npz"
    found = hashlib.sha256(read_bytes(path, "a pretrained model")).hexdigest()
    if found != model.sha256:
        raise ValueError(
            f"{path}: expected the pretrained model {model.name} as released, found a damaged file: reinstall "
            f"rnnrbm_pt (SHA-256 {found[:12]}..., not {model.sha256[:12]}...)"
        )
    return path
