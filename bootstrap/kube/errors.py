"""Failures of requests to an API server as our errors: Status objects and broken connections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bootstrap.core.errors import (
    ApiError,
    ClusterError,
    ClusterUnreachable,
    Conflict,
    FieldsOwned,
    Forbidden,
    Invalid,
    NotFound,
)
from bootstrap.core.text import counted
from bootstrap.kube import shape

RETRIED = frozenset({429, 502, 503, 504})
"""Transient statuses; every request that we make can be repeated."""
PASSING = ("webhook", "etcdserver", "timeout", "timed out", "connection refused", "connection reset")
"""What a transient 500 says. Others are permanent: a field of the wrong type is answered with a 500, too."""
MISTYPED = "failed to create typed patch object"
CUT = 300
"""Characters that are kept of a text that is not a Status; a proxy may answer with a whole page."""


def from_status(code: int, body: Mapping[str, Any] | bytes, tried: str, where: str | None = None) -> ApiError:
    """The error for an HTTP response; a Status is quoted as the server wrote it, anything else is cut off."""
    if not isinstance(body, Mapping) or body.get("kind") != "Status" or shape.fault(body, shape.STATUS):
        text = cut(body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body))
        return _for_code(code)(
            tried,
            f"HTTP {code}, without an API server's Status: {text or 'an empty response'}",
            "check what answers at that address: perhaps a proxy or a load balancer",
            where,
            code=code,
        )
    message = str(body.get("message") or body.get("reason") or f"HTTP {code}")
    reason = str(body.get("reason") or "")
    if code == 401:
        message = f"the API server does not accept the credential ({message})"
    if fields := conflicts(body) if code == 409 else ():
        return _field_conflict(tried, where, fields, reason)
    if MISTYPED in message:
        code = 422
    return _for_code(code)(tried, message, _hint(code, reason, message), where, code=code, reason=reason)


def conflicts(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Field and owner of each, from the Status of a refused server-side apply."""
    causes = (body.get("details") or {}).get("causes") or ()
    return tuple(
        (str(cause.get("field", "")), _manager(str(cause.get("message", ""))))
        for cause in causes
        if cause.get("reason") == "FieldManagerConflict"
    )


def unreachable(error: BaseException, tried: str, server: str, proxy: str | None = None) -> ClusterError:
    """The error for a connection that could not be made or broke; `error` is urllib3's or ssl's."""
    from urllib3 import exceptions

    text = _root_message(error)
    via = f" through the proxy {without_credentials(proxy)}" if proxy else ""
    if isinstance(error, exceptions.ProxyError):
        return ClusterUnreachable(
            tried,
            f"the proxy {without_credentials(proxy or '')} refuses the connection: {text}",
            "fix HTTPS_PROXY or the kubeconfig's proxy-url, or add the server to NO_PROXY",
            server,
        )
    if _is_tls(error):
        return ClusterUnreachable(tried, f"TLS failed{via}: {text}", _tls_hint(text), server)
    if isinstance(error, exceptions.NameResolutionError):
        return ClusterUnreachable(
            tried,
            f"the server's name cannot be resolved{via}: {text}",
            "check the server in the kubeconfig, DNS and the VPN",
            server,
        )
    if isinstance(error, exceptions.TimeoutError) and not isinstance(error, exceptions.NewConnectionError):
        return ClusterUnreachable(
            tried,
            f"the server does not answer in time{via}",
            "check that the API server is running, and that no firewall or VPN is in the way",
            server,
        )
    return ClusterUnreachable(
        tried,
        f"the server cannot be reached{via}: {text}",
        "check that the API server is running at that address, or choose another --context",
        server,
    )


def combined(errors: list[ClusterError]) -> ClusterError:
    """Several failures of one phase as one error of the first one's class; each keeps its own sentence.

    Fields of other managers are its class only where nothing else failed.
    """
    first = next((error for error in errors if not isinstance(error, FieldsOwned)), errors[0])
    if len(errors) == 1:
        return first
    lines = [f"{error.where or error.tried}: {error.found}" for error in errors]
    found = f"{counted(len(errors), 'object')} {'was' if len(errors) == 1 else 'were'} refused:" + "".join(
        f"\n    - {line}" for line in lines
    )
    if isinstance(first, ApiError):
        error = type(first)(first.tried, found, first.hint, code=first.code, reason=first.reason)
        if isinstance(error, FieldsOwned):
            error.fields = tuple(
                pair for item in errors if isinstance(item, FieldsOwned) for pair in item.fields
            )
        return error
    return type(first)(first.tried, found, first.hint)


def cut(text: str) -> str:
    """Someone else's text on one line, without markup, cut off after CUT characters."""
    text = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    return text if len(text) <= CUT else text[:CUT] + " …"


