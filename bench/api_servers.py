"""Fresh API servers for measuring: etcd and kube-apiserver, with no controllers beside them."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.sandbox import embedded
from bootstrap.sandbox.addresses import Sandbox

ALONE = ("etcd", "kube-apiserver")


@contextmanager
def fresh(processes: Sequence[str] = ALONE) -> Iterator[tuple[Sandbox, Invocation]]:
    """A new sandbox in a folder of its own; programs and downloads come from the user's cache."""
    with tempfile.TemporaryDirectory(prefix="bootstrap-bench-") as folder:
        mine = Invocation()
        environ = {
            **mine.environ,
            "BOOTSTRAP_CACHE_DIR": str(mine.cache_dir),
            "BOOTSTRAP_DATA_DIR": str(Path(folder) / "data"),
            "BOOTSTRAP_STATE_DIR": str(Path(folder) / "state"),
        }
        invocation = Invocation(stdin=io.StringIO(), environ=environ)
        output = Output(invocation, quiet=True)
        try:
            yield (
                embedded.up("bench", invocation, output, with_argocd=False, processes=processes),
                invocation,
            )
        finally:
            embedded.down("bench", invocation, output, purge=True)
