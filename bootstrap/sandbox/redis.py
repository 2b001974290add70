"""Argo CD's cache: any Redis, on loopback, with a random password that no other user can read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from bootstrap.sandbox.files import write_if_changed, write_private
from bootstrap.sandbox.process import Spec
from bootstrap.sandbox.state import HOST, Settings

_CONFIG = """\
bind {host}
port {port}
requirepass {password}
save ""
appendonly no
dir {folder}
"""


def password(folder: Path) -> str:
    """Created once; hex, so that it needs no quoting in a configuration file."""
    path = folder / "redis_password"
    if not path.is_file():
        write_private(path, secrets.token_hex(32))
    return path.read_text().strip()


def spec(folder: Path, settings: Settings, environ: Mapping[str, str]) -> Spec:
    """redis-server with a configuration file, or miniredis with a password file."""
    program, port = settings.programs["redis"], settings.ports["redis"]
    secret = password(folder)
    if "redis-server" in Path(program).name:
        config = folder / "redis.conf"
        write_if_changed(config, _CONFIG.format(host=HOST, port=port, password=secret, folder=folder / "tmp"))
        return Spec("redis", (program, str(config)), environ, (config,))
    path = folder / "redis_password"
    return Spec("redis", (program, f"--listen={HOST}:{port}", f"--password-file={path}"), environ, (path,))
