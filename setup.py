"""What setup.cfg cannot say: recorded results that chapters read go into the wheel, and README.md fits any page.

A package index shows README.md far from its pictures. With the repository's address, `Source` of `project_urls` in
setup.cfg, they are shown from there. Without it they are left out, and links into the repository are plain text.
"""

import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

RESULTS = Path("benchmarks", "results")
RECORDED = (
    "nottingham/log.jsonl",
    "nottingham/sample*.mid",
    "ablation/*/*.jsonl",
    "likelihoods/jsb_chorales/tried.jsonl",
    "speed/README.md",
)
"""Patterns of files in RESULTS. They have no second copy in the repository: `rnnrbm_pt.reference.results_folder`
finds them in a checkout as well."""


class BuildWithResults(build_py):
    """Build the package, with the recorded results in rnnrbm_pt/reference/data."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        for pattern in RECORDED:
            for file in sorted(RESULTS.glob(pattern)):
                target = Path(self.build_lib, "rnnrbm_pt", "reference", "data", file.relative_to(RESULTS))
                self.mkpath(str(target.parent))
                self.copy_file(str(file), str(target))


def anywhere(text, source=None):
    """Markdown whose pictures and links do not depend on where it is shown.

    Parameters
    ----------
    text : str
        With paths in the repository.
    source : str, optional
        The repository's address.

    Returns
    -------
    str
    """
    place = r"\[([^\]]*)\]\((?!https?:|#)([^)]+)\)"
    picture, link = (rf"![\1]({source}/raw/main/\2)", rf"[\1]({source}/blob/main/\2)") if source else ("", r"\1")
    return re.sub(place, link, re.sub("!" + place, picture, text))


def source_address(folder="."):
    """The address that setup.cfg, in a folder, gives as `Source`, or None."""
    config = ConfigParser()
    config.read(Path(folder, "setup.cfg"), encoding="utf-8")
    lines = config.get("metadata", "project_urls", fallback="").split("\n")
    urls = dict(re.split(r"\s*=\s*", line.strip(), maxsplit=1) for line in lines if "=" in line)
    return urls.get("Source")


if __name__ == "__main__":
    readme = Path("README.md").read_text(encoding="utf-8")
    setup(long_description=anywhere(readme, source_address()), cmdclass={"build_py": BuildWithResults})
