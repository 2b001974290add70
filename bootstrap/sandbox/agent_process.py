"""How the agent is started: this Python, this package, the sandbox's folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import bootstrap
from bootstrap.sandbox.process import Spec


def spec(folder: Path, environ: Mapping[str, str]) -> Spec:
    """`python -m bootstrap.sandbox.agent FOLDER`, importing the very package that starts it."""
    package = str(Path(bootstrap.__file__).parents[1])
    argv = (sys.executable, "-m", "bootstrap.sandbox.agent", str(folder))
    variables = {**environ, "PYTHONPATH": package, "PYTHONUNBUFFERED": "1"}
    return Spec("agent", argv, variables, (folder / "sandbox.json", folder / "kubeconfig"))
