# SPDX-License-Identifier: Apache-2.0
"""docs/POLICY.md read a second time, as naively as it can be: no index, no compilation, every rule is looked at and
every pattern is taken apart again for every question. Written from that document alone; what it says otherwise than
the engine is a fault of one of the three.

    policies = [oracle.parse(text), ...]                       # one for each file, in load order
    request = oracle.request("net:connect:tcp", "net:domain:Example.com:443")     # or Refused
    answer, record = oracle.evaluate(policies, request, oracle.Subject(user="alice"), now_us)
"""

import collections
import datetime
import ipaddress
import json
import re
import zoneinfo

Finding = collections.namedtuple("Finding", "decision mode policy_id rule_id")
# What is None (groups: what is empty) is missing.
Subject = collections.namedtuple("Subject", "user groups sandbox agent client context", defaults=(None, (), None, None, None, {}))
Request = collections.namedtuple("Request", "kind action method host ip port path scheme resource")

NET, FILE, PROGRAM, HTTP, TOOL = "network", "file", "program", "http", "tool"
RESOURCE_MAX = 4096


class Refused(Exception):
    """A request that has no safe reading."""


# --- canonical forms ------------------------------------------------------------------------------------------

def address(text):
    """An address, mapped ones as IPv4; None when it is none."""
    if re.fullmatch(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}", text):
        numbers = [int(n) for n in text.split(".")]
        return ipaddress.IPv4Address(".".join(map(str, numbers))) if max(numbers) < 256 else None
    if ":" not in text or "%" in text or not text.isascii():
        return None
    try:
        ip = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    return ip.ipv4_mapped or ip


def host_name(text):
    """Its canonical form."""
    name = text[:-1] if text.endswith(".") else text
    labels = name.lower().split(".") if name.isascii() else []
    if not labels or len(name) > 253 or not all(re.fullmatch(r"[a-z0-9_-]{1,63}", label) for label in labels):
        raise Refused("host name")
    if any(label[0] == "-" or label[-1] == "-" for label in labels):
        raise Refused("host name with '-'")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        raise Refused("number")
    return ".".join(labels)


def port_number(text):
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > 65535:
        raise Refused("port")
    return int(text)


def endpoint(text, default_port=None):
    """(host, ip, port): one of the first two is None."""
    if text.startswith("["):
        inside, bracket, rest = text[1:].partition("]")
        ip = address(inside) if ":" in inside else None
        if not bracket or ip is None or (rest and rest[0] != ":"):
            raise Refused("brackets")
        host, port = None, rest[1:] if rest else None
    else:
        host, colon, port = text.partition(":")
        port = port if colon else None
        ip = address(host)
        host = host_name(host) if ip is None else None
    if port is None and default_port is None:
        raise Refused("port is missing")
    return host, ip, default_port if port is None else port_number(port)


def host_text(host, ip):
    return host if ip is None else f"[{ip}]" if ip.version == 6 else str(ip)


def file_path(text):
    if not text.startswith("/") or "\0" in text:
        raise Refused("path")
    parts = [p for p in text.split("/") if p not in ("", ".")]
    if ".." in parts:
        raise Refused("..")
    return "/" + "/".join(parts)


UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
PLAIN = UNRESERVED + "!$&'()*+,;=:@/"  # what a path may have as it is
SAME = "!$&'()+,;=:@"  # for matching, encoded or not


def percent(text, plain, decode):
    """Encoding normalised: what is in decode stands as it is, everything else that is encoded stays so."""
    out = []
    for piece in re.findall(r"%..|[^%]", text, re.S) if not re.search(r"%(?![0-9A-Fa-f]{2})", text) else [None]:
        if piece is None or (len(piece) == 1 and (ord(piece) < 32 or ord(piece) == 127 or piece == "\\")):
            raise Refused("URL")
        if piece.upper() == "%00":
            raise Refused("URL")
        if len(piece) == 3:
            c = chr(int(piece[1:], 16))
            out.append(c if c in decode else piece.upper())
        else:
            out.append(piece if piece in plain else "".join(f"%{b:02X}" for b in piece.encode()))
    return "".join(out)


