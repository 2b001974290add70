"""Released builds: fetched from a mirror that serves each as its publisher does, and checked."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import platform
import re
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.core.errors import ChecksumDiffers, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.programs import cache, find
from bootstrap.programs import checksums as pinned_checksums
from bootstrap.programs import release as released
from bootstrap.programs.checksums import PinnedChecksum
from bootstrap.programs.pinned import BY_NAME, Pinned
from tests import mirror as mirrors
from tests.mirror import Answer, Mirror

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
PROGRAM = b"#!/bin/sh\necho a released build\n"

V = {name: program.version for name, program in BY_NAME.items()}
K8S = f"/dl.k8s.io/release/{V['kubectl']}/bin/linux/{ARCH}/"
ETCD = f"/github.com/etcd-io/etcd/releases/download/{V['etcd']}/"
ARGOCD = f"/github.com/argoproj/argo-cd/releases/download/{V['argocd']}/"
KUSTOMIZE = f"/github.com/kubernetes-sigs/kustomize/releases/download/kustomize%2F{V['kustomize']}/"
COSIGN = f"/github.com/sigstore/cosign/releases/download/{V['cosign']}/"
GITEA_FILE = f"gitea-{V['gitea'].removeprefix('v')}-linux-{ARCH}"
GITEA = f"/dl.gitea.com/gitea/{V['gitea'].removeprefix('v')}/{GITEA_FILE}"
HELM_FILE = f"helm-{V['helm']}-linux-{ARCH}.tar.gz"
HELM = f"/get.helm.sh/{HELM_FILE}"
ETCD_FOLDER = f"etcd-{V['etcd']}-linux-{ARCH}"


def _on_github(release: str, file: str, checksums: str, member: str) -> tuple[str, str, str, str]:
    base = f"/github.com/{release}/"
    return base + file, base + checksums, f"{{sha256}}  {file}\n", member


# Program → where its file is published, where its checksum is, what that file looks like, and the
# program's path inside, when it is an archive.
PUBLISHED: dict[str, tuple[str, str, str, str | None]] = {
    **{
        name: (K8S + name, f"{K8S}{name}.sha256", "{sha256}", None)
        for name in (
            *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"),
            *("kubelet", "kube-proxy"),
        )
    },
    "etcd": (
        f"{ETCD}{ETCD_FOLDER}.tar.gz",
        f"{ETCD}SHA256SUMS",
        f"{'0' * 64}  etcd-{V['etcd']}-darwin-{ARCH}.zip\n{{sha256}}  {ETCD_FOLDER}.tar.gz\n",
        f"{ETCD_FOLDER}/etcd",
    ),
    "argocd": (
        f"{ARGOCD}argocd-linux-{ARCH}",
        f"{ARGOCD}cli_checksums.txt",
        f"{'0' * 64}  argocd-darwin-{ARCH}\n{{sha256}}  argocd-linux-{ARCH}\n",
        None,
    ),
    "helm": (
        HELM,
        f"{HELM}.sha256sum",
        f"{{sha256}}  {HELM_FILE}\n",
        f"linux-{ARCH}/helm",
    ),
    "kustomize": (
        f"{KUSTOMIZE}kustomize_{V['kustomize']}_linux_{ARCH}.tar.gz",
        f"{KUSTOMIZE}checksums.txt",
        f"{{sha256}}  kustomize_{V['kustomize']}_linux_{ARCH}.tar.gz\n",
        "kustomize",
    ),
    "cosign": (
        f"{COSIGN}cosign-linux-{ARCH}",
        f"{COSIGN}cosign_checksums.txt",
        f"{{sha256}}  cosign-linux-{ARCH}\n",
        None,
    ),
    "gitea": (GITEA, f"{GITEA}.sha256", f"{{sha256}}  {GITEA_FILE}\n", None),
    **{
        name: _on_github(
            "containerd/containerd/releases/download/v2.4.2",
            f"containerd-2.4.2-linux-{ARCH}.tar.gz",
            f"containerd-2.4.2-linux-{ARCH}.tar.gz.sha256sum",
            f"bin/{name}",
        )
        for name in ("containerd", "containerd-shim-runc-v2", "ctr")
    },
    **{
        f"cni-{name}": _on_github(
            "containernetworking/plugins/releases/download/v1.10.0",
            f"cni-plugins-linux-{ARCH}-v1.10.0.tgz",
            f"cni-plugins-linux-{ARCH}-v1.10.0.tgz.sha256",
            f"./{name}",
        )
        for name in ("host-local", "loopback", "ptp", "portmap")
    },
    "registry": _on_github(
        "distribution/distribution/releases/download/v3.1.2",
        f"registry_3.1.2_linux_{ARCH}.tar.gz",
        f"registry_3.1.2_linux_{ARCH}.tar.gz.sha256",
        "registry",
    ),
    "coredns": _on_github(
        "coredns/coredns/releases/download/v1.15.0",
        f"coredns_1.15.0_linux_{ARCH}.tgz",
        f"coredns_1.15.0_linux_{ARCH}.tgz.sha256",
        "coredns",
    ),
    "kube-router": _on_github(
        "cloudnativelabs/kube-router/releases/download/v2.1.0",
        f"kube-router_2.1.0_linux_{ARCH}.tar.gz",
        "kube-router_2.1.0_checksums.txt",
        "kube-router",
    ),
}


Pins = dict[tuple[str, str, str], PinnedChecksum]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    with mirrors.running(tmp_path_factory.mktemp("mirror")) as mirror:
        yield mirror


@pytest.fixture(autouse=True)
def pins(monkeypatch: pytest.MonkeyPatch) -> Pins:
    """The checksums that ship, in place of the real ones: what a test publishes is pinned."""
    found: Pins = {}
    monkeypatch.setattr(released, "CHECKSUMS", found)
    return found


@pytest.fixture
def mirror(server: Mirror, pins: Pins) -> Mirror:
    server.routes.clear()
    server.asked.clear()
    return server


@pytest.fixture
def fresh(tmp_path: Path, mirror: Mirror) -> Invocation:
    """An empty cache, nothing on PATH, releases from the mirror."""
    return _invocation(tmp_path, mirror)


def _invocation(folder: Path, mirror: Mirror, **environ: str) -> Invocation:
    given = {
        "BOOTSTRAP_CACHE_DIR": str(folder / "cache"),
        "BOOTSTRAP_CA_FILE": str(mirror.ca_file),
        "BOOTSTRAP_RELEASES_URL": f"{mirror.url}/releases/",
        "PATH": "",
    }
    return Invocation(
        stdin=io.StringIO(),
        stdout=io.StringIO(),
        stderr=io.StringIO(),
        environ={**os.environ, **given, **environ},
    )


def _publish(mirror: Mirror, name: str, checksum_of: bytes | None = None, pinned: bool = True) -> str:
    """Serve the program as it is published, and pin its checksum; returns the sha256 of the file."""
    path, checksums, form, member = PUBLISHED[name]
    body = PROGRAM if member is None else _archive(path)
    sha256 = hashlib.sha256(body if checksum_of is None else checksum_of).hexdigest()
    mirror.serve(f"/releases{path}", body)
    mirror.serve(f"/releases{checksums}", form.format(sha256=sha256).encode())
    if pinned:
        released.CHECKSUMS[(name, BY_NAME[name].version, ARCH)] = PinnedChecksum(sha256, "this test")
    return hashlib.sha256(body).hexdigest()


def _archive(path: str) -> bytes:
    """What is published at the path, with every program that is taken from it."""
    members = [member for at, _, _, member in PUBLISHED.values() if at == path and member]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in (("LICENSE", b"a licence"), *((member, PROGRAM) for member in members)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_release_is_fetched_from_where_it_is_published_and_checked(
    mirror: Mirror, fresh: Invocation, name: str
) -> None:
    _publish(mirror, name)
    program = find.ensure([name], fresh, lambda _: None)[name]
    assert (program.origin, program.version) == ("release", BY_NAME[name].version)
    assert program.path.read_bytes() == PROGRAM
    assert program.path.name == BY_NAME[name].file_name
    assert os.access(program.path, os.X_OK)
    assert program.sha256 == hashlib.sha256(PROGRAM).hexdigest()
    assert program.data is None
    assert list((fresh.cache_dir / "downloads").iterdir()) == []
    again = find.ensure([name], _invocation(fresh.cache_dir.parent, mirror), lambda _: None)[name]
    assert (again.origin, again.path) == ("cache", program.path)
    assert len(mirror.asked) == 1


def test_every_release_that_is_pinned_is_tested() -> None:
    assert {name for name, pinned in BY_NAME.items() if pinned.release} == set(PUBLISHED)


def test_several_releases_are_fetched_in_one_run(mirror: Mirror, fresh: Invocation) -> None:
    for name in PUBLISHED:
        _publish(mirror, name)
    found = find.ensure(list(PUBLISHED), fresh, lambda _: None)
    assert list(found) == list(PUBLISHED)
    assert {program.origin for program in found.values()} == {"release"}
    assert list((fresh.cache_dir / "downloads").iterdir()) == []


@pytest.mark.parametrize("name", ["kube-apiserver", "etcd"])
def test_a_release_that_is_not_the_published_file_is_refused(
    mirror: Mirror, fresh: Invocation, name: str
) -> None:
    actual = _publish(mirror, name, checksum_of=b"what the publisher had")
    with pytest.raises(ChecksumDiffers) as caught:
        find.ensure([name], fresh, lambda _: None)
    assert actual in caught.value.found
    assert hashlib.sha256(b"what the publisher had").hexdigest() in caught.value.found
    assert "BOOTSTRAP_RELEASES_URL=off" in caught.value.hint
    assert list((fresh.cache_dir / "downloads").iterdir()) == []
    assert [path for path in (fresh.cache_dir / "programs").iterdir() if path.is_dir()] == []


def test_a_release_that_is_not_at_the_mirror_is_built(mirror: Mirror, fresh: Invocation) -> None:
    _publish(mirror, "gitea")
    del mirror.routes[f"/releases{GITEA}"]
    said: list[str] = []
    assert released.fetch_all([BY_NAME["gitea"]], fresh, said.append) == {}
    assert said[-1] == "gitea will be built: the server answered 404 Not Found"


@pytest.mark.parametrize("trust", ["", "host"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_mirror_that_vouches_for_its_own_file_is_not_even_asked(
    mirror: Mirror, tmp_path: Path, name: str, trust: str
) -> None:
    _publish(mirror, name, pinned=False)
    invocation = _invocation(tmp_path, mirror, BOOTSTRAP_RELEASES_TRUST=trust)
    said: list[str] = []
    assert released.fetch_all([BY_NAME[name]], invocation, said.append) == {}
    assert mirror.asked == []
    assert said == [f"{name} will be built: no checksum ships with bootstrap, and a mirror is not trusted"]


def test_a_pinned_checksum_is_of_one_version_and_one_architecture(
    mirror: Mirror, fresh: Invocation, pins: Pins
) -> None:
    _publish(mirror, "etcd")
    ((name, version, architecture),) = pins
    known = pins.pop((name, version, architecture))
    pins[(name, "v3.6.7", architecture)] = known
    pins[(name, version, "s390x")] = known
    assert released.fetch_all([BY_NAME["etcd"]], fresh, lambda _: None) == {}
    assert mirror.asked == []


def _at_its_own_host(mirror: Mirror, name: str) -> Pinned:
    """The program, with the mirror in the part of the host that releases it."""
    pinned = BY_NAME[name]
    assert pinned.release is not None
    path, checksums, _, _ = PUBLISHED[name]
    at = f"{mirror.url}/releases"
    return replace(pinned, release=replace(pinned.release, url=at + path, checksums=at + checksums))


def test_a_release_without_a_pinned_checksum_is_taken_from_its_own_host_only_when_asked(
    mirror: Mirror, tmp_path: Path
) -> None:
    _publish(mirror, "gitea", pinned=False)
    pinned = _at_its_own_host(mirror, "gitea")
    said: list[str] = []
    environ = {key: value for key, value in _invocation(tmp_path, mirror).environ.items() if "URL" not in key}
    assert released.fetch_all([pinned], Invocation(environ=environ), said.append) == {}
    assert mirror.asked == []
    assert "BOOTSTRAP_RELEASES_TRUST=host" in said[0]
    asked = Invocation(environ={**environ, "BOOTSTRAP_RELEASES_TRUST": "host"})
    found = released.fetch_all([pinned], asked, said.append)
    assert found["gitea"].verified == "host"
    assert said[-1] == f"gitea {V['gitea']} is available, verified by its host alone"
    listed = {program.name: program.verified for program in find.list_programs(asked)}
    assert listed["gitea"] == "verified by its host alone"


def test_its_own_host_is_not_believed_against_the_checksum_that_it_publishes(
    mirror: Mirror, tmp_path: Path
) -> None:
    _publish(mirror, "gitea", checksum_of=b"another file", pinned=False)
    environ = {key: value for key, value in _invocation(tmp_path, mirror).environ.items() if "URL" not in key}
    asked = Invocation(environ={**environ, "BOOTSTRAP_RELEASES_TRUST": "host"})
    with pytest.raises(ChecksumDiffers):
        released.fetch_all([_at_its_own_host(mirror, "gitea")], asked, lambda _: None)


def test_what_trust_can_be_set_to_is_reported(mirror: Mirror, tmp_path: Path) -> None:
    invocation = _invocation(tmp_path, mirror, BOOTSTRAP_RELEASES_TRUST="all")
    with pytest.raises(InputError, match="BOOTSTRAP_RELEASES_TRUST"):
        released.fetch_all([BY_NAME["etcd"]], invocation, lambda _: None)


def test_a_pinned_release_is_listed_as_such(mirror: Mirror, fresh: Invocation) -> None:
    _publish(mirror, "etcd")
    assert find.ensure(["etcd"], fresh, lambda _: None)["etcd"].verified == (
        "verified by its pinned checksum"
    )


def test_every_checksum_that_ships_is_of_a_pinned_version_and_names_its_source() -> None:
    for (name, version, architecture), known in pinned_checksums.CHECKSUMS.items():
        assert BY_NAME[name].version == version
        assert architecture in ("amd64", "arm64")
        assert re.fullmatch(r"[0-9a-f]{64}", known.sha256)
        release = BY_NAME[name].release
        assert release is not None
        assert known.source
        assert known.source.partition(",")[0] not in release.url  # another place than the file's own


def test_an_archive_without_the_program_is_not_used(mirror: Mirror, fresh: Invocation) -> None:
    path, checksums, form, _ = PUBLISHED["helm"]
    _publish(mirror, "helm", checksum_of=_archive("linux-other/helm"))
    body = _archive("linux-other/helm")
    mirror.serve(f"/releases{path}", body)
    mirror.serve(f"/releases{checksums}", form.format(sha256=hashlib.sha256(body).hexdigest()).encode())
    said: list[str] = []
    assert released.fetch_all([BY_NAME["helm"]], fresh, said.append) == {}
    assert "helm will be built" in said[-1]


def test_a_mirror_that_is_down_is_reported_once_for_all_its_programs(mirror: Mirror, tmp_path: Path) -> None:
    invocation = _invocation(tmp_path, mirror, BOOTSTRAP_RELEASES_URL="https://127.0.0.1:1")
    said: list[str] = []
    wanted = [BY_NAME["etcd"], BY_NAME["kube-scheduler"]]
    for name in ("etcd", "kube-scheduler"):
        _publish(mirror, name)
    assert released.fetch_all(wanted, invocation, said.append) == {}
    assert said[1:] == [
        "no route to https://127.0.0.1:1 (Connection refused): etcd, kube-scheduler will be built"
    ]


def test_a_mirror_with_an_unknown_authority_is_not_used(mirror: Mirror, tmp_path: Path) -> None:
    environ = {**_invocation(tmp_path, mirror).environ}
    del environ["BOOTSTRAP_CA_FILE"]
    _publish(mirror, "etcd")
    said: list[str] = []
    assert released.fetch_all([BY_NAME["etcd"]], Invocation(environ=environ), said.append) == {}
    assert "certificate" in said[-1]
    assert mirror.asked == []


def test_releases_can_be_switched_off(mirror: Mirror, tmp_path: Path) -> None:
    invocation = _invocation(tmp_path, mirror, BOOTSTRAP_RELEASES_URL="off")
    _publish(mirror, "etcd")
    assert released.fetch_all([BY_NAME["etcd"]], invocation, lambda _: None) == {}
    assert mirror.asked == []


def test_a_mirror_that_is_not_a_url_is_an_input_error(mirror: Mirror, tmp_path: Path) -> None:
    invocation = _invocation(tmp_path, mirror, BOOTSTRAP_RELEASES_URL="mirror.example.com")
    with pytest.raises(InputError, match="BOOTSTRAP_RELEASES_URL"):
        find.ensure(["etcd"], invocation, lambda _: None)


def test_without_a_mirror_the_publisher_is_asked() -> None:
    release = released.release_of(BY_NAME["kube-scheduler"], Invocation(environ={}))
    assert release is not None
    assert release.url == f"https:/{K8S}kube-scheduler"
    assert release.checksums == f"https:/{K8S}kube-scheduler.sha256"


def test_a_damaged_program_is_fetched_again(mirror: Mirror, fresh: Invocation) -> None:
    _publish(mirror, "gitea")
    path = find.ensure(["gitea"], fresh, lambda _: None)["gitea"].path
    path.write_bytes(b"something else")
    again = find.ensure(["gitea"], fresh, lambda _: None)["gitea"]
    assert again.origin == "release"
    assert path.read_bytes() == PROGRAM


def test_a_program_that_another_run_has_just_placed_is_taken(mirror: Mirror, fresh: Invocation) -> None:
    _publish(mirror, "etcd")
    find.ensure(["etcd"], fresh, lambda _: None)
    mirror.asked.clear()
    found = released.fetch_all([BY_NAME["etcd"]], fresh, lambda _: None)
    assert found["etcd"] == cache.find(BY_NAME["etcd"], fresh)
    assert mirror.asked == []


@pytest.mark.timeout(300)
def test_when_one_release_is_refused_the_other_downloads_stop(mirror: Mirror, fresh: Invocation) -> None:
    _publish(mirror, "argocd")
    mirror.serve(f"/releases{PUBLISHED['argocd'][0]}", Answer(endless=True))
    _publish(mirror, "etcd", checksum_of=b"what the publisher had")
    with pytest.raises(ChecksumDiffers, match="etcd"):
        find.ensure(["argocd", "etcd"], fresh, lambda _: None)
    assert list((fresh.cache_dir / "downloads").iterdir()) == []
