"""Signs images in a test's registry with the real cosign: by a key, and by an identity.

Of a Sigstore there is a certificate authority alone, made for the test: neither its log nor the public one.
"""

from __future__ import annotations

import datetime
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.registries import Registry
from tests.tools import tool

_ISSUER_V1, _ISSUER = "1.3.6.1.4.1.57264.1.1", "1.3.6.1.4.1.57264.1.8"
"""Fulcio's extensions: who vouched for the identity, as text and as an encoded string."""


@dataclass(frozen=True)
class Cosign:
    """cosign with a folder of its own."""

    folder: Path

    def run(self, *arguments: str) -> None:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TUF_ROOT": str(self.folder / "tuf"),
            "COSIGN_PASSWORD": "",
        }
        ended = subprocess.run(
            [tool("cosign"), *arguments], cwd=self.folder, env=environ, capture_output=True, check=False
        )
        assert ended.returncode == 0, ended.stderr.decode()

    def key(self, name: str) -> Path:
        """A new pair of keys; the public one's file."""
        self.run("generate-key-pair", f"--output-key-prefix={name}")
        return self.folder / f"{name}.pub"

    def sign(self, registry: Registry, path: str, digest: str, key: Path, *more: str) -> None:
        private = key.with_suffix(".key")
        options = ("--yes", "--tlog-upload=false", "--use-signing-config=false", f"--key={private}", *more)
        self.run("sign", *options, f"{registry.host}/{path}@{digest}")

    def sign_as(
        self,
        registry: Registry,
        path: str,
        digest: str,
        identity: str,
        issuer: str,
        name: str = "own",
        bundle: bool = True,
    ) -> Path:
        """Sign with a certificate for the identity; the trusted root that it hangs from."""
        authority, certificate, private = _certified(identity, issuer)
        for file, content in (("ca", authority), ("leaf", certificate), ("leaf-key", private)):
            (self.folder / f"{name}-{file}.pem").write_bytes(content)
        self.run("import-key-pair", f"--key={name}-leaf-key.pem", f"--output-key-prefix={name}-leaf", "--yes")
        chain = (f"--certificate={name}-leaf.pem", f"--certificate-chain={name}-ca.pem")
        more = (*chain, f"--new-bundle-format={str(bundle).lower()}")
        self.sign(registry, path, digest, self.folder / f"{name}-leaf.pub", *more)
        root = self.folder / f"{name}-root.json"
        service = f"url=https://fulcio.example.com,certificate-chain={name}-ca.pem"
        self.run("trusted-root", "create", f"--fulcio={service}", f"--out={root}")
        return root


def _certified(identity: str, issuer: str) -> tuple[bytes, bytes, bytes]:
    """A certificate authority, a certificate by it, and its private key; all as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.timezone.utc)
    top, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fulcio of a test")])

    def begun(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )

    def usage(signs_certificates: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=not signs_certificates,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=signs_certificates,
            crl_sign=signs_certificates,
            encipher_only=False,
            decipher_only=False,
        )

    authority = (
        begun(name, top)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(top.public_key()), critical=False)
        .sign(top, hashes.SHA256())
    )
    encoded = b"\x0c" + bytes([len(issuer)]) + issuer.encode()  # a UTF8String of less than 128 bytes
    certificate = (
        begun(x509.Name([]), leaf)
        .add_extension(usage(False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(top.public_key()), critical=False)
        .add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier(_ISSUER_V1), issuer.encode()), critical=False
        )
        .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(_ISSUER), encoded), critical=False)
        .sign(top, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = leaf.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return authority.public_bytes(pem), certificate.public_bytes(pem), private
