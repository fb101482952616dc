"""Describe the machine of a measurement, and limit the number of threads."""

import os
import platform
import sys
from importlib import metadata

PACKAGES = "rnnrbm-pt", "pytensor", "numba", "numpy", "scipy", "jax", "jaxlib", "torch"


def bound_threads(n):
    """Limit all libraries to n threads and OpenBLAS to one thread. Call this before the libraries are imported.

    Matrix products of this size take several times as long with two OpenBLAS threads as with one.
    """
    for name in ("OMP", "MKL", "NUMBA"):
        os.environ[f"{name}_NUM_THREADS"] = str(n)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["NPROC"] = str(n)  # size of XLA's thread pool on the CPU


def cpu_model():
    """Model name of the CPU."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def version(package):
    """Version of a package, or None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def accelerator():
    """Name of the device that JAX uses; None if it is the CPU or JAX has not been imported."""
    if "jax" not in sys.modules:
        return None
    device = sys.modules["jax"].devices()[0]
    return None if device.platform == "cpu" else device.device_kind


def loaded_blas():
    """Names and versions of the BLAS libraries in this process; an empty list without threadpoolctl."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    return sorted({f"{lib['internal_api']} {lib['version']}" for lib in threadpool_info() if lib["user_api"] == "blas"})


def describe(threads):
    """Hardware, software versions and number of threads, as a dict for JSON. Call this after loading the programs.

    Parameters
    ----------
    threads : int
        The limit on threads in the measurement.
    """
    found = {package: version(package) for package in PACKAGES}
    machine = {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "accelerator": accelerator(),
        "threads": threads,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: number for name, number in found.items() if number},
        "blas": loaded_blas(),
    }
    if "pytensor" in sys.modules:
        from rnnrbm_pt.compile.modes import c_blas

        machine["blas of the C backend"] = c_blas() or None
    return machine


def sentences(machine):
    """Format the result of `describe` as lines of text."""
    device = f", {machine['accelerator']}" if machine["accelerator"] else ""
    versions = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores{device}; threads: {machine['threads']}. {machine['system']}.",
        f"Python {machine['python']}, {versions}.",
        f"BLAS: {', '.join(machine['blas'])}; C backend: {machine.get('blas of the C backend') or 'none'}.",
    ]
    if "Theano" in machine:
        old = machine["Theano"]
        lines.append(
            f"Theano {old['Theano']}: Python {old['Python']}, NumPy {old['NumPy']}, BLAS {old['BLAS'] or 'none'}."
        )
    return lines
