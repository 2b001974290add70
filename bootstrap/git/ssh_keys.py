"""Pure: SSH key pairs. A private key that is made here stays in memory and is never written to disk."""

from __future__ import annotations

import base64
import hashlib

from bootstrap.core.errors import InputError


def generate() -> str:
    """A new private key, Ed25519, in OpenSSH's format and without a passphrase."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = Ed25519PrivateKey.generate()
    return made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def public_of(private: str) -> str:
    """The public key on one line, without a comment; InputError for a key that Argo CD cannot use."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
        load_ssh_private_key,
    )

    tried = "reading an SSH key"
    load = load_ssh_private_key if "OPENSSH" in private.partition("\n")[0] else load_pem_private_key
    try:
        public = load(private.encode(), None).public_key()
        return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    except (TypeError, ValueError, UnsupportedAlgorithm, AttributeError) as error:
        encrypted = "password" in str(error).lower() or "passphrase" in str(error).lower()
        found = "it has a passphrase, which Argo CD cannot enter" if encrypted else "its format is unknown"
        raise InputError(tried, found, "give a separate key: ssh-keygen -t ed25519 -N ''") from error


def fingerprint(public: str) -> str:
    """What ssh-keygen -l prints, `SHA256:…`."""
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
