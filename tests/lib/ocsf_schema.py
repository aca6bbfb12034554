# SPDX-License-Identifier: Apache-2.0
"""The published definitions of OCSF as tests/lib/ocsf.py looks things up in them: read from a tree of the project's
own files (dictionary.json, categories.json, events/, objects/, profiles/) and resolved as its metaschema describes:
what a class or object extends, the profiles that it includes, and what the dictionary says of every attribute.
Extensions are left out: no event of ours names one."""

import copy
import json
import os

from ocsf import Attribute, Schema, Shape, Type


def _load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def _all_below(top):
    """Every definition of a directory by its name."""
    found = {}
    for directory, _, files in os.walk(top):
        for name in sorted(files):
            if name.endswith(".json"):
                at = _load(os.path.join(directory, name))
                found[at["name"]] = at
    return found


def _merge(under, over):
    """What is said nearer to the use wins; enumerations add up."""
    merged = copy.deepcopy(under)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


class _Compiler:
    def __init__(self, top):
        self.top = top
        self.dictionary = _load(os.path.join(top, "dictionary.json"))
        self.categories = _load(os.path.join(top, "categories.json"))["attributes"]
        self.events = _all_below(os.path.join(top, "events"))
        self.objects = _all_below(os.path.join(top, "objects"))
        self.profiles = _all_below(os.path.join(top, "profiles"))

    def included(self, attributes):
        """With the attributes of the profiles that are named in it, each marked as of its profile."""
        found = {}
        for path in attributes.get("$include", []):
            profile = _load(os.path.join(self.top, path))
            for name, at in profile["attributes"].items():
                found[name] = _merge(found.get(name, {}), _merge(at, {"profile": profile["name"]}))
        return _merge(found, {name: at for name, at in attributes.items() if name != "$include"})

    def resolved(self, found, name):
        """(attributes, constraints, category) of a definition with all that it extends."""
        at = found[name]
        attributes, constraints, category = ({}, {}, None)
        if at.get("extends"):
            attributes, constraints, category = self.resolved(found, at["extends"])
        attributes = _merge(attributes, self.included(at["attributes"]))
        return attributes, at.get("constraints", constraints), at.get("category", category)

    def attribute(self, name, at):
        at = _merge(self.dictionary["attributes"][name], at)
        enum = at.get("enum")
        return Attribute(type=at.get("object_type", at["type"]), array=at.get("is_array", False), requirement=at.get("requirement", "optional"),
                         enum=enum and {key: value["caption"] for key, value in enum.items()}, profile=at.get("profile"),
                         deprecated="@deprecated" in at, sibling=at.get("sibling"))

    def shape(self, found, name):
        attributes, constraints, category = self.resolved(found, name)
        category_uid = self.categories[category]["uid"] if category in self.categories else 0
        return Shape(name=name, caption=found[name].get("caption"), uid=category_uid * 1000 + found[name].get("uid", 0),
                     attributes={key: self.attribute(key, at) for key, at in attributes.items()}, constraints=constraints)

    def types(self):
        return {name: Type(base=at.get("type", name), regex=at.get("regex"), max_len=at.get("max_len"), range=at.get("range"))
                for name, at in self.dictionary["types"]["attributes"].items()}

    def schema(self):
        classes = [self.shape(self.events, name) for name, at in self.events.items() if "uid" in at or name == "base_event"]
        objects = {name: self.shape(self.objects, name) for name in self.objects}
        return Schema(version=_load(os.path.join(self.top, "version.json"))["version"], classes={c.uid: c for c in classes},
                      objects=objects, types=self.types(), profiles=frozenset(self.profiles))


def compiled(top):
    return _Compiler(top).schema()
