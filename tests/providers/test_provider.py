"""Every listed Git host has what the protocol promises, and its webhooks a key of the list."""

from __future__ import annotations

import inspect
from dataclasses import fields
from importlib import import_module
from typing import Any, get_args, get_type_hints

import pytest

from bootstrap.providers.provider import HOSTS, MODULES, WEBHOOK_KEYS, Provider

METHODS = {name: method for name, method in vars(Provider).items() if inspect.isfunction(method)}


def class_of(module: Any) -> type:
    """What its `recognise` returns for a host that it knows."""
    found: type = get_args(get_type_hints(module.recognise)["return"])[0]
    return found


@pytest.mark.parametrize("name", MODULES)
def test_a_listed_host_has_every_method_of_the_protocol_with_its_parameters(name: str) -> None:
    module = import_module(MODULES[name])
    host = class_of(module)
    public = {method for method in METHODS if not method.startswith("_")}
    assert "pull_request" in public
    for method in public:
        assert inspect.signature(vars(host)[method]) == inspect.signature(METHODS[method]), method
    assert name == module.NAME
    assert name in HOSTS.lower()


def test_each_listed_key_belongs_to_one_listed_host() -> None:
    of_host = [
        next(field.default for field in fields(class_of(import_module(path))) if field.name == "webhook_key")
        for path in MODULES.values()
    ]
    assert sorted(of_host) == sorted(WEBHOOK_KEYS)
