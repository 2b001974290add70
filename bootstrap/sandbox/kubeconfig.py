"""Kubeconfig files of the sandbox: embedded client certificate, the API server's CA, verified TLS."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from bootstrap.sandbox.files import write_if_changed

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----\n", re.DOTALL)

_TEMPLATE = """\
apiVersion: v1
kind: Config
current-context: {context}
clusters:
  - name: {context}
    cluster:
      server: {server}
      certificate-authority-data: {ca}
users:
  - name: {context}
    user:
      client-certificate-data: {certificate}
      client-key-data: {key}
contexts:
  - name: {context}
    context:
      cluster: {context}
      user: {context}
      namespace: {namespace}
"""


def write(
    path: Path, context: str, server: str, pki: Path, identity: str, namespace: str = "default"
) -> Path:
    """Write a kubeconfig of one context for the identity `pki/<identity>.pem`; mode 0600."""
    pem = (pki / f"{identity}.pem").read_bytes()
    certificate, key = _CERTIFICATE.search(pem), _KEY.search(pem)
    assert certificate is not None  # noqa: S101 - pki.py writes both
    assert key is not None  # noqa: S101
    text = _TEMPLATE.format(
        context=context,
        server=server,
        namespace=namespace,
        ca=base64.b64encode((pki / "ca.crt").read_bytes()).decode(),
        certificate=base64.b64encode(certificate.group()).decode(),
        key=base64.b64encode(key.group()).decode(),
    )
    write_if_changed(path, text)
    return path
