# SPDX-License-Identifier: Apache-2.0
"""Whether a JSON object is a document of the Elastic Common Schema, 8.17: no field outside `sealwright.` that the schema
does not have, each of its type, an array where the schema has one, values among those allowed, and types of events that
go with their category.

    ecs.faults(ecs.FIELDS, document)             what documents of this project use, written down by hand
    ecs.faults(ecs.published(path), document)    the schema's own table, generated/ecs/ecs_flat.yml
"""

import dataclasses
import datetime
import ipaddress
import re

VERSION = "8.17.0"
OWN = "sealwright."


@dataclasses.dataclass(frozen=True)
class Field:
    type: str
    array: bool = False
    allowed: dict = None  # {value: types of events that are expected with it, None: any}


_BY_TYPE = {
    "keyword": """ecs.version event.kind event.category event.type event.outcome event.id event.action event.provider event.module event.dataset
        event.reason user.name user.email process.name process.user.id process.group.id destination.address destination.domain http.request.method
        file.path host.hostname log.level observer.vendor observer.product observer.version rule.id rule.ruleset rule.version
        organization.id organization.name""",
    "wildcard": "url.original",
    "long": "event.sequence event.severity process.pid destination.port",
    "ip": "destination.ip",
    "date": "@timestamp",
}
_CATEGORIES = {
    "api": "access admin allowed change creation deletion denied end info start user",
    "configuration": "access change creation deletion info",
    "file": "access change creation deletion info",
    "host": "access change end info start",
    "network": "access allowed connection denied end info protocol start",
    "process": "access change end info start",
    "web": "access error info",
}
_ALLOWED = {
    "event.category": {name: set(types.split()) for name, types in _CATEGORIES.items()},
    "event.type": dict.fromkeys("access allowed change connection denied info start".split()),
    "event.kind": {"event": None},
    "event.outcome": dict.fromkeys("failure success unknown".split()),
}
FIELDS = {name: Field(kind, name in ("event.category", "event.type"), _ALLOWED.get(name))
          for kind, names in _BY_TYPE.items() for name in names.split()}


def published(path):
    """The fields of the schema's own table."""
    import yaml  # of Debian's python3-yaml; only who has the table needs it

    with open(path, encoding="utf-8") as f:
        table = yaml.load(f, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    found = {}
    for name, at in table.items():
        allowed = {v["name"]: set(v["expected_event_types"]) if "expected_event_types" in v else None for v in at.get("allowed_values", [])}
        found[name] = Field(at["type"], "array" in at["normalize"], allowed or None)
    return found


def _is_date(text):
    try:
        datetime.datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        return False
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}Z", text) is not None


def _is_address(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _fits(kind, value):
    if kind == "long":
        return type(value) is int and -(1 << 63) <= value < 1 << 63
    if not isinstance(value, str):
        return False
    return {"ip": _is_address, "date": _is_date, "keyword": lambda _: True, "wildcard": lambda _: True}[kind](value)


def leaves(at, prefix=""):
    """(dotted name, value) of all that is no object."""
    for key, inner in at.items():
        if isinstance(inner, dict):
            yield from leaves(inner, f"{prefix}{key}.")
        else:
            yield prefix + key, inner


def _of_field(name, field, value):
    values = value if isinstance(value, list) else [value]
    if isinstance(value, list) != field.array:
        yield f"{name}: {'no' if field.array else 'an'} array"
    for one in values:
        if not _fits(field.type, one):
            yield f"{name}: is no {field.type}: {one!r}"
        elif field.allowed and one not in field.allowed:
            yield f"{name}: is not allowed: {one!r}"


def _of_types(fields, found):
    expected = fields["event.category"].allowed
    for category in found.get("event.category", []):
        for kind in found.get("event.type", []):
            if kind not in (expected.get(category) or {kind}):
                yield f"event.type: {kind} does not go with {category}"


def faults(fields, document):
    """All that is wrong, in words; empty: nothing."""
    found = dict(leaves(document))
    wrong = [f"{name}: is missing" for name in ("@timestamp", "ecs.version", "event.kind") if name not in found]
    for name, value in found.items():
        if name.startswith(OWN):
            wrong += [] if isinstance(value, str) else [f"{name}: is no text: {value!r}"]
        elif name not in fields:
            wrong.append(f"{name}: is no field")
        else:
            wrong += _of_field(name, fields[name], value)
    if found.get("ecs.version") != VERSION:
        wrong.append(f"ecs.version: is not {VERSION}")
    return wrong or list(_of_types(fields, found))
