# SPDX-License-Identifier: Apache-2.0
"""Random policies and requests about them, from small alphabets, so that most rules are hit now and then and most
requests are decided by a rule. The same seed makes the same."""

import datetime
import random
import zoneinfo

import oracle

HOSTS = ["a", "b", "c", "x_1", "xn--bcher-kva"]
ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.1.0.1", "11.0.0.1", "0.0.0.0", "255.255.255.255", "[::1]", "[2001:db8::1]",
             "[2001:db8:8000::1]", "[2001:DB8:0:0:0:0:0:2]", "[::ffff:10.0.0.1]", "[::FFFF:0a00:2]", "[::10.0.0.1]"]
NETWORKS = ["10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/31", "10.0.0.1/32", "10.0.0.1", "0.0.0.0/0", "::/0", "::1", "2001:db8::/32",
            "2001:db8::/33", "2001:db8::1", "::ffff:10.0.0.0/104", "::ffff:10.0.0.1", "::/96"]
PORTS = [1, 79, 80, 81, 442, 443, 444, 8080, 65535]
PORT_SETS = ["", "", "", ":80", ":443", ":80,443", ":80-443", ":81-442,8080", ":*", ":1", ":65535", ":444-65535"]
NAMES = ["a", "b", "ab", "ba", "c.d", ".a"]
METHODS = ["GET", "get", "POST", "Put"]
USERS, GROUPS, CLIENTS = ["alice", "alan", "bob"], ["dev", "ops", "dev2"], ["squid", "sbx", "sh"]
SANDBOXES, AGENTS, KEYS, VALUES = ["sb-1", "sb-2"], ["coder", "cod"], ["k", "l"], ["main", "mainly", "x"]
SOURCES = ["host"] * 8 + ["sandbox"] * 2 + ["org"]
MODES = ["enforce", "enforce", "warn", "audit"]
ZONES = ["UTC", "+01:00", "-03:30", "+14:00", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
         "Africa/Casablanca", "America/Santiago", "Asia/Beirut", "Europe/Dublin", "Etc/GMT+5"]
# Dates on which clocks are moved in some of them, and others.
DATES = ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05", "2026-10-04", "2011-12-30", "2011-12-31",
         "2026-02-15", "2026-03-22", "2026-04-04", "2026-09-06", "2026-11-21", "2024-02-29", "2060-07-15", "2099-03-29"]
MINUTE_US = 60_000_000


