"""The host's part of the cluster: runs the Argo CD processes as soon as Argo CD is installed."""

from __future__ import annotations

import signal
import sys

if __name__ == "__main__":
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    sys.exit(0)
