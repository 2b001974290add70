"""An upgrade in a work tree is signed where Argo CD requires it, whoever has written that down."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.commands.test_signed import UNSIGNED, policy
from tests.conftest import Result
from tests.git_repositories import Bare
from tests.openpgp import Keys, keys
from tests.upgrade.conftest import OLD, VALUES, Clone, Newer

Upgrade = Callable[..., Result]
FIRST = OLD[VALUES].splitlines(keepends=True)[0]
PROJECTS = "clusters/default/projects.yaml"


@pytest.fixture
def openpgp() -> Iterator[Keys]:
    with keys() as found:
        yield found


@pytest.fixture
def key(openpgp: Keys) -> str:
    """A key that git signs by."""
    found = openpgp.make("ada")
    (Path.home() / ".gitconfig").write_text(openpgp.configuration(found))
    return found


@pytest.fixture
def required(clone: Clone, laid_out: Bare, key: str, request: pytest.FixtureRequest) -> str:
    """The key, as `bootstrap.yaml` or an AppProject that a person has edited requires it; in the clone."""
    if request.param == "record":
        text = (
            clone.read("bootstrap.yaml")
            .replace(b"argocd:\n", f"argocd:\n  signedBy: [{key}]\n".encode(), 1)
            .replace(b"version: v3.4", b"version: v3.5")
        )
        clone.write({"bootstrap.yaml": text})
    else:
        clone.write({PROJECTS: clone.read(PROJECTS) + b"---\n" + policy(laid_out.url, key)})
    return key


def is_signed(clone: Clone, openpgp: Keys, key: str) -> bool:
    checked = subprocess.run(
        ["git", "-c", f"gpg.program={openpgp.program}", "verify-commit", "--raw", "HEAD"],
        cwd=clone.folder,
        capture_output=True,
        text=True,
    )
    return checked.returncode == 0 and f"GOODSIG {key}" in checked.stderr


@pytest.mark.parametrize("required", ["record", "project"], indirect=True)
def test_what_continue_commits_is_signed_or_nothing_is_committed(
    clone: Clone, upgrade: Upgrade, newer: Newer, openpgp: Keys, required: str
) -> None:
    clone.write({VALUES: OLD[VALUES].replace(FIRST, b"# mine\n", 1)})
    newer({VALUES: OLD[VALUES].replace(FIRST, b"# of the catalog\n", 1)})
    refused = upgrade()
    assert refused.exit == ExitStatus.REFUSED, refused.out
    assert UNSIGNED in refused.err
    assert upgrade("--sign").exit == 1
    clone.git("checkout", "--theirs", VALUES)
    clone.git("add", VALUES)
    before = clone.state()
    refused = upgrade("--continue")
    assert refused.exit == ExitStatus.REFUSED, refused.out
    assert UNSIGNED in refused.err
    assert clone.state() == before
    done = upgrade("--continue", "--sign")
    assert done.exit == 0, done.err
    assert is_signed(clone, openpgp, required)


@pytest.mark.parametrize("required", ["project"], indirect=True)
def test_what_fits_is_signed_too(
    clone: Clone, upgrade: Upgrade, newer: Newer, openpgp: Keys, required: str
) -> None:
    newer({VALUES: OLD[VALUES] + b"# and more\n"})
    assert upgrade().exit == ExitStatus.REFUSED
    done = upgrade("--sign")
    assert done.exit == 0, done.err
    assert is_signed(clone, openpgp, required)
