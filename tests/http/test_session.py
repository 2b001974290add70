"""One session for every host: an answer is read whole, and no host decides how large or how slow it is."""

from __future__ import annotations

import gzip
import io
import resource
from collections.abc import Mapping
from typing import Any

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.http import session
from bootstrap.http.session import Failure, Session, body
from tests.providers.answering import answering


def test_answer_is_read_whole_and_its_connection_is_used_again() -> None:
    def answer(method: str, path: str, headers: Mapping[str, str], given: Any) -> Any:
        return 200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"name": "x"}')

    with answering(answer) as url, Session(Invocation()) as found:
        assert [body(found.send("GET", url, timeout=30)) for _ in range(3)] == [{"name": "x"}] * 3


def test_answer_that_unpacks_to_more_than_the_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LARGEST_ANSWER", 1 << 20)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        for _ in range(300):
            file.write(bytes(1 << 20))

    def answer(method: str, path: str, headers: Mapping[str, str], given: Any) -> Any:
        return 200, {"Content-Encoding": "gzip"}, packed.getvalue()

    with answering(answer) as url, Session(Invocation()) as found:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(Failure, match="larger than 1 MB"):
            found.send("GET", url, timeout=30)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def test_answer_that_is_nested_without_an_end_is_none() -> None:
    with answering(lambda *_: (200, {}, b"[" * 100_000)) as url, Session(Invocation()) as found:
        assert body(found.send("GET", url, timeout=30)) is None


def test_answer_that_does_not_end_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "ANSWER_SECONDS", -1.0)

    def answer(method: str, path: str, headers: Mapping[str, str], given: Any) -> Any:
        return 200, {}, b"x"

    with (
        answering(answer) as url,
        Session(Invocation()) as found,
        pytest.raises(Failure, match="did not end"),
    ):
        found.send("GET", url, timeout=30)
