"""Where `--to` takes a catalog from: this program, or a wheel that proves to be what was meant."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bootstrap.core.errors import BootstrapError, ChecksumDiffers, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.layout import catalog
from bootstrap.upgrade import catalogs
from tests import mirror as mirrors
from tests.layout import old_catalogs
from tests.mirror import Mirror


def wheel(
    folder: Path, files: Mapping[str, bytes], name: str = "gitops-bootstrap", version: str = "0.0.1"
) -> Path:
    place = folder / "gitops_bootstrap-0.0.1-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as made:
        for path, content in files.items():
            made.writestr(f"bootstrap/_catalog/{path}", content)
        metadata = f"Name: {name}\nVersion: {version}\n\nText\n"
        made.writestr("gitops_bootstrap-0.0.1.dist-info/METADATA", metadata)
    return place


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return wheel(tmp_path, old_catalogs.load("0.0.1"))


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    with mirrors.running(tmp_path_factory.mktemp("mirror")) as found:
        yield found


def test_without_a_name_it_is_the_one_of_this_program(invocation: Invocation) -> None:
    for to in (None, catalog.VERSION, f"v{catalog.VERSION}"):
        found = catalogs.find(to, invocation)
        assert (found.version, dict(found.files)) == (catalog.VERSION, catalog.load())


def test_a_wheel_by_path_gives_its_version_and_every_file(old: Path, invocation: Invocation) -> None:
    sha256 = hashlib.sha256(old.read_bytes()).hexdigest()
    for to in (str(old), f"{old}#sha256={sha256.upper()}"):
        found = catalogs.find(to, invocation)
        assert (found.version, dict(found.files)) == ("0.0.1", old_catalogs.load("0.0.1"))


def test_a_wheel_by_url_is_held_to_its_checksum(old: Path, invocation: Invocation, mirror: Mirror) -> None:
    invocation = Invocation(
        invocation.stdin,
        invocation.stdout,
        invocation.stderr,
        {
            **invocation.environ,
            "BOOTSTRAP_CA_FILE": str(mirror.ca_file),
            "BOOTSTRAP_CACHE_DIR": str(old.parent / "cache"),
        },
    )
    url = mirror.serve("/old.whl", old.read_bytes())
    sha256 = hashlib.sha256(old.read_bytes()).hexdigest()
    assert catalogs.find(f"{url}#sha256={sha256}", invocation).version == "0.0.1"
    with pytest.raises(InputError, match="needs the checksum"):
        catalogs.find(url, invocation)
    with pytest.raises(ChecksumDiffers):
        catalogs.find(f"{url}#sha256={'0' * 64}", invocation)


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("9.9.9", ", not 9.9.9"),
        ("nowhere.whl", "No such file"),
        ("{old}#sha256=12", "is not a checksum"),
        ("{readme}", "it is not a wheel"),
        ("{other}", "it is a wheel of other"),
        ("{empty}", "not a wheel with a catalog"),
    ],
)
def test_what_is_not_a_wheel_of_ours_is_reported(
    to: str, words: str, old: Path, tmp_path: Path, invocation: Invocation
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    readme = tmp_path / "README"
    readme.write_text("no zip\n")
    places = {
        "old": old,
        "readme": readme,
        "other": wheel(tmp_path / "a", {"apps/a": b""}, "other"),
        "empty": wheel(tmp_path / "b", {}),
    }
    with pytest.raises(BootstrapError) as caught:
        catalogs.find(to.format(**places), invocation)
    assert words in str(caught.value)


def test_paths_that_lead_elsewhere_are_not_taken(tmp_path: Path, invocation: Invocation) -> None:
    place = wheel(
        tmp_path, {"apps/a.yaml": b"a", "apps/../../evil": b"b", "other/b": b"c", "__init__.py": b""}
    )
    assert set(catalogs.find(str(place), invocation).files) == {"apps/a.yaml"}
