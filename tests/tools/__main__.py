"""`python -m tests.tools [NAME…]`: get what tests need, with progress; nothing is compiled in a test.

With names, these programs alone; `real` means all that a real node needs. Without: every program of the
simulated sandbox and of the tests, the npm packages of the published schemas, the wheels that the action
installs, and the definitions that are read from Go modules. What exists is not built again. After
`--missing`, what is not here is only named, and with `real` what this machine lacks for a node.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

import pytest

from bootstrap.core import interruption
from bootstrap.core.errors import BootstrapError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.programs import build, build_folder, pinned
from bootstrap.programs import find as programs
from bootstrap.sandbox.node import layout, preflight
from tests.catalog import custom_resources, test_alloy
from tests.ci import wheels
from tests.conftest import USER_ENVIRONMENT
from tests.providers.published import servers
from tests.tools import PINNED, find

say = partial(print, file=sys.stderr, flush=True)


def main(names: Sequence[str]) -> int:
    """Get the programs; returns the exit status."""
    if names and names[0] == "--missing":
        status = _missing(_chosen(names[1:]))
        return max(status, _refused()) if "real" in names else status
    names = _chosen(names)
    unknown = set(names) - set(PINNED) - set(pinned.BY_NAME)
    if unknown:
        say(f"unknown program: {', '.join(sorted(unknown))}; known: {', '.join([*pinned.BY_NAME, *PINNED])}")
        return 2
    invocation = Invocation(environ=USER_ENVIRONMENT)
    try:
        _build(
            [name for name in names if name in pinned.BY_NAME] if names else (*programs.NAMES, "cosign"),
            [each for name, each in PINNED.items() if not names or name in names],
            invocation,
        )
    except BootstrapError as error:
        Output(invocation).error(error)
        return error.exit_status
    except KeyboardInterrupt:
        return interruption.status()
    if not names:
        _fetch()
    return 0


def _chosen(names: Sequence[str]) -> list[str]:
    """`real` alone stands for all that a real node needs."""
    return [*programs.NAMES, *layout.PROGRAMS, "voting-app"] if list(names) == ["real"] else list(names)


def _missing(names: Sequence[str]) -> int:
    """Say which of the programs are not here; 1 when one is missing."""
    invocation = Invocation(environ=USER_ENVIRONMENT)
    known = {**pinned.BY_NAME, **PINNED}
    absent = [name for name in names if find(known[name], invocation) is None]
    if absent:
        say(f"not built: {', '.join(absent)}")
    return 1 if absent else 0


def _refused() -> int:
    """Say what this machine lacks for a real node; 1 when it lacks something."""
    missing = preflight.observe([tempfile.gettempdir()]).missing
    if missing:
        say(f"this machine cannot run a real node: {'; '.join(missing)}")
    return 1 if missing else 0


def _build(names: Sequence[str], tools: Sequence[pinned.Pinned], invocation: Invocation) -> None:
    """All in one build folder: half of what the tools are compiled from, the sandbox's programs are, too."""
    missing = [each for each in tools if find(each, invocation) is None]
    with build_folder.in_use(invocation) if missing else nullcontext():
        programs.ensure(names, invocation, say)
        build.build_all(missing, invocation, say)
    build_folder.remove_if_done(missing, invocation, say)


def _fetch() -> None:
    """What cannot be fetched is said; the tests that read it skip by name."""
    if shutil.which("npm"):
        servers.install()
    wheels.fetch()
    for read in (
        test_alloy.source,
        *(partial(custom_resources.text, name) for name in custom_resources.MODULES),
    ):
        try:
            read()
        except pytest.skip.Exception as missing:
            say(missing.msg)


if __name__ == "__main__":
    interruption.listen()  # or SIGTERM would leave the compilers running
    sys.exit(main(sys.argv[1:]))
