"""Downloads from a real HTTPS server with a private authority: what is kept, and what is refused."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.core.errors import ChecksumDiffers, DownloadError, DownloadUnavailable, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.http import download, streaming
from tests import mirror as mirrors
from tests.mirror import Answer, Mirror

BODY = b"a file worth having\n" * 100_000
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    with mirrors.running(tmp_path_factory.mktemp("mirror")) as mirror:
        yield mirror


@pytest.fixture
def mirror(server: Mirror, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    monkeypatch.setattr(download, "PAUSE", 0.01)
    server.routes.clear()
    server.asked.clear()
    return server


@pytest.fixture
def cached(tmp_path: Path, mirror: Mirror) -> Invocation:
    """An invocation with a cache of its own that trusts the mirror's authority."""
    return _invocation(tmp_path, BOOTSTRAP_CA_FILE=str(mirror.ca_file))


def _invocation(folder: Path, **environ: str) -> Invocation:
    return Invocation(
        stdin=io.StringIO(),
        stdout=io.StringIO(),
        stderr=io.StringIO(),
        environ={**os.environ, "BOOTSTRAP_CACHE_DIR": str(folder / "cache"), **environ},
    )


def _downloads(invocation: Invocation) -> list[str]:
    return sorted(path.name for path in (invocation.cache_dir / "downloads").glob("*"))


def test_a_file_is_kept_under_its_checksum(mirror: Mirror, cached: Invocation) -> None:
    path = download.fetch(mirror.serve("/file", BODY), SHA256, cached)
    assert path == cached.cache_dir / "downloads" / SHA256
    assert path.read_bytes() == BODY
    assert _downloads(cached) == [SHA256]


def test_a_kept_file_needs_no_network(mirror: Mirror, cached: Invocation) -> None:
    download.fetch(mirror.serve("/file", BODY), SHA256, cached)
    mirror.asked.clear()
    assert download.fetch("https://127.0.0.1:1/gone", SHA256.upper(), cached).read_bytes() == BODY
    assert mirror.asked == []


def test_a_kept_file_that_was_damaged_is_fetched_again(mirror: Mirror, cached: Invocation) -> None:
    url = mirror.serve("/file", BODY)
    download.fetch(url, SHA256, cached).write_bytes(b"damaged")
    assert download.fetch(url, SHA256, cached).read_bytes() == BODY


def test_without_a_checksum_the_file_is_fetched_each_time(mirror: Mirror, cached: Invocation) -> None:
    url = mirror.serve("/file", b"first", b"second")
    assert download.fetch(url, None, cached).read_bytes() == b"first"
    assert download.fetch(url, None, cached).read_bytes() == b"second"


def test_another_file_than_expected_is_refused_with_both_checksums(
    mirror: Mirror, cached: Invocation
) -> None:
    with pytest.raises(ChecksumDiffers) as caught:
        download.fetch(mirror.serve("/file", b"something else"), SHA256, cached)
    assert SHA256 in caught.value.found
    assert hashlib.sha256(b"something else").hexdigest() in caught.value.found
    assert mirror.asked == ["/file"]
    assert _downloads(cached) == []


def test_a_body_that_ends_too_early_is_asked_for_again(mirror: Mirror, cached: Invocation) -> None:
    url = mirror.serve("/file", Answer(BODY, cut=1000), BODY)
    assert download.fetch(url, SHA256, cached).read_bytes() == BODY


def test_a_body_that_always_ends_too_early_is_an_error_and_leaves_nothing(
    mirror: Mirror, cached: Invocation
) -> None:
    with pytest.raises(DownloadUnavailable) as caught:
        download.fetch(mirror.serve("/file", Answer(BODY, cut=1)), None, cached)
    assert "ended too early" in caught.value.found
    assert _downloads(cached) == []


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_what_the_server_may_fix_is_tried_again(mirror: Mirror, cached: Invocation, status: int) -> None:
    url = mirror.serve("/file", Answer(status=status), Answer(status=status), BODY)
    assert download.fetch(url, SHA256, cached).read_bytes() == BODY
    assert len(mirror.asked) == 3


def test_a_server_that_stays_broken_is_given_up(mirror: Mirror, cached: Invocation) -> None:
    with pytest.raises(DownloadUnavailable) as caught:
        download.fetch(mirror.serve("/file", Answer(status=500)), SHA256, cached)
    assert "500" in caught.value.found
    assert len(mirror.asked) == download.ATTEMPTS
    assert _downloads(cached) == []


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_file_that_does_not_exist_is_asked_for_once(
    mirror: Mirror, cached: Invocation, status: int
) -> None:
    with pytest.raises(DownloadUnavailable) as caught:
        download.fetch(mirror.serve("/file", Answer(status=status)), SHA256, cached)
    assert str(status) in caught.value.found
    assert caught.value.where == mirror.url + "/file"
    assert len(mirror.asked) == 1