def url_path(text):
    path = percent(text, PLAIN, UNRESERVED) or "/"
    decoded = re.sub("%(..)", lambda m: chr(int(m[1], 16)), path)
    if any(part.split(";")[0] in (".", "..") for part in re.split(r"[/\\]", decoded)):
        raise Refused("dot segments")
    return path


def split_url(text):
    """(scheme, what stands between // and the path, path, query or None)."""
    found = re.match(r"(https?)://", text, re.I)
    if not found:
        raise Refused("scheme")
    rest = text[found.end():].partition("#")[0]
    rest, mark, query = rest.partition("?")
    where, slash, path = rest.partition("/")
    if "\\" in rest or "@" in where:
        raise Refused("backslash, credentials")
    return found[1].lower(), where, slash + path, query if mark else None


def http_request(method, text):
    scheme, where, path, query = split_url(text)
    own = 80 if scheme == "http" else 443
    host, ip, port = endpoint(where, own)
    path = url_path(path)
    shown = f"{scheme}://{host_text(host, ip)}{'' if port == own else f':{port}'}{path}"
    if query is not None:
        shown += "?" + percent(query, PLAIN + "?", UNRESERVED)
    return Request(HTTP, "http:request", method, host, ip, port, path, scheme, "http:url:" + shown)


def net_request(action, resource):
    for kind in ("net:domain:", "net:ip:"):
        if resource.startswith(kind):
            host, ip, port = endpoint(resource[len(kind):])
            if kind == "net:ip:" and ip is None:
                raise Refused("net:ip: needs an address")
            shown = ("net:domain:" if ip is None else "net:ip:") + f"{host_text(host, ip)}:{port}"
            return Request(NET, action, None, host, ip, port, None, None, shown)
    raise Refused("resource of another kind")


def path_request(kind, action, prefix, resource):
    if not resource.startswith(prefix):
        raise Refused("resource of another kind")
    path = file_path(resource[len(prefix):])
    return Request(kind, action, None, None, None, None, path, None, prefix + path)


def tool_request(resource):
    name = resource.removeprefix("tool:name:")
    if name == resource or not 1 <= len(name.encode()) <= 256 or re.search(r"[\x00-\x1f\x7f]", name):
        raise Refused("tool")
    return Request(TOOL, "tool:invoke", None, None, None, None, name, None, resource)


def request(action, resource):
    """The request in its canonical form; Refused when it has none."""
    if action in ("net:connect:tcp", "net:connect:udp", "ssh:connect"):
        made = net_request(action, resource)
    elif action in ("fs:read", "fs:write", "fs:mount:read", "fs:mount:write"):
        made = path_request(FILE, action, "fs:path:", resource)
    elif action == "proc:exec":
        made = path_request(PROGRAM, action, "proc:path:", resource)
    elif action == "tool:invoke":
        made = tool_request(resource)
    elif re.fullmatch(r"http:request:[A-Za-z]+", action) and resource.startswith("http:url:"):
        made = http_request(action[len("http:request:"):].upper(), resource[len("http:url:"):])
    else:
        raise Refused("action or resource")
    if len(made.resource.encode()) > RESOURCE_MAX:
        raise Refused("too long")
    return made


# --- actions --------------------------------------------------------------------------------------------------

COVERS = {
    "connect:tcp": {"net:connect:tcp"}, "net:connect:tcp": {"net:connect:tcp"},
    "connect:udp": {"net:connect:udp"}, "net:connect:udp": {"net:connect:udp"},
    "ssh:connect": {"ssh:connect"},
    "read": {"fs:read", "fs:mount:read"}, "write": {"fs:write", "fs:mount:write"},
    "fs:read": {"fs:read"}, "fs:write": {"fs:write"},
    "mount:read": {"fs:mount:read"}, "fs:mount:read": {"fs:mount:read"},
    "mount:write": {"fs:mount:write"}, "fs:mount:write": {"fs:mount:write"},
    "exec": {"proc:exec"}, "proc:exec": {"proc:exec"},
    "invoke": {"tool:invoke"}, "tool:invoke": {"tool:invoke"},
}


