"""A shop is built for every test, some thousand times: what comes out the same each time is worked out once here."""

import threading
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Map, Rule, RuleFactory
from werkzeug.routing.matcher import StateMachineMatcher

Kept = tuple[StateMachineMatcher, dict[Any, list[Rule]]]


class SharedMap(Map):
    """Addresses that are compiled for the first app; every later one with the same addresses uses what came out.

    Rules are heard only, until somebody asks for one. A rule that comes after that makes the map its own again.
    """

    known: dict[object, Kept] = {}
    _lock = threading.Lock()

    def __init__(self, *args: Any, **options: Any) -> None:
        self._heard: list[Rule] = []
        self._kept: Kept | None = None
        super().__init__(*args, **options)

    def add(self, rulefactory: RuleFactory) -> None:
        if self._kept is not None:
            self._heard = [rule.empty() for rule in self._heard]
            self._kept = None
        self._heard += rulefactory.get_rules(self)

    def _settled(self) -> Kept:
        with self._lock:
            if self._kept is None:
                told = [(rule.rule, rule.endpoint, str(rule.methods), repr(rule.defaults)) for rule in self._heard]
                key = (*told, *self.converters.values())
                if key not in self.known:
                    made = Map(self._heard, converters=self.converters)
                    made.update()
                    self.known[key] = (made._matcher, made._rules_by_endpoint)
                self._kept = self.known[key]
            return self._kept

    def update(self) -> None:
        self._settled()

    @property
    def _matcher(self) -> StateMachineMatcher:
        return self._settled()[0]

    @_matcher.setter
    def _matcher(self, value: StateMachineMatcher) -> None:
        assert value.merge_slashes

    @property
    def _rules_by_endpoint(self) -> dict[Any, list[Rule]]:
        return self._settled()[1]

    @_rules_by_endpoint.setter
    def _rules_by_endpoint(self, value: dict[Any, list[Rule]]) -> None:
        assert not value


class TemplateCode(BytecodeCache):
    """Compiled templates, kept in memory for the length of a run."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


_template_code = TemplateCode()
# SQLAlchemy compiles a statement once for each dialect object, and each engine has one of its own.
_dialects: dict[str, tuple[Any, Any]] = {}


def share_templates(app: Flask) -> None:
    """Let a test's app use the templates that the apps before it compiled."""
    app.jinja_env.bytecode_cache = _template_code


def share_statements(engine: Any) -> None:
    """Let a test's engine use what the engines before it compiled: same program, same database, same tables."""
    if engine.dialect.name not in _dialects:
        engine.connect().close()  # The dialect asks the server about itself the first time.
        engine._compiled_cache.capacity = 5000
        _dialects[engine.dialect.name] = (engine.dialect, engine._compiled_cache)
    engine.dialect, engine._compiled_cache = _dialects[engine.dialect.name]