def test_a_credential_in_the_url_is_in_no_error(mirror: Mirror, cached: Invocation) -> None:
    secret = "not-to-be-shown"
    url = mirror.url.replace("https://", f"https://someone:{secret}@") + f"/gone?token={secret}"
    with pytest.raises(DownloadUnavailable) as caught:
        download.fetch(url, SHA256, cached)
    error = caught.value
    assert secret not in f"{error.tried} {error.found} {error.hint} {error.where} {error}"


def test_a_server_that_does_not_exist_is_reported(cached: Invocation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = taken.getsockname()[1]
        with pytest.raises(DownloadUnavailable) as caught:
            download.fetch(f"https://127.0.0.1:{port}/file", SHA256, cached)
    assert "refused" in caught.value.found
    assert _downloads(cached) == []


def test_a_server_with_an_unknown_authority_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    invocation = _invocation(tmp_path)
    with pytest.raises(DownloadUnavailable) as caught:
        download.fetch(mirror.serve("/file", BODY), SHA256, invocation)
    assert "not trusted" in caught.value.found
    assert "BOOTSTRAP_CA_FILE" in caught.value.hint
    assert mirror.asked == []
    assert _downloads(invocation) == []


def test_an_authority_may_be_given_for_one_download(mirror: Mirror, tmp_path: Path) -> None:
    url = mirror.serve("/file", BODY)
    assert download.fetch(url, SHA256, _invocation(tmp_path), ca_file=mirror.ca_file).read_bytes() == BODY


def test_another_authority_than_the_servers_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    other, _ = mirrors.certificates(tmp_path / "other")
    with pytest.raises(DownloadUnavailable, match="not trusted"):
        download.fetch(mirror.serve("/file", BODY), SHA256, _invocation(tmp_path), ca_file=other)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_an_authority_file_that_is_not_one_is_an_input_error(
    mirror: Mirror, tmp_path: Path, content: bytes | None
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        download.fetch(mirror.url + "/file", SHA256, _invocation(tmp_path), ca_file=ca_file)
    assert caught.value.where == str(ca_file)


def test_plain_http_is_for_this_machine_only(tmp_path: Path, cached: Invocation) -> None:
    with mirrors.running(tmp_path / "plain", tls=False) as plain:
        assert download.fetch(plain.serve("/file", BODY), SHA256, cached).read_bytes() == BODY
    with pytest.raises(DownloadError, match="not https"):
        download.fetch("http://192.0.2.1/file", "0" * 64, cached)


def test_a_redirect_to_plain_http_is_not_followed(mirror: Mirror, cached: Invocation) -> None:
    url = mirror.serve("/file", Answer(status=302, location="http://192.0.2.1/file"))
    with pytest.raises(DownloadError, match="not https"):
        download.fetch(url, SHA256, cached)


def test_a_redirect_is_followed(mirror: Mirror, cached: Invocation) -> None:
    url = mirror.serve("/moved", Answer(status=302, location=mirror.serve("/file", BODY)))
    assert download.fetch(url, SHA256, cached).read_bytes() == BODY


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/file", "file:///etc/hostname", "no-url", "https://"])
def test_what_is_not_an_https_url_is_refused(cached: Invocation, url: str) -> None:
    with pytest.raises(DownloadError):
        download.fetch(url, None, cached)


FILLING = """
import resource, signal, sys
from pathlib import Path
from bootstrap.http import download
from bootstrap.core.errors import DownloadError
from bootstrap.core.invocation import Invocation
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    download.fetch(sys.argv[1], sys.argv[2], Invocation())
except DownloadError as error:
    print(type(error).__name__, error.found, error.hint)
"""


def test_a_full_disk_is_reported_and_leaves_nothing(mirror: Mirror, cached: Invocation) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", FILLING, mirror.serve("/file", BODY), SHA256],
        env=dict(cached.environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert answer.stdout.startswith("DownloadError the disk is full"), answer.stderr
    assert "BOOTSTRAP_CACHE_DIR" in answer.stdout
    assert _downloads(cached) == []


def test_a_cache_that_cannot_be_made_is_reported(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    invocation = _invocation(tmp_path, BOOTSTRAP_CACHE_DIR=str(tmp_path / "file" / "cache"))
    with pytest.raises(DownloadError, match="directory") as caught:
        download.fetch(mirror.serve("/file", BODY), SHA256, invocation, ca_file=mirror.ca_file)
    assert not isinstance(caught.value, DownloadUnavailable)


def test_an_interrupted_download_leaves_nothing(mirror: Mirror, cached: Invocation) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.fetch(mirror.serve("/file", BODY), SHA256, cached, report=interrupt)
    assert _downloads(cached) == []


def test_what_a_killed_run_left_is_removed_by_a_later_one(mirror: Mirror, cached: Invocation) -> None:
    folder = cached.cache_dir / "downloads"
    folder.mkdir(parents=True)
    for name, age in ((".partial-old", download.ABANDONED + 60), (".partial-of-another-run", 60)):
        folder.joinpath(name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    download.fetch(mirror.serve("/file", BODY), SHA256, cached)
    assert _downloads(cached) == [".partial-of-another-run", SHA256]


def test_how_much_has_come_is_reported(mirror: Mirror, cached: Invocation) -> None:
    said: list[str] = []
    download.fetch(mirror.serve("/some/file.tar.gz", BODY), SHA256, cached, report=said.append)
    assert said[-1] == "file.tar.gz: 2 of 2 MB"


def test_a_local_file_that_was_kept_needs_no_network(tmp_path: Path, cached: Invocation) -> None:
    (tmp_path / "file").write_bytes(BODY)
    assert download.keep(tmp_path / "file", cached) == SHA256
    assert (tmp_path / "file").exists()
    assert download.fetch("https://127.0.0.1:1/gone", SHA256, cached).read_bytes() == BODY


def test_keeping_a_file_that_does_not_exist_is_reported(tmp_path: Path, cached: Invocation) -> None:
    with pytest.raises(DownloadError, match="No such file"):
        download.keep(tmp_path / "nothing", cached)


ONE, TWO = "a1" * 32, "B2" * 32


@pytest.mark.parametrize(
    "published",
    [
        f"{ONE}\n",
        f"{ONE}",
        f"{TWO}  other.tar.gz\n{ONE}  program.tar.gz\n",
        f"{ONE} *program.tar.gz\n",
        f"# sums\n\n{ONE}  ./release/program.tar.gz\n",
        f"{ONE.upper()}  program.tar.gz\n",
        f"{TWO}  program.tar.gz.asc\n{ONE}  program.tar.gz\n",
    ],
)
def test_a_published_checksum_is_found(mirror: Mirror, cached: Invocation, published: str) -> None:
    url = mirror.serve("/SHA256SUMS", published.encode())
    assert download.fetch_checksum(url, "program.tar.gz", cached) == ONE


@pytest.mark.parametrize(
    "published", ["", "<html>\n", f"{TWO}  other.tar.gz\n", f"{ONE[:40]}  program.tar.gz\n"]
)
def test_checksums_that_do_not_name_the_file_are_reported(
    mirror: Mirror, cached: Invocation, published: str
) -> None:
    url = mirror.serve("/SHA256SUMS", published.encode())
    with pytest.raises(DownloadUnavailable) as caught:
        download.fetch_checksum(url, "program.tar.gz", cached)
    assert "program.tar.gz" in caught.value.tried


def test_a_checksum_file_as_large_as_a_program_is_not_read(mirror: Mirror, cached: Invocation) -> None:
    url = mirror.serve("/SHA256SUMS", b"0" * (2 * download.LARGEST_CHECKSUMS))
    with pytest.raises(DownloadUnavailable, match="too large for a list of checksums"):
        download.fetch_checksum(url, "program.tar.gz", cached)


def test_hosts_are_asked_at_once_whether_they_answer(mirror: Mirror, cached: Invocation) -> None:
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        gone = f"https://127.0.0.1:{refusing.getsockname()[1]}"
        answers = streaming.reachable([mirror.url, gone], cached, seconds=120)
    assert answers == {mirror.url: None, gone: "Connection refused"}


def test_a_host_that_says_nothing_is_not_waited_for(cached: Invocation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        assert streaming.reachable([url], cached, seconds=0.2)[url]
        for thread in threading.enumerate():
            if thread.name == f"probe {url}":
                thread.join()  # it must not outlive the test


def test_a_bad_authority_file_is_not_mistaken_for_an_unreachable_host(mirror: Mirror, tmp_path: Path) -> None:
    invocation = _invocation(tmp_path, BOOTSTRAP_CA_FILE=str(tmp_path / "nothing"))
    with pytest.raises(InputError):
        streaming.reachable([mirror.url], invocation)


def test_a_file_larger_than_any_is_not_taken_whole(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LARGEST", 1 << 20)
    invocation = _invocation(tmp_path, BOOTSTRAP_CA_FILE=str(mirror.ca_file))
    for answer in (Answer(endless=True), Answer(bytes((1 << 20) + 1))):
        url = mirror.serve("/large", answer)
        with pytest.raises(DownloadUnavailable, match="larger than"):
            download.fetch(url, None, invocation)
        assert list((invocation.cache_dir / "downloads").iterdir()) == []


def test_a_file_that_never_ends_is_given_up_in_time(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LONGEST", 0.2)
    invocation = _invocation(tmp_path, BOOTSTRAP_CA_FILE=str(mirror.ca_file))
    with pytest.raises(DownloadUnavailable, match="did not complete within"):
        download.fetch(mirror.serve("/slow", Answer(endless=True)), None, invocation)


def test_a_list_of_checksums_that_never_ends_is_given_up(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LONGEST", 0.0)
    invocation = _invocation(tmp_path, BOOTSTRAP_CA_FILE=str(mirror.ca_file))
    url = mirror.serve("/sums", Answer(endless=True))
    with pytest.raises(DownloadUnavailable, match="did not complete within"):
        download.fetch_checksum(url, "file", invocation)