def action_covers(name, r):
    if name in COVERS:
        return r.action in COVERS[name]
    method = re.fullmatch(r"(?:http:)?request(?::(.+))?", name)
    return r.kind == HTTP and method[1] in (None, "*", r.method) or r.kind == HTTP and (method[1] or "").upper() == r.method


# --- patterns -------------------------------------------------------------------------------------------------

def stars(pattern, text):
    """Whole; * stands for any characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.S) is not None


def ports_match(text, port):
    if text in (None, "*"):
        return True
    return any(int(low) <= port <= int(high or low) for low, _, high in (item.partition("-") for item in text.split(",")))


def network(text):
    ip, slash, length = text.partition("/")
    if not slash:
        ip = address(text)
        return ipaddress.ip_network(ip) if ip is not None else None
    net = ipaddress.ip_network(f"{ip}/{length}")
    mapped = ipaddress.ip_network("::ffff:0:0/96")
    if net.version == 6 and net.subnet_of(mapped):
        return ipaddress.ip_network((int(net.network_address) & 0xffffffff, net.prefixlen - 96))
    return net


def name_matches(pattern, host):
    if pattern.startswith("**."):
        return host.endswith("." + host_name(pattern[3:])) and len(host) > len(host_name(pattern[3:])) + 1
    if pattern.startswith("*."):
        return host.partition(".")[2] == host_name(pattern[2:])
    return host == host_name(pattern)


def split_host_pattern(text):
    """(host, ports or None)."""
    if text.startswith("["):
        inside, _, ports = text[1:].partition("]")
        return inside, ports[1:] or None
    if text.count(":") > 1:
        return text, None
    host, _, ports = text.partition(":")
    return host, ports or None


def host_matches(pattern, r):
    if pattern == "**":
        return True
    is_address = "/" in pattern or address(pattern) is not None
    if r.ip is not None:
        return is_address and r.ip.version == network(pattern).version and r.ip in network(pattern)
    return not is_address and name_matches(pattern, r.host)


def net_matches(pattern, r):
    host, ports = split_host_pattern(pattern)
    return host_matches(host, r) and ports_match(ports, r.port)


def segments_match(pattern, path):
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(segments_match(pattern[1:], path[n:]) for n in range(1, len(path) + 1))
    return bool(path) and stars(pattern[0], path[0]) and segments_match(pattern[1:], path[1:])


def segments(path):
    return [part for part in path.split("/") if part]


def file_matches(pattern, r):
    return pattern == "**" or segments_match(segments(pattern), segments(r.path))


def program_matches(pattern, r):
    if "/" in pattern or pattern == "**":
        return file_matches(pattern, r)
    return stars(pattern, r.path.rpartition("/")[2])


def comparable(path):
    return segments(percent(path, PLAIN, UNRESERVED + SAME))


def http_matches(pattern, r):
    if pattern == "**":
        return True
    found = re.match(r"(?:(https?)://)?(\[[^\]]*\][^/]*|[^/]*)(/.*)?$", pattern, re.I | re.S)
    scheme, where, path = found[1], found[2], found[3]
    host, ports = split_host_pattern(where)
    if scheme:
        ports = ports or ("80" if scheme.lower() == "http" else "443")
        if scheme.lower() != r.scheme:
            return False
    if not host_matches(host, r) or not ports_match(ports, r.port):
        return False
    return path in (None, "/**") or segments_match(comparable(path), comparable(r.path))


def tool_matches(pattern, r):
    return pattern == "**" or stars(pattern, r.path)


MATCHES = {NET: net_matches, FILE: file_matches, PROGRAM: program_matches, HTTP: http_matches, TOOL: tool_matches}


# --- scope and when -------------------------------------------------------------------------------------------

def one_of(patterns, values, more=False):
    """True, False, or None: what it asks for is missing."""
    if not patterns:
        return True
    if any(stars(p, v) for p in patterns for v in values):
        return True
    return None if not values or more else False


def given(value):
    return [] if value is None else [value]


def all_of(truths):
    truths = list(truths)
    return False if False in truths else None if None in truths else True


def in_scope(policy, subject):
    scope = policy.get("scope", {})
    return all_of((one_of(scope.get("users"), given(subject.user)), one_of(scope.get("groups"), subject.groups),
                   one_of(scope.get("sandboxes"), given(subject.sandbox)), one_of(scope.get("agents"), given(subject.agent))))


def minutes(text):
    return int(text[:2]) * 60 + int(text[3:])


DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def zone(name):
    if name in ("UTC", "Z"):
        return datetime.timezone.utc
    if name[0] in "+-":
        return datetime.timezone((-1 if name[0] == "-" else 1) * datetime.timedelta(minutes=minutes(name[1:])))
    return zoneinfo.ZoneInfo(name)


def in_window(window, now):
    local = (EPOCH + datetime.timedelta(microseconds=now)).astimezone(zone(window.get("zone", "UTC")))
    begin, end = minutes(window.get("from", "00:00")), minutes(window.get("to", "24:00"))
    at, day = local.hour * 60 + local.minute, local.weekday()
    if begin < end:
        inside = begin <= at < end
    elif at >= begin:
        inside = True
    else:
        inside, day = at < end, (day - 1) % 7
    return inside and DAYS[day] in window.get("days", DAYS)


def when_holds(when, subject, now):
    truths = [one_of(when.get("client"), given(subject.client))]
    if "time" in when:
        truths.append(in_window(when["time"], now))
    for key, values in when.get("context", {}).items():
        values = [values] if isinstance(values, str) else values
        truths.append(one_of(values, given(subject.context.get(key))))
    return all_of(truths)


# --- documents ------------------------------------------------------------------------------------------------

def without_comments(text):
    return re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', lambda m: m[1] or " ", text, flags=re.S)


def parse(text):
    return json.loads(without_comments(text))


def microseconds(text):
    """RFC 3339."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:\d\d)", text)
    offset = "+00:00" if found[4] in "Zz" else found[4]
    whole = datetime.datetime.fromisoformat(f"{found[1]}T{found[2]}{offset}")
    return (whole - EPOCH) // datetime.timedelta(microseconds=1) + int(((found[3] or "") + "000000")[:6])


