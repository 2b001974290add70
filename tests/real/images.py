"""Images made on the spot: this machine's redis and PostgreSQL, and stand-ins for the app's images.

Each is an archive as `docker save` writes it, with the names that the overlays have.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.catalog import voting_app, voting_app_database
from tests.tools import tool

ROLES = ("vote", "worker", "result")
USERS = "root:x:0:0::/:/bin/sh\npostgres:x:70:70::/:/bin/sh\nredis:x:999:1000::/:/bin/sh\n"
BUSYBOX = Path("/bin/busybox")
APPLETS = [
    "cat",
    "chmod",
    "cp",
    "date",
    "dirname",
    "false",
    "grep",
    "id",
    "ln",
    "ls",
    "mkdir",
    "mv",
    "rm",
    "sleep",
    "tail",
    "timeout",
    "wc",
]
ENTRYPOINT = """\
#!/bin/sh
# What the published image's entrypoint does with the variables that the manifests set.
set -eu
if ! [ -s "$PGDATA/PG_VERSION" ]; then
  initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --locale=C \\
    --encoding=UTF8 $POSTGRES_INITDB_ARGS
  export PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"
  pg_ctl --pgdata="$PGDATA" --wait --options="$* -c listen_addresses=''" start
  for script in /docker-entrypoint-initdb.d/*.sh; do "$script"; done
  pg_ctl --pgdata="$PGDATA" --wait --mode=fast stop
fi
exec postgres "$@"
"""
REDIS_ENTRYPOINT = """\
#!/bin/sh
# As the published image's: options alone are redis-server's.
case "${1-}" in -*) set -- redis-server "$@" ;; esac
exec "$@"
"""


@dataclass
class Contents:
    """The files of an image: what is copied, by its path in the image, links, and texts."""

    copied: dict[str, Path] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    config: Mapping[str, object] = field(default_factory=dict)


def all_of(folder: Path, environment: str = "dev") -> list[Path]:
    """The archives of every image that an environment of the voting app names, in `folder`."""
    names = _names(environment)
    made = [save(folder, names[role], _standin(role)) for role in ROLES]
    made.append(save(folder, names["redis"], _redis()))
    made.append(save(folder, names["postgres"], _postgres()))
    return made


def save_redis(folder: Path, name: str | None = None) -> Path:
    """The archive of redis alone, by the overlay's name or another: the smallest with a shell."""
    return save(folder, name or _names("dev")["redis"], _redis())


def _names(environment: str) -> dict[str, str]:
    """Each image by its last word; a digest cannot be had again, so the tests' overlay names a tag."""
    found = {}
    for _, container in voting_app.containers(voting_app.environment(environment)):
        name = str(container["image"]).partition("@")[0]
        found[re.sub(r".*[/_]", "", name.partition(":")[0])] = name
    return found


def _standin(role: str) -> Contents:
    return Contents({"/voting-app": tool("voting-app")}, config={"Entrypoint": ["/voting-app", role]})


def _redis() -> Contents:
    names = ("redis-server", "redis-cli")
    programs = {f"/usr/bin/{name}": installed(name, "redis-server") for name in names}
    contents = with_libraries(programs, {"Entrypoint": ["/entrypoint.sh"], "Cmd": ["redis-server"]})
    contents.texts["/entrypoint.sh"] = REDIS_ENTRYPOINT
    contents.links["/usr/bin/dex"] = "/bin/false"  # looked for, and never started without settings
    return contents


def _postgres() -> Contents:
    folder = voting_app_database.programs()
    version = folder.parent.name
    programs = {str(path): path for path in folder.iterdir() if path.is_file()}
    extensions = (path for path in (folder.parent / "lib").glob("*.so") if not path.name.startswith("llvm"))
    libraries = {str(path): path for path in extensions}  # without the compiler, which is most of the bytes
    programs["/usr/bin/find"] = installed("find", "findutils")  # busybox's cannot delete
    contents = with_libraries(programs | libraries, {"Entrypoint": ["/entrypoint.sh"], "Cmd": ["postgres"]})
    shared = Path(f"/usr/share/postgresql/{version}").rglob("*")
    contents.copied |= {str(path): path for path in shared if path.is_file()}
    zone = Path("/usr/share/zoneinfo/UTC")
    contents.copied[str(zone)] = zone
    contents.links |= {f"/usr/local/bin/{path.name}": str(path) for path in folder.iterdir()}
    contents.texts["/entrypoint.sh"] = ENTRYPOINT
    return contents


def with_libraries(programs: Mapping[str, Path], config: Mapping[str, object]) -> Contents:
    """The programs, the libraries that they are linked with, a shell, and users."""
    if not BUSYBOX.is_file():
        pytest.skip("busybox is not on this machine: sudo apt-get install busybox-static")
    contents = Contents(copied={**programs, "/bin/sh": Path("/bin/sh")}, config=config)
    contents.copied |= {str(path): path for path in _libraries(contents.copied.values())}
    contents.copied["/bin/busybox"] = BUSYBOX
    contents.links |= {f"/bin/{name}": "busybox" for name in APPLETS}
    contents.texts["/etc/passwd"] = USERS
    return contents


def _libraries(programs: Iterable[Path]) -> set[Path]:
    """By their paths as the loader asks for them; those that extensions alone need may be missing."""
    done = subprocess.run(
        ["ldd", *(str(path) for path in programs)], capture_output=True, text=True, check=False
    )
    return {Path(found) for found in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", done.stdout, re.MULTILINE)}


def installed(name: str, package: str) -> Path:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this machine: sudo apt-get install {package}")
    return Path(found)


def save(folder: Path, name: str, contents: Contents) -> Path:
    layer = _layer(contents)
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], **contents.config},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    files = {"config.json": json.dumps(config).encode(), "layer.tar": layer}
    listed = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    files["manifest.json"] = json.dumps(listed).encode()
    target = folder / f"{re.sub(r'[^a-z0-9]+', '-', name)}.tar"
    with tarfile.open(target, "w") as archive:
        for path, content in files.items():
            _add(archive, path, content, 0o644)
    return target


def _layer(contents: Contents) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as layer:
        for name in _folders([*contents.copied, *contents.links, *contents.texts]):
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            layer.addfile(entry)
        for name, path in sorted(contents.copied.items()):
            mode = 0o755 if path.stat().st_mode & 0o111 else 0o644
            _add(layer, name.lstrip("/"), path.read_bytes(), mode)
        for name, text in contents.texts.items():
            _add(layer, name.lstrip("/"), text.encode(), 0o755)
        for name, target in contents.links.items():
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            layer.addfile(entry)
    return packed.getvalue()


def _folders(names: Sequence[str]) -> list[str]:
    return sorted({str(parent) for name in names for parent in Path(name).parents if parent != Path("/")})


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
