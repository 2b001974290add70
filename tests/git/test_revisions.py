"""The files of a revision are those that a checkout of it has, whatever the repository says to git."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git.revisions import changed_files, extract
from tests.git_repositories import git
from tests.repositories import write

FILES = {
    "a.yaml": "id: $Id$\nhash: $Format:%H$\n",
    "plain/a.yaml": "id: $Id$\nhash: $Format:%h$\n",
    "plain/deep/b.yaml": "é: $Id$\n",
    "plain/windows.yaml": "a: b\r\n",
    "plain/c.txt": "x\n",
    "more/a.yaml": "a: b\n",
}
ATTRIBUTES = {
    "none": {},
    "export-subst": {".gitattributes": "* export-subst\n"},
    "export-ignore": {
        ".gitattributes": "*.yaml export-ignore\n",
        "plain/.gitattributes": "* export-ignore\n",
    },
    "ident": {".gitattributes": "*.yaml ident\n"},
    "ident of a file kept out": {".gitattributes": "*.yaml ident eol=crlf export-ignore\n"},
    "ident in a folder": {"plain/.gitattributes": "* ident\n", "plain/deep/.gitattributes": "* -ident\n"},
    "eol": {".gitattributes": "*.yaml text eol=crlf\n"},
    "eol that is off": {".gitattributes": "*.yaml -text eol=crlf\n"},
    "text": {".gitattributes": "* text=auto\n"},
    "encoding": {".gitattributes": "*.yaml working-tree-encoding=UTF-16\n"},
    "encoding of attributes": {".gitattributes": "* working-tree-encoding=UTF-16LE\nplain/* ident\n"},
    "unknown filter": {".gitattributes": "* filter=none\n"},
    "macro": {".gitattributes": "[attr]mine ident eol=crlf\nplain/** mine\n"},
}


def repository(root: Path, files: dict[str, str]) -> Path:
    """As the bytes are: a work tree's own conversions do not apply to what is committed."""
    git(root.parent, "init", "-q", str(root))
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())
    attributes = root / ".git/info/attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("* -text -ident !working-tree-encoding !filter\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")
    attributes.unlink()
    return root


def content(folder: Path) -> dict[str, bytes | str]:
    """Every file and link but git's own."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if ".git" not in path.relative_to(folder).parts and (path.is_symlink() or path.is_file())
    }


@pytest.mark.parametrize("what", ATTRIBUTES)
def test_attributes_have_the_effect_that_they_have_on_a_checkout(what: str, tmp_path: Path) -> None:
    root = repository(tmp_path / "repository", FILES | ATTRIBUTES[what])
    git(tmp_path, "clone", "-q", str(root), "checkout")
    extract(root, "HEAD", tmp_path / "whole", Invocation())
    assert content(tmp_path / "whole") == content(tmp_path / "checkout")
    extract(root / "plain", "HEAD", tmp_path / "part", Invocation())
    assert content(tmp_path / "part") == content(tmp_path / "checkout/plain")
    assert {path.name for path in tmp_path.iterdir()} == {"repository", "checkout", "whole", "part"}


def test_the_checks_of_attributes_compare_files_that_differ(tmp_path: Path) -> None:
    seen = set()
    for what in ("none", "ident", "eol", "encoding"):
        root = repository(tmp_path / what, FILES | ATTRIBUTES[what])
        extract(root, "HEAD", tmp_path / f"{what}-files", Invocation())
        seen.add((tmp_path / f"{what}-files/plain/a.yaml").read_bytes())
    assert len(seen) == 4


def test_links_and_submodules_are_as_in_a_checkout(tmp_path: Path) -> None:
    root = repository(tmp_path / "repository", FILES)
    for path, target in {"plain/up": "../more/a.yaml", "plain/deep/up": "../c.txt", "away": "/etc"}.items():
        (root / path).symlink_to(target)
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{git(root, 'rev-parse', 'HEAD').strip()},sub")
    git(root, "add", "plain", "away")
    git(root, "commit", "-qm", "y")
    git(tmp_path, "clone", "-q", str(root), "checkout")
    extract(root, "HEAD", tmp_path / "whole", Invocation())
    assert content(tmp_path / "whole") == content(tmp_path / "checkout")
    assert (tmp_path / "whole/plain/up").read_text() == "a: b\n"
    assert (tmp_path / "whole/sub").is_dir()


def test_settings_of_the_repository_change_nothing(tmp_path: Path) -> None:
    root = repository(tmp_path / "repository", FILES | {".gitattributes": "* text=auto\n"})
    (root / "link").symlink_to("a.yaml")
    git(root, "add", "link")
    git(root, "commit", "-qm", "y")
    git(tmp_path, "clone", "-q", str(root), "checkout")
    git(root, "sparse-checkout", "set", "--cone", "more")
    for name, value in {
        "core.symlinks": "false",
        "core.eol": "crlf",
        "core.autocrlf": "true",
        "core.splitIndex": "true",
        "core.worktree": str(tmp_path / "elsewhere"),
        "submodule.recurse": "true",
    }.items():
        git(root, "config", name, value)
    before = sorted(path.name for path in (root / ".git").iterdir())
    (tmp_path / "elsewhere").mkdir()
    extract(root, "HEAD", tmp_path / "whole", Invocation())
    assert content(tmp_path / "whole") == content(tmp_path / "checkout")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert sorted(path.name for path in (root / ".git").iterdir()) == before


def test_path_that_git_refuses_to_check_out_is_an_error(tmp_path: Path) -> None:
    root = repository(tmp_path / "repository", FILES)
    blob = git(root, "rev-parse", "HEAD:a.yaml").strip()
    inner = git(root, "mktree", stdin=f"100644 blob {blob}\tconfig\n".encode()).strip()
    tree = git(root, "mktree", stdin=f"040000 tree {inner}\t.git\n".encode()).strip()
    commit = git(root, "commit-tree", "-m", "z", tree).strip()
    with pytest.raises(InputError) as caught:
        extract(root, commit, tmp_path / "whole", Invocation())
    assert ".git/config" in caught.value.found
    assert not (tmp_path / "whole").exists()


@pytest.mark.parametrize("url", ["HERE", "ssh://host.example.com/x", "ext::RUN"])
def test_what_is_missing_is_not_fetched_by_the_repositorys_own_programs(url: str, tmp_path: Path) -> None:
    root = repository(tmp_path / "repository", FILES)
    write(root, {"plain/a.yaml": "changed: true\n"})
    git(root, "commit", "-qam", "y")
    blob = git(root, "rev-parse", "HEAD~1:plain/a.yaml").strip()
    (root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    run = f"touch {tmp_path}/ran;"
    config = root / ".git/config"
    config.write_text(
        f"{config.read_text()}[extensions]\n\tpartialClone = origin\n"
        f'[core]\n\trepositoryformatversion = 1\n\tsshCommand = "{run}"\n[protocol]\n\tallow = always\n'
        f'[remote "origin"]\n\turl = "{url.replace("HERE", str(root)).replace("RUN", run)}"\n'
        f'\tpromisor = true\n\tuploadpack = "{run}"\n'
    )
    with pytest.raises(InputError) as caught:
        extract(root, "HEAD~1", tmp_path / "whole", Invocation())
    assert "does not have plain/a.yaml of HEAD~1" in caught.value.found
    assert changed_files(root, "HEAD~1", Invocation()) == {"plain/a.yaml"}
    assert not (tmp_path / "ran").exists()
