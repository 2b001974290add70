"""Digests come from real registries, with whatever login Docker has; a missing image has none."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus, RegistryError
from bootstrap.core.invocation import Invocation
from bootstrap.oci.client import Registries
from bootstrap.oci.reference import Reference
from tests import registries
from tests.conftest import Run
from tests.mirror import certificates
from tests.registries import PASSWORD, USER, Registry
from tests.repositories import write

BOTH = ("amd64", "arm64")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One that lets everybody in."""
    with registries.running(tmp_path_factory.mktemp("registry")) as found:
        yield found


def ask(invocation: Invocation, image: str, **options: object) -> str | None:
    """The digest that the image's registry has."""
    repository, _, tag = image.rpartition(":")
    return Registries(invocation, **options).digest(Reference(repository, tag))  # type: ignore[arg-type]


def docker_config(invocation: Invocation, **settings: object) -> Path:
    """Write Docker's config.json where this run looks for it."""
    path = invocation.home / ".docker" / "config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(settings))
    return path


def auth(password: str = PASSWORD) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{USER}:{password}".encode()).decode()}


def test_the_digest_is_of_the_manifest_and_of_several_architectures_of_the_index(registry, invocation):
    one, several = registry.push("org/web", "v1"), registry.push("org/web", "v2", BOTH)
    assert ask(invocation, f"{registry.host}/org/web:v1") == one
    assert ask(invocation, f"{registry.host}/org/web:v2") == several
    assert Registries(invocation).digest(Reference(f"{registry.host}/org/web", "v9", several)) == several
    assert ask(invocation, f"{registry.host}/org/web:v3") is None
    assert ask(invocation, f"{registry.host}/org/nothing:v1") is None
    assert (
        Registries(invocation).digest(Reference(f"{registry.host}/org/web", None, "sha256:" + "0" * 64))
        is None
    )


def test_an_image_that_a_real_tool_has_pushed(registry, invocation, tmp_path):
    skopeo = shutil.which("skopeo")
    if skopeo is None:
        pytest.skip("skopeo is not on this machine: sudo apt-get install skopeo")
    registry.push("org/source", "v1", BOTH)
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    source, copy = (f"docker://{registry.host}/org/{name}:v1" for name in ("source", "copy"))
    plain = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    subprocess.run(
        [skopeo, "copy", "--quiet", "--all", *plain, source, copy], check=True, env=environ, timeout=180
    )
    inspect = [skopeo, "inspect", "--raw", "--tls-verify=false", copy]
    raw = subprocess.run(inspect, check=True, env=environ, capture_output=True, timeout=180).stdout
    assert json.loads(raw)["manifests"]
    assert ask(invocation, f"{registry.host}/org/copy:v1") == registries.digest_of(raw)


def test_a_registry_that_is_busy_is_asked_again_after_the_time_it_names(registry, invocation):
    digest = registry.push("org/busy", "v1")
    waits: list[float] = []
    now = float(int(invocation.clock()))
    invocation = replace(invocation, clock=lambda: now)
    later = formatdate(invocation.clock() + 7, usegmt=True)
    with registries.busy_front(registry, [{"Retry-After": "3"}, {"Retry-After": later}, {}]) as front:
        assert ask(invocation, f"{front.host}/org/busy:v1", pause=waits.append) == digest
    assert waits[:2] == [3, 7]
    assert 2 <= waits[2] <= 4  # the registry names no time: our own


def test_a_registry_that_stays_busy_is_reported(registry, invocation):
    waits: list[float] = []
    with (
        registries.busy_front(registry, [{"Retry-After": "1"}] * 9) as front,
        pytest.raises(RegistryError) as caught,
    ):
        ask(invocation, f"{front.host}/org/busy:v1", pause=waits.append)
    assert "rate limit is reached" in caught.value.found
    assert waits == [1] * 4
    with registries.busy_front(registry, [{"Retry-After": "3600"}]) as front, pytest.raises(RegistryError):
        ask(invocation, f"{front.host}/org/busy:v1", pause=waits.append)
    assert waits == [1] * 4


def test_a_password_comes_from_dockers_configuration_or_its_helper(invocation, tmp_path, monkeypatch):
    (tmp_path / "htpasswd").write_text(registries.HTPASSWD)
    with registries.running(
        tmp_path / "registry", {"htpasswd": {"realm": "x", "path": str(tmp_path / "htpasswd")}}
    ) as found:
        digest = replace(found, authorization=f"Basic {auth()['auth']}").push("org/web", "v1")
        image = f"{found.host}/org/web:v1"
        with pytest.raises(RegistryError, match="asks for a login"):
            ask(invocation, image)
        docker_config(invocation, auths={found.host: auth("wrong")})
        with pytest.raises(RegistryError, match="401 Unauthorized") as caught:
            ask(invocation, image)
        assert "wrong" not in str(caught.value)
        for entry in (found.host, f"{found.host}/org", f"https://{found.host}"):
            docker_config(invocation, auths={entry: auth()})
            assert ask(invocation, image) == digest
        helper = tmp_path / "bin" / "docker-credential-test"
        write(tmp_path / "bin", {"docker-credential-test": HELPER.format(host=found.host)})
        helper.chmod(0o755)
        environ = {**invocation.environ, "PATH": f"{helper.parent}:{os.environ['PATH']}"}
        helped = replace(invocation, environ=environ)
        for settings in ({"credHelpers": {found.host: "test"}}, {"credsStore": "test"}):
            docker_config(helped, **settings)
            assert ask(helped, image) == digest
        assert PASSWORD in helped.secrets
        docker_config(invocation, credsStore="gone")
        with pytest.raises(RegistryError, match="no such program"):
            ask(invocation, image)


