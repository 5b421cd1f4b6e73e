"""A refusal is a sentence with a stable code."""

import importlib
import pkgutil
import re

import pytest

import app
from app.core.errors import DomainError


def subclasses(base: type[DomainError]) -> list[type[DomainError]]:
    return [base, *(found for child in base.__subclasses__() for found in subclasses(child))]


@pytest.fixture(scope="module")
def refusals() -> list[type[DomainError]]:
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if module.name.endswith(".errors"):
            importlib.import_module(module.name)
    return subclasses(DomainError)


def test_every_refusal_has_a_code_and_a_chinese_sentence(refusals: list[type[DomainError]]):
    for refusal in refusals:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", refusal.code), refusal
        assert re.search(r"[一-鿿]", refusal.message), refusal
        assert re.search(r"[。！？]$|[一-鿿）]$", refusal.message), f"{refusal}: a whole sentence"


def test_codes_are_not_shared(refusals: list[type[DomainError]]):
    codes = [refusal.code for refusal in set(refusals) if "code" in vars(refusal)]
    assert len(codes) == len(set(codes)), sorted(codes)