def without_credentials(url: str) -> str:
    """A URL that is safe to show."""
    return re.sub(r"//[^/@]*@", "//", url)


def status_may_pass(code: int, body: Mapping[str, Any] | bytes) -> bool:
    """Whether a refusal is worth another attempt."""
    if code != 500 or not isinstance(body, Mapping):
        return code in RETRIED or code == 500
    message = str(body.get("message", "")).lower()
    return any(part in message for part in PASSING)


def may_pass(error: BaseException) -> bool:
    """Whether a broken connection is worth another attempt: refused or reset, not untrusted or unknown."""
    from urllib3 import exceptions

    if isinstance(error, exceptions.NameResolutionError):
        return False
    return isinstance(error, exceptions.NewConnectionError | exceptions.ProtocolError | ConnectionError)


def _field_conflict(
    tried: str, where: str | None, fields: tuple[tuple[str, str], ...], reason: str
) -> FieldsOwned:
    listed = ", ".join(f"{field} (owned by {manager})" for field, manager in fields)
    error = FieldsOwned(
        tried,
        f"other managers own fields with other values: {listed}",
        "change them in Git to the live values, or take them over with --force-conflicts",
        where,
        code=409,
        reason=reason,
    )
    error.fields = fields
    return error


def _for_code(code: int) -> type[ApiError]:
    if code in (401, 403):
        return Forbidden
    return {400: Invalid, 404: NotFound, 409: Conflict, 413: Invalid, 415: Invalid, 422: Invalid}.get(
        code, ApiError
    )


def _hint(code: int, reason: str, message: str) -> str:
    if "failed calling webhook" in message or "failed to call webhook" in message:
        return (
            "an admission webhook of the cluster does not answer: wait until its pods are Ready, or remove "
            "its ValidatingWebhookConfiguration or MutatingWebhookConfiguration"
        )
    if "denied the request" in message or "denied request" in message:
        return "a policy of the cluster refuses this: change the object, or the policy"
    if code == 401:
        return "log in again (the token or certificate may have expired), or choose another --context"
    if code == 403:
        if "exceeded quota" in message:
            return "raise the namespace's ResourceQuota, or free some of it"
        if "custom resource definition is terminating" in message:
            return "wait until the CRD is gone (kubectl get customresourcedefinitions), then run again"
        if "being terminated" in message:
            return "wait until the deletion is finished (kubectl get namespaces), then run again"
        if not re.search(r"\bcannot \S+|attempting to grant", message):
            return "the API server refuses this for reasons other than a missing permission: see what it says"
        return "use a context that has this permission (bootstrapping needs cluster-admin)"
    if "immutable" in message:
        return "this field is immutable: delete the object (its data is lost) and run again"
    if code == 404:
        return "check the name, and that its kind is installed"
    if code == 409:
        return "something else is changing it at the same time: run again"
    if code in (400, 413, 415, 422):
        return "fix the object as the API server says"
    if code == 429 or code >= 500:
        return "the API server is overloaded or unhealthy: check it, then run again"
    return "see what the API server says"


def _manager(message: str) -> str:
    found = re.search(r'conflicts? with "((?:[^"\\]|\\.)*)"', message)
    return found[1] if found else message


def _is_tls(error: BaseException) -> bool:
    import ssl

    from urllib3 import exceptions

    return isinstance(error, exceptions.SSLError | ssl.SSLError)


def _tls_hint(text: str) -> str:
    lower = text.lower()
    if "expired" in lower or "not yet valid" in lower:
        return "renew the API server's certificate, or set this machine's clock"
    if "hostname mismatch" in lower or "ip address mismatch" in lower or "doesn't match" in lower:
        return (
            "use the name that is in the API server's certificate, or set tls-server-name in the kubeconfig"
        )
    if "verify failed" in lower:
        return "its certificate is signed by a CA other than the kubeconfig's: fetch the kubeconfig again"
    if "wrong version number" in lower or "record layer" in lower:
        return "what answers there does not speak TLS: check the port and http:// or https://"
    if "certificate required" in lower or "bad certificate" in lower or "unknown ca" in lower:
        return "the API server does not accept the client certificate: fetch the kubeconfig again"
    return "check the certificates that the kubeconfig names"


def _root_message(error: BaseException) -> str:
    """The innermost message: urllib3 wraps the same words several times."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        wrapped = getattr(inner, "reason", None) or getattr(inner, "original_error", None)
        if not isinstance(wrapped, BaseException):
            wrapped = next((item for item in inner.args if isinstance(item, BaseException)), None)
        inner = wrapped
    text = str(getattr(error, "strerror", None) or error)
    text = re.sub(r"^<?[\w.]+(\(.*?\)| object at \w+)>?: |\[Errno -?\d+\] | \(_ssl\.c:\d+\)", "", text)
    return cut(text or type(error).__name__)