HELPER = """\
#!/bin/sh
read -r server
test "$1" = get && test "$server" = {host} || {{ echo "credentials not found in native keychain"; exit 1; }}
echo '{{"Username": "ann", "Secret": "s3cret-pass"}}'
"""


@pytest.fixture(scope="module")
def with_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, registries.Tokens]]:
    """A registry over TLS that wants tokens of another server."""
    folder = tmp_path_factory.mktemp("tokens")
    ca_file, server_file = certificates(folder)
    with registries.token_server(ca_file, server_file) as tokens:
        settings = {
            "token": {
                "realm": tokens.url,
                "service": "registry",
                "issuer": "tests",
                "rootcertbundle": str(ca_file),
            }
        }
        with registries.running(folder / "registry", settings, server_file) as found:
            yield replace(found, ca_file=ca_file), tokens


def pushed(found: Registry, tokens: registries.Tokens, path: str) -> str:
    """Push as USER."""
    import requests

    query = {"scope": f"repository:{path}:pull,push", "service": "registry"}
    answer = requests.get(tokens.url, params=query, auth=(USER, PASSWORD), timeout=60)
    return replace(found, authorization=f"Bearer {answer.json()['token']}").push(path, "v1", BOTH)


def test_tokens_are_requested_anonymously_as_a_user_or_by_an_identity(with_tokens, invocation):
    found, tokens = with_tokens
    public, private = (pushed(found, tokens, path) for path in ("public/web", "private/web"))
    tokens.asked.clear()
    assert ask(invocation, f"{found.host}/public/web:v1", ca_file=found.ca_file) == public
    assert tokens.asked == [("", "repository:public/web:pull")]
    with pytest.raises(RegistryError, match="no token: 401 DENIED"):
        ask(invocation, f"{found.host}/private/web:v1", ca_file=found.ca_file)
    for entry in (auth(), {"username": USER, "password": PASSWORD}, {"identitytoken": PASSWORD}):
        docker_config(invocation, auths={found.host: entry})
        assert ask(invocation, f"{found.host}/private/web:v1", ca_file=found.ca_file) == private
    assert [who for who, _ in tokens.asked[2:]] == [USER, USER, "<identity>"]


def test_a_token_that_has_expired_is_asked_for_anew(with_tokens, invocation, monkeypatch):
    found, tokens = with_tokens
    digest = pushed(found, tokens, "public/again")
    tokens.asked.clear()
    asking = Registries(invocation, found.ca_file)
    image = Reference(f"{found.host}/public/again", "v1")
    assert asking.digest(image) == digest
    monkeypatch.setitem(asking._authorizations, f"{found.host}/public/again", "Bearer expired.token.x")
    assert asking.digest(image) == digest
    assert len(tokens.asked) == 2


def test_a_certificate_of_an_unknown_authority_is_refused(with_tokens, invocation):
    found, _ = with_tokens
    with pytest.raises(RegistryError, match="certificate is not trusted") as caught:
        ask(invocation, f"{found.host}/public/web:v1")
    assert "--registry-ca-file" in caught.value.hint


def test_a_registry_that_is_down_is_reported(invocation):
    with pytest.raises(RegistryError) as caught:
        ask(invocation, "127.0.0.1:9/org/web:v1")
    assert caught.value.exit_status == ExitStatus.DOWNLOAD
    assert caught.value.where == "127.0.0.1:9"


def test_pin_writes_the_digest_and_check_exists_refuses_what_does_not_exist(run: Run, registry, tmp_path):
    digest = registry.push("org/pinned", "v2", BOTH)
    root = write(
        tmp_path, {"kustomization.yaml": f"images:\n- name: {registry.host}/org/pinned\n  newTag: v1\n"}
    )
    arguments = ["image", "set", f"{registry.host}/org/pinned=:v2", str(root)]
    assert run(*arguments, "--pin").exit == 0
    text = (root / "kustomization.yaml").read_text()
    assert text.endswith(f"  newTag: v2\n  digest: {digest}\n")
    assert run(*arguments, "--pin").out.endswith("nothing to change\n")
    missing = run(*arguments[:2], f"{registry.host}/org/pinned=:v3", str(root), "--check-exists")
    assert missing.exit == ExitStatus.DOWNLOAD
    assert "the registry has no such image" in missing.err
    assert (root / "kustomization.yaml").read_text() == text
