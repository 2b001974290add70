"""What is installed and run, by us and by what we lay out: by hash and by digest, never next to logins."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-cel.txt", "requirements-dev.txt")
SHIPPED = sorted((ROOT / "bootstrap" / "ci" / "files").rglob("*.yml"))
ACTION = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
IMAGE = re.compile(r"[\w./-]+(:[\w.-]+)?@sha256:[0-9a-f]{64}")
OWN = ("registry.example.com/platform/bootstrap:v1", "example/bootstrap@v1")
"""Stand for what a person names: `ci init` puts that there."""


def requirements(name: str) -> dict[str, list[str]]:
    """name==version → the hashes of its files."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / name).read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", line):
            found[f"{normal(match[1])}=={match[2]}"] = last = []
        elif match := re.search(r"--hash=sha256:([0-9a-f]{64})", line):
            last.append(match[1])
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints() -> set[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split(" ;")[0].split("==") for line in lines if "==" in line and not line.startswith("#")]
    return {f"{normal(name)}=={version}" for name, version in pairs}


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_file_has_its_hash_and_the_version_that_is_tested_with(name: str) -> None:
    found = requirements(name)
    assert found
    assert all(found.values())
    known, names = constraints(), {one.partition("==")[0] for one in constraints()}
    differ = {one for one in found if one.partition("==")[0] in names} - known
    assert differ == set()
    assert {one.partition("==")[0] for one in found} - names <= {"setuptools", "colorama"}


def test_what_is_installed_is_locked_whole() -> None:
    """Everything that setup.cfg asks for at run time, and what builds it."""
    text = (ROOT / "setup.cfg").read_text()
    block = re.search(r"^install_requires =\n((?:    .*\n)+)", text, re.MULTILINE)
    assert block
    wanted = {normal(line.split()[0]) for line in block[1].splitlines()} | {"setuptools"}
    assert wanted <= {one.partition("==")[0] for one in requirements("requirements.txt")}


@pytest.mark.parametrize(
    "name", ["ci/action/install.sh", "Dockerfile", "Makefile", "scripts/release/build.sh"]
)
def test_nothing_is_installed_without_hashes_but_the_source_itself(name: str) -> None:
    text = re.sub(r"\\\n\s*", " ", (ROOT / name).read_text())
    commands = re.findall(r"pip install[^\n&]*|\"\$\{pip\[@\]\}\"[^\n]*", text)
    installing = [one for one in commands if not one.rstrip().endswith(("--no-compile)",))]
    assert installing
    for command in installing:
        assert "--require-hashes" in command or "--no-deps" in command, command
        if "--no-deps" in command:
            assert "--no-build-isolation" in command, command


