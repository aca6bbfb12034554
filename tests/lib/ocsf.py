# SPDX-License-Identifier: Apache-2.0
"""Whether a JSON value is an event of the Open Cybersecurity Schema Framework: nothing that its class does not define,
all that it requires, every value of its type. Stricter than the framework where that only recommends: deprecated
attributes are faults, and the name beside an id has to be the one that goes with it.

    schema = ocsf_tables.schema("1.8.0")      what the events of this project use, written down by hand
    schema = ocsf_schema.compiled(directory)  the published definitions
    ocsf.faults(schema, event)                [] or what is wrong, each with its place
"""

import dataclasses
import re

INTEGERS = range(-(1 << 63), 1 << 63)


@dataclasses.dataclass(frozen=True)
class Attribute:
    type: str             # a type of the dictionary or an object
    array: bool = False
    requirement: str = "optional"
    enum: dict = None     # {id as text: name}
    profile: str = None   # only there when the event names this profile
    deprecated: bool = False
    sibling: str = None   # the attribute that has the name of this one's id


@dataclasses.dataclass(frozen=True)
class Shape:
    """A class or an object."""
    name: str
    caption: str
    uid: int
    attributes: dict
    constraints: dict = dataclasses.field(default_factory=dict)  # {at_least_one or just_one: names}


@dataclasses.dataclass(frozen=True)
class Type:
    base: str
    regex: str = None
    max_len: int = None
    range: tuple = None


@dataclasses.dataclass(frozen=True)
class Schema:
    version: str
    classes: dict   # {uid: Shape}
    objects: dict   # {name: Shape}
    types: dict     # {name: Type}
    profiles: frozenset


BASES = {"string_t": str, "integer_t": int, "long_t": int, "float_t": float, "boolean_t": bool}


class _Check:
    def __init__(self, schema, profiles):
        self.schema, self.profiles, self.found = schema, profiles, []

    def fault(self, path, what):
        self.found.append(f"{path}: {what}")

    # --- values ---

    def scalar(self, path, name, value):
        """A value of a type of the dictionary, whose base has the rules that the type itself does not give."""
        at = self.schema.types[name]
        if name == "json_t":
            return
        if type(value) is not BASES[at.base] and not (at.base == "float_t" and type(value) is int):
            self.fault(path, f"is no {name}: {value!r}")
            return
        if isinstance(value, str):
            if at.regex and not re.search(at.regex, value):
                self.fault(path, f"does not look like a {name}: {value!r}")
            if at.max_len is not None and len(value) > at.max_len:
                self.fault(path, f"is longer than {at.max_len}")
        elif type(value) is int:
            first, last = at.range or (INTEGERS[0], INTEGERS[-1])
            if not first <= value <= last:
                self.fault(path, f"is beyond {first} to {last}: {value}")

    def value(self, path, at, value):
        if at.type in self.schema.objects:
            if not isinstance(value, dict):
                self.fault(path, f"is no object: {value!r}")
            elif at.type != "object":
                self.shape(path, self.schema.objects[at.type], value)
            return
        self.scalar(path, at.type, value)
        if at.enum and str(value) not in at.enum:
            self.fault(path, f"is none of its values: {value!r}")

    def attribute(self, path, at, value):
        if at.deprecated:
            self.fault(path, "is deprecated")
        if not at.array:
            self.value(path, at, value)
        elif not isinstance(value, list):
            self.fault(path, "is no array")
        else:
            for i, element in enumerate(value):
                self.value(f"{path}[{i}]", at, element)

    # --- objects ---

    def siblings(self, path, attributes, found):
        """99 is another one, which only the sibling names; of all others the name is given."""
        for name, at in attributes.items():
            if not at.sibling or not at.enum or name not in found:
                continue
            said, key = found.get(at.sibling), str(found[name])
            if key == "99" and said is None:
                self.fault(path + name, f"is 99, and there is no {at.sibling}")
            if key != "99" and said is not None and key in at.enum and said != at.enum[key]:
                self.fault(path + at.sibling, f"is not {at.enum[key]!r}: {said!r}")

    def constraints(self, path, shape, found):
        for kind, names in shape.constraints.items():
            n = sum(name in found for name in names)
            if n == 0 or (kind == "just_one" and n > 1):
                self.fault(path or "event", f"has {n} of {kind} {', '.join(names)}")

    def shape(self, path, shape, found):
        path = path + "." if path else ""
        attributes = {name: at for name, at in shape.attributes.items() if at.profile is None or at.profile in self.profiles}
        for name, value in found.items():
            if name not in attributes:
                self.fault(path + name, "is no attribute")
            elif value is None:
                self.fault(path + name, "is null")
            else:
                self.attribute(path + name, attributes[name], value)
        for name, at in attributes.items():
            if at.requirement == "required" and name not in found:
                self.fault(path + name, "is missing")
        self.siblings(path, attributes, found)
        self.constraints(path[:-1], shape, found)

    # --- the event ---

    def names(self, event, shape):
        """What follows from the class."""
        wanted = {"category_uid": shape.uid // 1000, "type_uid": shape.uid * 100 + int(event.get("activity_id", 0)),
                  "class_name": shape.caption}
        for name, value in wanted.items():
            if name in event and event[name] != value:
                self.fault(name, f"is not {value!r}: {event[name]!r}")
        if event["metadata"].get("version") != self.schema.version:
            self.fault("metadata.version", f"is not {self.schema.version}")
        for profile in event["metadata"].get("profiles", []):
            if profile not in self.schema.profiles:
                self.fault("metadata.profiles", f"there is no {profile}")


def faults(schema, event):
    """All that is wrong with an event, in words; empty: nothing."""
    metadata = event.get("metadata") if isinstance(event, dict) else None
    if not isinstance(metadata, dict) or event.get("class_uid") not in schema.classes:
        return ["event: of no class, or without metadata"]
    shape = schema.classes[event["class_uid"]]
    check = _Check(schema, metadata.get("profiles", []))
    check.shape("", dataclasses.replace(shape, attributes={
        name: dataclasses.replace(at, enum=None) if name in ("class_uid", "category_uid") else at
        for name, at in shape.attributes.items()}), event)
    if not check.found:
        check.names(event, shape)
    return check.found