class Pairs:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def pick(self, things):
        return self.r.choice(things)

    def some(self, things, most):
        return [self.pick(things) for _ in range(self.r.randint(1, most))]

    def chance(self, one_in):
        return self.r.randrange(one_in) == 0

    # --- times ------------------------------------------------------------------------------------------------

    def moment(self):
        """us; mostly at the edge of a minute that some window may begin or end with."""
        day = datetime.datetime.fromisoformat(self.pick(DATES))
        local = day + datetime.timedelta(minutes=self.pick(self.edges()))
        where = self.pick(ZONES)
        there = local.replace(tzinfo=oracle.zone(where), fold=self.r.randrange(2))
        us = (there - oracle.EPOCH) // datetime.timedelta(microseconds=1)
        return us + self.pick([0, 0, -1, 1, MINUTE_US, -MINUTE_US, 3600 * 1_000_000])

    @staticmethod
    def edges():
        return [0, 1, 60, 90, 120, 150, 179, 180, 360, 720, 1320, 1380, 1439]

    def expiry(self):
        us = self.moment()
        whole = oracle.EPOCH + datetime.timedelta(microseconds=us)
        text = whole.strftime("%Y-%m-%dT%H:%M:%S") + f".{us % 1_000_000:06d}"
        return self.pick([text + "Z", text + "+00:00", text[:19] + "Z", text[:19] + "-02:30"])

    def clock(self, edge):
        return f"{edge // 60:02d}:{edge % 60:02d}"

    def window(self):
        w = {}
        begin, end = self.pick(self.edges()), self.pick(self.edges() + [1440])
        if begin == end:
            return w
        if begin or self.chance(2):
            w["from"] = self.clock(begin)
        if end != 1440 or self.chance(2):
            w["to"] = self.clock(end)
        if self.chance(2):
            w["days"] = self.some(oracle.DAYS, 5)
        if not self.chance(5):
            w["zone"] = self.pick(ZONES)
        return w if begin != 0 or end != 0 else {}

    # --- policies ---------------------------------------------------------------------------------------------

    def glob(self, names):
        name = self.pick(names)
        cut = self.r.randint(0, len(name))
        return self.pick([name, name, name[:cut] + "*", "*" + name[cut:], name[:cut] + "*" + name[cut:]])

    def when(self):
        w = {}
        if self.chance(2):
            w["time"] = self.window()
        if self.chance(4):
            w["client"] = [self.glob(CLIENTS) for _ in range(self.r.randint(0, 2))]
        if self.chance(4):
            w["context"] = {self.pick(KEYS): self.pick([self.glob(VALUES), [self.glob(VALUES), self.glob(VALUES)]])}
        return w

    def host_pattern(self):
        if self.chance(3):
            net = self.pick(NETWORKS)
            return f"[{net}]" if ":" in net else net
        name = ".".join(self.some(HOSTS, 3))
        name = self.pick(["", "", "*.", "**."]) + self.pick([name, name.upper(), name + "."])
        return "**" if self.chance(12) else name

    def net_pattern(self):
        host, ports = self.host_pattern(), self.pick(PORT_SETS)
        if host.startswith("[") and not ports and self.chance(2):
            host = host[1:-1]
        return host + ports

    def path_pattern(self):
        if self.chance(15):
            return self.pick(["/", "**"])
        return "".join("/" + self.pick(NAMES + ["*", "*", "**", "a*", "*b", "*.d", ".*"]) for _ in range(self.r.randint(1, 4)))

    def program_pattern(self):
        return self.pick(["a", "b", "a*", "*", "*b", "c.d"]) if self.chance(2) else self.path_pattern()

    def url_pattern(self):
        host = self.host_pattern()
        if "/" in host and not host.startswith("["):
            host = f"[{host}]"
        path = "".join("/" + self.pick(["a", "b", "%61", "a:b", "a%3Ab", "a%2fb", "*", "**", "a*"])
                       for _ in range(self.r.randint(0, 3))) or self.pick(["", "", "/", "/**"])
        return "**" if self.chance(15) else self.pick(["", "", "http://", "https://", "HTTP://"]) + host + self.pick(PORT_SETS) + path

    def tool_pattern(self):
        return self.pick(["a", "a/b", "a/*", "*", "*b", "**", "a*b", "A"])

    def rule(self, i):
        kind = self.pick(["net", "net", "file", "program", "http", "tool"])
        actions = {"net": ["connect:tcp", "net:connect:tcp", "connect:udp", "ssh:connect"],
                   "file": ["read", "write", "fs:read", "fs:write", "mount:read", "fs:mount:write"], "program": ["exec", "proc:exec"],
                   "http": ["request", "request:*", "http:request:GET", "request:post", "request:PUT"], "tool": ["invoke", "tool:invoke"]}
        make = {"net": self.net_pattern, "file": self.path_pattern, "program": self.program_pattern, "http": self.url_pattern,
                "tool": self.tool_pattern}[kind]
        rule = {"id": f"r{i}", "actions": self.some(actions[kind], 2), "resources": [make() for _ in range(self.r.randint(1, 3))],
                "decision": "deny" if self.chance(3) else "allow"}
        if self.chance(3):
            rule["when"] = self.when()
        if self.chance(5):
            rule["expires"] = self.expiry()
        return rule

    def policy(self, i):
        scope = {}
        for key, names in (("users", USERS), ("groups", GROUPS), ("sandboxes", SANDBOXES), ("agents", AGENTS)):
            if self.chance(6):
                scope[key] = [self.glob(names) for _ in range(self.r.randint(0, 2))]
        policy = {"id": f"p{i}", "source": self.pick(SOURCES), "mode": self.pick(MODES), "scope": scope,
                  "rules": [self.rule(k) for k in range(self.r.randint(0, 8))]}
        for key in ("source", "mode", "scope"):
            if self.chance(4):
                del policy[key]
        return policy

    def document(self):
        return {"schema": "sealwright-policy/1", "revision": "1", "policies": [self.policy(i) for i in range(self.r.randint(0, 4))]}

    def documents(self):
        """One or two files, the second's policies named apart."""
        made = [self.document() for _ in range(2 if self.chance(5) else 1)]
        for i, p in enumerate(p for d in made for p in d["policies"]):
            p["id"] = f"p{i}"
        return made

    # --- requests ---------------------------------------------------------------------------------------------

    def host(self):
        if self.chance(3):
            return self.pick(ADDRESSES)
        name = ".".join(self.some(HOSTS, 4))
        return self.pick([name, name, name.upper(), name + ".", self.pick(["-a", "a..b", "", "1.2.3", "0x1", "a.1"])]
                         if self.chance(4) else [name])

    def path(self):
        tail = self.pick(["", "", "", "/", "//", "/."])
        return self.pick(["/", "/", "/", "//", "/./"]) + "/".join(self.some(NAMES, 4)) + tail if not self.chance(20) else self.pick(
            ["/", "", "a", "/a/../b", "/..a", "/a b", "/*", "/ä"])

    def url(self):
        path = "".join("/" + self.pick(["a", "b", "%61", "a:b", "a%3ab", "a%2Fb", "ab", "", "%C3%A9", "*"]) for _ in range(self.r.randint(0, 4)))
        if self.chance(20):
            path += self.pick(["/..", "/%2e%2e/a", "/..;x", "/%zz", "/%00", "/a\\b"])
        port = self.pick(["", "", ":80", ":443", ":8080"])
        return self.pick(["http://", "https://", "HTTPS://"]) + self.host() + port + path + self.pick(["", "", "?q=/b", "#f"])

    def op(self):
        kind = self.pick(["net", "net", "file", "program", "http", "tool"])
        if kind == "net":
            host = self.host()
            prefix = "net:ip:" if host in ADDRESSES and self.chance(2) else "net:domain:"
            return self.pick(["net:connect:tcp", "net:connect:tcp", "net:connect:udp", "ssh:connect"]), f"{prefix}{host}:{self.pick(PORTS)}"
        if kind == "file":
            return self.pick(["fs:read", "fs:write", "fs:mount:read", "fs:mount:write"]), "fs:path:" + self.path()
        if kind == "program":
            return "proc:exec", "proc:path:" + self.path()
        if kind == "http":
            return "http:request:" + self.pick(METHODS), "http:url:" + self.url()
        return "tool:invoke", "tool:name:" + self.pick(["a", "a/b", "A", "ab", "a/b/c", "b"])

    def subject(self):
        def maybe(names):
            return None if self.chance(3) else self.pick(names)
        groups = [] if self.chance(3) else self.some(GROUPS, 3)
        context = {} if self.chance(2) else {k: self.pick(VALUES) for k in self.some(KEYS, 2)}
        return oracle.Subject(maybe(USERS), groups, maybe(SANDBOXES), maybe(AGENTS), maybe(CLIENTS), context)

    # --- requests about what a rule names ---------------------------------------------------------------------

    def fill(self, pattern, words):
        """The stars of a pattern replaced."""
        return "".join(self.pick(words) if c == "*" else c for c in pattern)

    def fill_host(self, pattern):
        if pattern == "**":
            return self.host()
        if "/" in pattern or oracle.address(pattern) is not None:
            net = oracle.network(pattern)
            ip = self.pick([net[0], net[-1], net[0] + 1] if net.num_addresses > 1 else [net[0]])
            return f"[{ip}]" if ip.version == 6 else self.pick([str(ip), str(ip), f"[::ffff:{ip}]"])
        name = pattern.replace("**.", self.pick(["a.", "a.b.", "c.c.c.", ""]))
        return name.replace("*.", self.pick(["a.", "b.", "", "a.b."]))

    def fill_port(self, ports):
        numbers = [int(n) for item in (ports or "").split(",") for n in item.split("-") if n.isdigit()]
        return min(65535, max(1, self.pick(numbers or PORTS) + self.pick([0, 0, 0, 1, -1])))

    def fill_path(self, pattern):
        if pattern == "**":
            return self.path()
        parts = ["/".join(self.some(NAMES, 3)) if part == "**" else self.fill(part, ["a", "b", "", "ab"]) for part in pattern.split("/")]
        return "/".join(parts) + self.pick(["", "", "", "/", "/a"])

    def fill_url(self, pattern):
        if pattern == "**":
            return self.url()
        scheme, mark, rest = pattern.partition("://")
        where, slash, path = (rest if mark else pattern).partition("/") if "[" not in pattern else self.bracketed(rest if mark else pattern)
        host, ports = oracle.split_host_pattern(where)
        port = self.pick(["", f":{self.fill_port(ports)}"]) if not ports else f":{self.fill_port(ports)}"
        return f"{scheme if mark else self.pick(['http', 'https'])}://{self.fill_host(host)}{port}{self.fill_path(slash + path) if slash else ''}"

    @staticmethod
    def bracketed(text):
        end = text.index("]")
        rest, slash, path = text[end:].partition("/")
        return text[:end] + rest, slash, path

    def fill_action(self, name):
        if name in oracle.COVERS:
            return self.pick(sorted(oracle.COVERS[name]))
        method = name.rpartition(":")[2]
        return "http:request:" + (self.pick(METHODS) if method in ("*", "request") else method)

    def aimed(self, documents):
        rules = [rule for d in documents for p in d["policies"] for rule in p["rules"]]
        if not rules:
            return self.op()
        rule = self.pick(rules)
        action, pattern = self.fill_action(self.pick(rule["actions"])), self.pick(rule["resources"])
        if action.startswith("fs:"):
            return action, "fs:path:" + self.fill_path(pattern)
        if action == "proc:exec":
            return action, "proc:path:" + (self.fill_path(pattern) if "/" in pattern or pattern == "**" else "/b/" + self.fill(pattern, ["a", "", "b"]))
        if action.startswith("http:"):
            return action, "http:url:" + self.fill_url(pattern)
        if action == "tool:invoke":
            return action, "tool:name:" + (self.fill(pattern, ["a", "b", "/", ""]) or "a")
        host, ports = oracle.split_host_pattern(pattern)
        return action, f"net:domain:{self.fill_host(host)}:{self.fill_port(ports)}"

    def moments(self, documents):
        """A moment, sometimes at the very end of a rule."""
        ends = [rule["expires"] for d in documents for p in d["policies"] for rule in p["rules"] if "expires" in rule]
        if ends and self.chance(4):
            return oracle.microseconds(self.pick(ends)) + self.pick([0, -1, 1])
        return self.moment()


def known_zones():
    """Those of ZONES that this machine knows."""
    return [z for z in ZONES if z[0] in "+-" or z == "UTC" or z in zoneinfo.available_timezones()]
