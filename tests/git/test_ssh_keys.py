"""SSH key pairs, compared with what OpenSSH itself makes of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bootstrap.core.errors import InputError
from bootstrap.git import ssh_keys
from tests.packages import NEEDS_SSH


@NEEDS_SSH
def test_openssh_finds_the_same_public_half_and_fingerprint(tmp_path: Path) -> None:
    private = ssh_keys.generate()
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(private)
    said = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, text=True, check=True)
    public = ssh_keys.public_of(private)
    assert public.split()[:2] == said.stdout.split()[:2]
    listed = subprocess.run(["ssh-keygen", "-l", "-f", path], capture_output=True, text=True, check=True)
    assert ssh_keys.fingerprint(public) in listed.stdout.split()


@NEEDS_SSH
@pytest.mark.parametrize(
    "options", [["-t", "ed25519"], ["-t", "ecdsa"], ["-t", "rsa"], ["-t", "rsa", "-m", "PEM"]]
)
def test_public_half_of_a_given_key_is_found(tmp_path: Path, options: list[str]) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", *options, "-N", "", "-f", path], check=True)
    assert ssh_keys.public_of(path.read_text()).split() == path.with_suffix(".pub").read_text().split()[:2]


@NEEDS_SSH
@pytest.mark.parametrize("options", [["-t", "ed25519"], ["-t", "rsa", "-m", "PEM"]])
def test_a_key_with_a_passphrase_is_reported(tmp_path: Path, options: list[str]) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", *options, "-N", "secret", "-f", path], check=True)
    with pytest.raises(InputError, match="passphrase"):
        ssh_keys.public_of(path.read_text())


def test_every_key_is_another_one() -> None:
    assert ssh_keys.generate() != ssh_keys.generate()


def test_what_is_not_a_key_is_reported() -> None:
    with pytest.raises(InputError, match="its format is unknown"):
        ssh_keys.public_of("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
