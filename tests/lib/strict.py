# SPDX-License-Identifier: Apache-2.0
"""JSON as the product promises it: strict, without duplicate keys, without numbers that readers round."""

import json
import re

INT_LIMIT = 1 << 53
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class Fault(ValueError):
    pass


def _pairs(pairs):
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [k for k, _ in pairs]
        raise Fault(f"duplicate key {next(k for k in keys if keys.count(k) > 1)!r}")
    return made


def _integer(text):
    value = int(text)
    if abs(value) >= INT_LIMIT:
        raise Fault(f"number out of range: {text}")
    return value


def _real(text):
    value = float(text)
    if not abs(value) < INT_LIMIT:
        raise Fault(f"number out of range: {text}")
    return value


def _constant(text):
    raise Fault(f"not JSON: {text}")


_decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer, parse_float=_real,
                            parse_constant=_constant, strict=True)


def loads(line):
    """One JSON value from bytes: UTF-8, nothing before or after it, no lone surrogates in it."""
    text = line.decode("utf-8")
    try:
        value, end = _decoder.raw_decode(text)
    except RecursionError as fault:
        raise Fault("nested too deep") from fault
    if end != len(text):
        raise Fault("something after the value")
    if NUL.search(text):
        raise Fault("\\u0000")
    if "\\ud" in text or "\\uD" in text:
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # fails on a lone surrogate
    return value


def dumps(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
