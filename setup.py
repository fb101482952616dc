"""Adds to a wheel the recorded results that chapters of the tutorial read; everything else is in setup.cfg."""

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


if __name__ == "__main__":
    setup(cmdclass={"build_py": BuildWithResults})
