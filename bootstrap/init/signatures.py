"""Check with cosign that Argo CD's images are signed by the expected key or identity.

The images checked are those that are applied, by digest. A missing or wrong signature prevents the run; what
cannot be checked (no registry, no Sigstore service, no cosign) is reported as not verified.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core import scratch
from bootstrap.core.errors import DownloadError, InputError, RegistryError, SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.init.images import CONNECT
from bootstrap.init.preflight import Finding
from bootstrap.oci import reference
from bootstrap.oci.client import Registries
from bootstrap.oci.reference import Reference

_UNREACHED = re.compile(
    r"dial tcp|no such host|connection refused|i/o timeout|TLS handshake|proxyconnect|deadline exceeded"
)
_IMAGE = re.compile(rb"^[ \t]*(?:- )?image:[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE)


@dataclass(frozen=True)
class Signer:
    """Who signs an image in its own release: the certificate's identity for a tag, and its issuer."""

    identity: str
    issuer: str


SIGNERS = {
    "argoproj/argocd": Signer(
        "https://github.com/argoproj/argo-cd/.github/workflows/image-reuse.yaml@refs/tags/{tag}",
        "https://token.actions.githubusercontent.com",
    ),
}
"""By the end of the repository's path, so that mirrors count. Source: Argo CD's own documentation."""


@dataclass(frozen=True)
class Wanted:
    """What `--verify` was given: a public key, or the trusted root of a private Sigstore."""

    key: Path | None = None
    root: Path | None = None


@dataclass(frozen=True)
class Checked:
    """What to report, and what prevents the run."""

    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def images_in(texts: Iterable[bytes]) -> list[str]:
    """The images that objects name, each once."""
    found = (match[1].decode("utf-8", "replace") for text in texts for match in _IMAGE.finditer(text))
    return list(dict.fromkeys(found))


def check(
    images: Sequence[str], wanted: Wanted, invocation: Invocation, report: Callable[[str], None]
) -> Checked:
    """The result for every image: verified, refused, or why it was not checked."""
    notes: list[str] = []
    findings: list[Finding] = []
    asked: list[tuple[Reference, list[str], str]] = []
    for image in images:
        found = reference.read(image)
        how = None if found is None or found.digest is None else _how(found, wanted)
        if found is None or found.digest is None:
            notes.append(f"not verified: {image}: it is named by tag, which can be moved")
        elif how is None:
            notes.append(
                f"not verified: {image}: its signer is not known; --verify-key checks it against a key"
            )
        elif reason := _unreached(found, invocation):
            notes.append(f"not verified: {image}: {reason}")
        else:
            asked.append((found, *how))
    if not asked:
        return Checked(tuple(notes))
    try:
        program = _cosign(invocation, report)
    except (SandboxError, DownloadError) as error:
        notes += [f"not verified: {one}: cosign is not available: {error.found}" for one, _, _ in asked]
        return Checked(tuple(notes))
    for one, options, by in asked:
        report(f"verifying {one}")
        complaint = _verify(program, options, one, invocation)
        if complaint is None:
            notes.append(f"verified: {one}: signed {by}")
        elif _UNREACHED.search(complaint):
            notes.append(f"not verified: {one}: cosign could not reach a service that it needs: {complaint}")
        else:
            fix = "do not run it; ask whoever gave you the image or its digest"
            findings.append(Finding(f"{one} is not signed {by}: {complaint}", fix))
    return Checked(tuple(notes), tuple(findings))


def _how(image: Reference, wanted: Wanted) -> tuple[list[str], str] | None:
    """cosign's options for the image, and the signer in words; None if its signer is not known."""
    if wanted.key is not None:
        # The user vouches for the key: the signature need not be in a public log as well.
        return [f"--key={wanted.key.absolute()}", "--insecure-ignore-tlog=true"], f"by the key {wanted.key}"
    path = reference.canonical(image.repository).partition("/")[2]
    signer = next((one for name, one in SIGNERS.items() if f"/{path}".endswith(f"/{name}")), None)
    if signer is None or image.tag is None:
        return None
    identity = signer.identity.format(tag=image.tag)
    options = [f"--certificate-identity={identity}", f"--certificate-oidc-issuer={signer.issuer}"]
    return [*options, *_root_options(wanted.root)], f"by {identity}"


def _root_options(root: Path | None) -> list[str]:
    """A private root names its own logs; cosign cannot require proof from a log that it has no key for."""
    if root is None:
        return []
    try:
        said = json.loads(root.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            "reading --verify-root", str(error), "give a trusted_root.json of Sigstore", str(root)
        ) from error
    if not isinstance(said, dict) or not said.get("certificateAuthorities"):
        found = "it names no certificate authority"
        raise InputError("reading --verify-root", found, "give a trusted_root.json of Sigstore", str(root))
    options = [f"--trusted-root={root.absolute()}", "--allow-certificate-chain"]
    options += [] if said.get("tlogs") else ["--insecure-ignore-tlog=true"]
    return options + ([] if said.get("ctlogs") else ["--insecure-ignore-sct=true"])


def _unreached(image: Reference, invocation: Invocation) -> str:
    """Why the registry cannot be asked for the image; "" when it can."""
    try:
        found = Registries(invocation, patience=0.0, connect=CONNECT).digest(image)
    except RegistryError as error:
        return f"its registry was not asked: {error.found}"
    return "" if found else "its registry has no such image"


def _cosign(invocation: Invocation, report: Callable[[str], None]) -> str:
    from bootstrap.programs import find

    return str(find.ensure(("cosign",), invocation, report)["cosign"].path)


def _verify(program: str, options: Sequence[str], image: Reference, invocation: Invocation) -> str | None:
    """cosign's complaint; None if it verified the signature."""
    from bootstrap.programs import run

    named = f"{image.repository}@{image.digest}"
    with scratch.folder("cosign") as folder:
        own = {"TUF_ROOT": str(folder / "tuf")}
        command = [program, "verify", "--output=text", *options, "--", named]
        ended = run.run(command, folder, invocation.environ, network=True, variables=own)
    if ended.complaint is None:
        return None
    lines = [line for line in ended.complaint.splitlines() if line.strip()]
    said = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")] or lines[-1:]
    return " ".join(" ".join(said).split())[:400]
