"""Pins a release of Argo CD everywhere that this project names one.

    python scripts/pin_argocd.py v3.7.0

Takes the release from its Go module (`go` must be on PATH; its checksum database vouches for the module) and
writes the checksums of its manifests, the helm and kustomize that it renders with, the fields of its kinds,
the module that the sandbox builds, and the version in the catalog's README. Prints what is left to do.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bootstrap.argocd.install_manifest import FILES
from bootstrap.core import argocd_renderers, argocd_version
from bootstrap.core.argocd_renderers import Renderers
from bootstrap.manifests.reader import parse
from bootstrap.programs.pinned import BY_NAME
from bootstrap.validate import custom_kinds

ROOT = Path(__file__).parents[1]
MODULE = ROOT / "bootstrap" / "programs" / "modules" / "argocd"
FIELDS = ROOT / "bootstrap" / "validate" / "argocd-fields.json"
README = ROOT / "infrastructure" / "argocd" / "README.md"
_TOOL = re.compile(r"(?m)^(HELM|KUSTOMIZE)_VERSION=v?([\d.]+)$")


def main(version: str) -> None:
    name = f"github.com/argoproj/argo-cd/v{version[1:].partition('.')[0]}"
    release = Path(_json("mod", "download", "-json", f"{name}@{version}")["Dir"])
    manifests = {variant: (release / "manifests" / file).read_bytes() for variant, file in FILES.items()}
    _edit(Path(argocd_version.__file__), lambda text: with_checksums(text, version, manifests))
    _edit(Path(argocd_renderers.__file__), lambda text: with_renderers(text, version, _renders_with(release)))
    _edit(README, lambda text: re.sub(r"(?<=\*\*Version\*\* )v[\d.]+", version, text))
    FIELDS.write_text(fields(manifests["install"]), encoding="utf-8")
    _pin_module(name, version, release)
    _report(_renders_with(release))


def with_checksums(text: str, version: str, manifests: Mapping[str, bytes]) -> str:
    """The table with the release as its first row."""
    sums = "".join(
        f'        "{variant}": "{hashlib.sha256(content).hexdigest()}",\n'
        for variant, content in manifests.items()
    )
    old = re.compile(rf'^    "{re.escape(version)}": {{\n.*?^    }},\n', re.MULTILINE | re.DOTALL)
    return re.sub(r"(?m)^(MANIFESTS.*\{\n)", rf'\1    "{version}": {{\n{sums}    }},\n', old.sub("", text))


def with_renderers(text: str, version: str, found: Renderers) -> str:
    """The table with a last row for the release, if it renders with other versions than the one before it."""
    if argocd_renderers.renderers(version) == found:
        return text
    since = argocd_renderers.numbers(version)
    return text.replace("\n)\n", f'\n    ({since}, Renderers("{found.helm}", "{found.kustomize}")),\n)\n', 1)


def fields(manifest: bytes) -> str:
    """What `validate` knows about Argo CD's kinds, with one model per line."""
    models: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    for document in parse(manifest).documents:
        if document.value["kind"] == "CustomResourceDefinition":
            found = custom_kinds.of_definition(document.value)
            models |= found["models"]
            kinds |= found["kinds"]
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(models[name], sort_keys=True)}" for name in sorted(models)
    )
    return f'{{"kinds": {json.dumps(kinds, sort_keys=True)}, "models": {{\n{lines}\n}}}}\n'


def _renders_with(release: Path) -> Renderers:
    tools = dict(_TOOL.findall((release / "hack" / "tool-versions.sh").read_text("utf-8")))
    return Renderers(tools["HELM"], tools["KUSTOMIZE"])


def _pin_module(name: str, version: str, release: Path) -> None:
    """Require the release, with its own replacements except folders, which no module proxy has."""
    wanted = _json("mod", "edit", "-json", str(release / "go.mod"))
    replaced = [each for each in wanted["Replace"] or () if not each["New"]["Path"].startswith(".")]
    flags = [f"-require={name}@{version}"]
    flags += [f"-replace={_named(each['Old'])}={_named(each['New'])}" for each in replaced]
    _go("mod", "edit", *flags)
    _go("mod", "tidy")


def _named(module: Mapping[str, str]) -> str:
    return f"{module['Path']}@{module['Version']}" if module.get("Version") else module["Path"]


def _report(found: Renderers) -> None:
    for program, wanted in (("helm", found.helm), ("kustomize", found.kustomize)):
        ours = BY_NAME[program].number
        if ours != wanted:
            print(f"{program}: Argo CD ships {wanted}, the sandbox {ours} (programs/pinned.py)")
    print("what its upgrade page asks of a repository: note it in upgrade/argocd_notes.py")


def _json(*arguments: str) -> Any:
    return json.loads(_go(*arguments))


def _go(*arguments: str) -> str:
    """What go prints; it may fetch the toolchain that the module requires."""
    environ = {**os.environ, "GOTOOLCHAIN": "auto"}
    return subprocess.run(
        ("go", *arguments), cwd=MODULE, env=environ, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
