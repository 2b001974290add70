"""The sandbox's certificates: one authority per purpose, so that each credential is good for one thing.

Each identity is one file, `pki/<name>.pem`, with its key and certificate; each authority's
certificate is `pki/<name>.crt`. Existing files are kept, missing ones created.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.sandbox.files import private_folder, write_if_changed, write_private
from bootstrap.sandbox.node import layout

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

VALID_DAYS = 3650
SERVICE_IP = "10.96.0.1"
AUTHORITIES = ("ca", "etcd-ca", "front-proxy-ca", "argocd-ca")


@dataclass(frozen=True)
class Identity:
    """A certificate to create: its issuer, its subject, the hosts it serves."""

    file: str
    authority: str
    name: str
    groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def _account(name: str) -> Identity:
    """A client certificate with exactly the rights of a ServiceAccount in argocd, as its pod has."""
    groups = ("system:serviceaccounts", "system:serviceaccounts:argocd")
    return Identity(name, "ca", f"system:serviceaccount:argocd:{name}", groups)


_LOOPBACK = ("127.0.0.1", "localhost")
IDENTITIES = (
    Identity("etcd", "etcd-ca", "etcd", hosts=_LOOPBACK),
    Identity("etcd-client", "etcd-ca", "kube-apiserver"),
    Identity(
        "kube-apiserver",
        "ca",
        "kube-apiserver",
        hosts=(
            *_LOOPBACK,
            SERVICE_IP,
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ),
    ),
    Identity("admin", "ca", "sandbox-admin", ("system:masters",)),
    Identity("kube-controller-manager", "ca", "system:kube-controller-manager"),
    Identity("kube-scheduler", "ca", "system:kube-scheduler"),
    Identity("kwok", "ca", "sandbox-kwok", ("system:masters",), _LOOPBACK),
    Identity(
        "metrics-server",
        "ca",
        "sandbox-metrics-server",
        ("system:masters",),
        (*_LOOPBACK, "metrics-server.kube-system.svc"),
    ),
    Identity("kubelet", "ca", f"system:node:{layout.NAME}", ("system:nodes",), (layout.ADDRESS, layout.NAME)),
    Identity("kube-proxy", "ca", "system:kube-proxy"),
    Identity("volumes", "ca", "sandbox-volumes", ("system:masters",)),
    Identity("kube-router", "ca", "sandbox-kube-router", ("system:masters",)),
    Identity("front-proxy-client", "front-proxy-ca", "front-proxy-client"),
    _account("argocd-server"),
    _account("argocd-application-controller"),
    _account("argocd-applicationset-controller"),
    Identity("argocd-repo-server", "argocd-ca", "argocd-repo-server", hosts=_LOOPBACK),
    Identity("argocd-repo-client", "argocd-ca", "argocd"),
)


def ensure(folder: Path) -> Path:
    """Create the missing certificates and the service account key; returns `pki/`."""
    pki = private_folder(folder / "pki")
    authorities = {name: _authority(pki, name) for name in AUTHORITIES}
    for identity in IDENTITIES:
        if not (pki / f"{identity.file}.pem").is_file():
            _issue(pki, identity, *authorities[identity.authority])
    _service_account_key(pki)
    return pki


def _service_account_key(pki: Path) -> None:
    """`sa.key` signs the tokens of ServiceAccounts, `sa.pub` verifies them."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    path = pki / "sa.key"
    if not path.is_file():
        write_private(path, _pem(_new_key()))
    public = load_pem_private_key(path.read_bytes(), None).public_key()
    write_if_changed(pki / "sa.pub", public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _authority(pki: Path, name: str) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    path = pki / f"{name}.pem"
    if not path.is_file():
        key = _new_key()
        subject = _subject(f"bootstrap sandbox {name}", ())
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        certificate = (
            _builder(subject, subject, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, _sha256())
        )
        write_private(path, _pem(key) + certificate.public_bytes(Encoding.PEM))
    content = path.read_bytes()
    key = load_pem_private_key(content, None)  # type: ignore[assignment]
    certificate = x509.load_pem_x509_certificate(content)
    write_if_changed(pki / f"{name}.crt", certificate.public_bytes(Encoding.PEM))
    return certificate, key


def _issue(pki: Path, identity: Identity, authority: x509.Certificate, key: EllipticCurvePrivateKey) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import ExtendedKeyUsageOID

    own = _new_key()
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if identity.hosts:
        usage.append(ExtendedKeyUsageOID.SERVER_AUTH)
    builder = (
        _builder(_subject(identity.name, identity.groups), authority.subject, own)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    if identity.hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_host(host) for host in identity.hosts]), critical=False
        )
    certificate = builder.sign(key, _sha256())
    write_private(pki / f"{identity.file}.pem", _pem(own) + certificate.public_bytes(Encoding.PEM))


def _builder(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    from datetime import datetime, timedelta, timezone

    from cryptography import x509

    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(name: str, groups: Sequence[str]) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _host(host: str) -> x509.GeneralName:
    from ipaddress import ip_address

    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _sha256() -> hashes.SHA256:
    from cryptography.hazmat.primitives import hashes

    return hashes.SHA256()


if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes
