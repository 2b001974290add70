"""Settings are checked where they enter; bootstrap.yaml is read back and keeps what others wrote."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.layout.settings import Settings, parse_record, recorded_settings, render_record

URL = "https://git.example.org/platform/gitops.git"


def settings(**changes: object) -> Settings:
    values = {"repo_url": URL, "branch": "main", "argocd_version": "v3.6.1", "argocd_sha256": "0" * 64}
    return Settings(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("cluster", "Prod"),
        ("cluster", "a/b"),
        ("cluster", ""),
        ("domain", "example..com"),
        ("domain", "http://example.com"),
        ("path", "/abs"),
        ("path", "a/../b"),
        ("path", ".git"),
    ],
)
def test_wrong_value_names_option_and_value(option: str, value: str) -> None:
    with pytest.raises(InputError) as caught:
        settings(**{option: value})
    assert f"--{option}" in caught.value.tried
    assert repr(value) in caught.value.found


def test_component_cannot_be_both_on_and_off() -> None:
    with pytest.raises(InputError, match="loki is in both"):
        settings(with_components=("loki",), without_components=("loki",))


def test_record_is_read_back_as_it_was_written() -> None:
    asked = settings(domain="example.org", with_components=("loki",), argocd_variant="ha")
    record = parse_record(render_record(None, asked, "0.1.0", "a" * 40))
    assert record.catalog_version == "0.1.0"
    assert record.catalog_commit == "a" * 40
    assert recorded_settings(record, settings()) == asked


def test_record_of_another_cluster_and_comments_stay() -> None:
    first = render_record(None, settings(), "0.1.0", "a" * 40) + b"# mine\n"
    second = render_record(first, settings(cluster="edge", domain="edge.org"), "0.1.0", "a" * 40)
    assert b"# mine" in second
    assert set(parse_record(second).clusters) == {"default", "edge"}


def test_what_does_not_change_in_a_record_stays_as_it_is_written() -> None:
    first = render_record(None, settings(with_components=("loki",)), "0.1.0", "a" * 40)
    quoted = first.replace(b"a" * 40, b'"' + b"a" * 40 + b'" # the catalog').replace(
        b": standard", b": 'standard'"
    )
    second = render_record(quoted, settings(domain="example.org"), "0.1.0", "a" * 40)
    assert second == quoted.replace(b"example.com", b"example.org").replace(b"    with:\n      - loki\n", b"")


def test_record_without_a_change_is_the_same_bytes() -> None:
    first = render_record(None, settings(), "0.1.0", "a" * 40).replace(
        b"domain: example.com", b"domain:   example.com"
    )
    assert render_record(first, settings(), "0.1.0", "a" * 40) == first


def test_cluster_that_was_never_laid_out_has_no_recorded_settings() -> None:
    record = parse_record(render_record(None, settings(), "0.1.0", "a" * 40))
    assert recorded_settings(record, settings(cluster="edge")) is None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"catalog: [", "bootstrap.yaml:1:11"),
        (b"- a\n", "bootstrap.yaml"),
        (b"catalog: {}\nargocd: no\nclusters: {}\n", "bootstrap.yaml:1"),
        (b"\xff\xfe", "bootstrap.yaml"),
        (b"catalog: {}\nargocd:\n  variant: big\nclusters: {}\n", "bootstrap.yaml:3"),
    ],
)
def test_broken_record_is_reported_with_its_place(text: bytes, where: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_record(text)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "text",
    [
        b"name: shop\nrecipes: [cake]\n",
        b"clusters: [east, west]\n",
        b"apiVersion: v1\nkind: ConfigMap\n",
        b"- a\n",
        b"spring: {application: {name: shop}}\n---\nspring: {profiles: prod}\n",
        b"url: {{ .Values.url }}\n",
        b"\xff\xfe",
        b"",
    ],
)
def test_another_programs_file_of_that_name_is_told_apart_from_a_broken_record(text: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_record(text)
    assert "belongs to another program" in caught.value.found + caught.value.hint
    assert "rename it, or lay out below a folder with --path" in caught.value.hint


def test_a_record_that_has_lost_a_part_is_restored() -> None:
    with pytest.raises(InputError) as caught:
        parse_record(b"catalog: {version: 1.0.0}\nclusters: {}\n")
    assert "restore it from an earlier commit" in caught.value.hint
