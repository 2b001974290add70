"""The lines about a host are found as OpenSSH's own ssh-keygen finds them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bootstrap.git.known_hosts import lines_for, merged
from tests.packages import NEEDS_SSH

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPEKJ9uTDLyYNqyqqfvQqvZNDSkbgAmZ3qGeZSJvE+Xs"
FILE = f"""\
# hosts
git.example.com,192.0.2.1 {KEY}
[git.example.com]:2222 {KEY}
*.example.org,!bad.example.org {KEY}
@cert-authority *.example.net {KEY}
@revoked git.example.com {KEY}
broken
"""


@NEEDS_SSH
@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("git.example.com", 22),
        ("git.example.com", 2222),
        ("git.example.com", 2200),
        ("192.0.2.1", 22),
        ("a.example.org", 22),
        ("bad.example.org", 22),
        ("other", 22),
    ],
)
@pytest.mark.parametrize("hashed", [False, True])
def test_same_lines_as_ssh_keygen_finds(tmp_path: Path, host: str, port: int, hashed: bool) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(FILE.replace("broken\n", "") if hashed else FILE)
    if hashed:
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    name = host if port == 22 else f"[{host}]:{port}"
    said = subprocess.run(
        ["ssh-keygen", "-F", name, "-f", str(file)], check=False, capture_output=True, text=True
    ).stdout
    # ssh-keygen shows what it found as it stands, or hashes it anew: only the keys can be compared.
    expected = [line.split()[-2:] for line in said.splitlines() if "#" not in line and "@revoked" not in line]
    assert [line.split()[-2:] for line in lines_for(file.read_text(), host, port)] == expected


def test_name_is_looked_up_in_lower_case_as_ssh_does() -> None:
    assert lines_for(FILE, "GIT.Example.com") == lines_for(FILE, "git.example.com") != []


def test_certificate_authority_keeps_its_marker() -> None:
    assert lines_for(FILE, "a.example.net") == [f"@cert-authority *.example.net {KEY}"]


def test_files_together_have_every_line_once() -> None:
    assert merged("# c\na\nb\n", "b\n# d\nc\n") == "# c\na\nb\nc\n"