def test_pip_refuses_a_file_that_is_not_the_locked_one(tmp_path: Path) -> None:
    """A real pip, on an index that has another file by that name."""
    wheel = tmp_path / "click-8.5.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("click/__init__.py", "")
        file.writestr(
            "click-8.5.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: click\nVersion: 8.5.1\n"
        )
        file.writestr(
            "click-8.5.1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr("click-8.5.1.dist-info/RECORD", "")
    locked = requirements("requirements.txt")["click==8.5.1"]
    lines = " ".join(f"--hash=sha256:{one}" for one in locked)
    (tmp_path / "requirements.txt").write_text(f"click==8.5.1 {lines}\n")
    command = [sys.executable, "-I", "-m", "pip", "install", "--require-hashes", "--no-index", "--no-deps"]
    command += ["--find-links", str(tmp_path), "--target", str(tmp_path / "site")]
    ended = subprocess.run(
        [*command, "-r", str(tmp_path / "requirements.txt")], capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in ended.stdout + ended.stderr
    assert not (tmp_path / "site" / "click").exists()


def test_containers_base_is_by_digest() -> None:
    (base,) = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert IMAGE.fullmatch(base)


def workflows() -> list[Path]:
    return [*SHIPPED, ROOT / "action.yml", *sorted((ROOT / ".github" / "workflows").glob("*.yml"))]


@pytest.mark.parametrize("path", workflows(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_action_and_image_is_by_digest(path: Path) -> None:
    text = path.read_text()
    used = re.findall(r"^\s*(?:- )?uses: (\S+)", text, re.MULTILINE)
    assert [one for one in used if not (ACTION.fullmatch(one) or one in OWN or one.startswith("./"))] == []
    images = re.findall(r"^\s*image: ([^\s$\"{]+)", text, re.MULTILINE)
    images += re.findall(r"^\s*- name: (\S+@\S+)", text, re.MULTILINE)
    images += re.findall(r"docker run (?:--?\S+ )*([\w./-]+[:@]?\S*)", text)
    assert [one for one in images if not (IMAGE.fullmatch(one) or one in OWN)] == []


def test_what_is_privileged_runs_before_the_logins() -> None:
    text = (ROOT / "bootstrap/ci/files/gitlab/image.yml").read_text()
    assert text.count("--privileged") == 1
    assert text.index("--privileged") < text.index("docker login")


def caches(node: Any) -> list[Any]:
    """What a job would keep for another: GitLab's `cache`, an action that keeps folders, or one's input."""
    if isinstance(node, list):
        return [found for one in node for found in caches(one)]
    if not isinstance(node, dict):
        return []
    own = [value for key, value in node.items() if key == "cache"]
    action = str(node.get("uses", "")).lower().partition("@")[0]
    own += [action] if re.search(r"\bcache\b", action) else []
    return own + [found for one in node.values() for found in caches(one)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_job_keeps_a_cache_for_another(path: Path) -> None:
    """What one job leaves, another would run or believe; a seal next to its key proves nothing.

    BuildKit's own cache of layers (`cache-to`) is another matter: who may publish the image writes it.
    """
    for document in yaml.safe_load_all(path.read_text()):
        assert caches(document) == []
    assert "cache.key" not in path.read_text()
    assert "gitops-bootstrap" not in path.read_text()


def test_gitlabs_jobs_have_their_cache_outside_of_the_checkout() -> None:
    """A merge request's files would be run by another job."""
    variables = yaml.safe_load((ROOT / "bootstrap/ci/files/gitlab/gitops.yml").read_text())["variables"]
    assert not variables["BOOTSTRAP_CACHE_DIR"].startswith("$CI_PROJECT_DIR")
    assert variables["BOOTSTRAP_CACHE_DIR"].startswith("/")


def release() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    return found


def test_release_gives_each_job_what_it_needs_and_keeps_no_secret() -> None:
    jobs = release()["jobs"]
    assert release()["permissions"] == {}
    assert jobs["build"]["permissions"] == {"contents": "read"}  # it runs what the tag holds
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"] == "pypi"
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text()
    for name in ("attest", "publish"):
        assert not [step for step in jobs[name]["steps"] if "checkout" in step.get("uses", "")]


def test_sbom_names_every_locked_requirement_with_its_hashes() -> None:
    script = ROOT / "scripts" / "release" / "sbom.py"
    command = [sys.executable, "-I", str(script), "1.2.3", str(ROOT / "requirements.txt")]
    first, again = (subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2))
    assert first == again
    made = json.loads(first)
    found = {
        f"{normal(one['name'])}=={one['version']}": [item["content"] for item in one["hashes"]]
        for one in made["components"]
    }
    assert found == requirements("requirements.txt")
    assert made["metadata"]["component"]["version"] == "1.2.3"


def test_release_of_a_tag_that_is_not_the_version_is_refused() -> None:
    ended = subprocess.run(
        ["bash", str(ROOT / "scripts/release/build.sh"), "v99.0.0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "the tag is v99.0.0" in ended.stderr


@pytest.mark.parametrize("there", [None, "#!/bin/sh\nexit 0\n"])
def test_ci_leaves_a_policy_of_the_machines_own(tmp_path: Path, there: str | None) -> None:
    """The part of .ci/run about policy-rc.d, with a place of the test's."""
    text = (ROOT / ".ci" / "run").read_text()
    start = text.index("    policy=/usr/sbin/policy-rc.d")
    end = text.index('  else\n    echo "tests that need them')
    policy, seen = tmp_path / "policy-rc.d", tmp_path / "seen"
    if there:
        policy.write_text(there)
    body = text[start:end].replace("/usr/sbin/policy-rc.d", str(policy))
    body = re.sub(r"^.*apt-get install.*$", f"    cat {policy} >{seen}", body, flags=re.MULTILINE)
    subprocess.run(["bash", "-euc", body], check=True)
    assert seen.read_text() == (there or "#!/bin/sh\nexit 101\n")
    assert policy.exists() is bool(there)
    if there:
        assert policy.read_text() == there