# --- the verdict ----------------------------------------------------------------------------------------------

def rule_matches(policy, rule, r, subject, now):
    if "expires" in rule and now >= microseconds(rule["expires"]):
        return False
    if not any(action_covers(name, r) for name in rule["actions"]):
        return False
    if not any(MATCHES[r.kind](pattern, r) for pattern in rule["resources"]):
        return False
    truth = all_of((in_scope(policy, subject), when_holds(rule.get("when", {}), subject, now)))
    return truth or (truth is None and rule["decision"] == "deny")


def matching(documents, r, subject, now):
    """Every active rule that matches, in load order, as the finding it would make."""
    policies = [p for d in documents for p in d.get("policies", [])]
    org = any(p.get("source", "host") == "org" for p in policies)
    for p in policies:
        for rule in p["rules"]:
            if org and rule["decision"] == "allow" and p.get("source", "host") != "org":
                continue
            if rule_matches(p, rule, r, subject, now):
                yield Finding(rule["decision"], p.get("mode", "enforce"), p["id"], rule["id"])


def first(findings, decision, modes):
    return next((f for f in findings if f.decision == decision and f.mode in modes), None)


WATCH = ("warn", "audit")


def evaluate(documents, r, subject, now):
    """(answer, record)."""
    found = list(matching(documents, r, subject, now))
    scopes = [(p.get("mode", "enforce"), in_scope(p, subject)) for d in documents for p in d.get("policies", [])]
    enforce = any(mode == "enforce" and truth is not False for mode, truth in scopes)
    watch = [mode for mode, truth in scopes if mode != "enforce" and truth is True]
    if not enforce and watch:
        mode = "warn" if "warn" in watch else "audit"
        record = (first(found, "deny", WATCH) or first(found, "allow", WATCH) or Finding("deny", mode, None, None))
        return (record if record.decision == "allow" else Finding("allow", mode, None, None)), record
    answer = (first(found, "deny", ("enforce",)) or first(found, "allow", ("enforce",)) or
              Finding("deny", "enforce", None, None))
    watched = first(found, "deny", WATCH)
    return answer, watched if answer.decision == "allow" and watched else answer
