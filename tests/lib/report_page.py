# SPDX-License-Identifier: Apache-2.0
"""A page that `auditlog report` made, read as strictly as it promises to be written, and what stands in it.

    page = Page(bytes)            AssertionError when it holds what it must not, or is not well-formed
    page.title, page.facts["Log"], page.figures["Denied"], page.verdict, page.paragraphs, page.tables["Users"]"""

import base64
import hashlib
import re
import xml.etree.ElementTree
from html.parser import HTMLParser

VOID = {"meta"}
ALLOWED = {  # tag: attributes that it may have
    "html": {"lang"}, "head": set(), "meta": {"charset", "http-equiv", "content", "name"}, "title": {"id"}, "style": set(),
    "body": set(), "main": set(), "nav": {"aria-label"}, "ol": set(), "ul": {"class"}, "li": {"class"}, "a": {"href"},
    "section": {"id"}, "h1": set(), "h2": set(), "h3": set(), "p": {"class"}, "div": {"class"}, "span": set(), "b": set(),
    "small": set(), "strong": set(), "bdi": set(), "dl": set(), "dt": set(), "dd": set(), "table": {"class"},
    "thead": set(), "tbody": set(), "tr": set(), "th": {"scope", "class"}, "td": {"class", "data-label"},
    "figure": set(), "figcaption": set(), "details": set(), "summary": set(),
    "svg": {"viewbox", "role", "aria-labelledby", "aria-hidden", "preserveaspectratio"}, "desc": {"id"}, "g": set(),
    "rect": {"class", "x", "y", "width", "height"}, "line": {"class", "x1", "y1", "x2", "y2"},
    "text": {"x", "y", "text-anchor"},
}
WORD = re.compile(r"[a-z][a-z0-9 -]*\Z")
NUMBER = re.compile(r"\d+(\.\d+)?\Z")


def number(text):
    return int(text.replace(",", ""))


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.labels = [], set(), [], []
        self.metas, self.style, self.texts = [], "", []
        self.events = []  # (what, value) in order

    def handle_decl(self, decl):
        assert decl == "DOCTYPE html" and not self.open, decl
        self.events.append(("doctype", decl))

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert tag in ALLOWED, f"<{tag}> in the page"
        assert len(set(names)) == len(names) and set(names) <= ALLOWED[tag], (tag, attrs)
        for name, value in attrs:
            self._attribute(tag, name, value)
        if tag == "meta":
            self.metas.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)
        self.events.append(("start", tag, dict(attrs)))

    def _attribute(self, tag, name, value):
        if name in ("class", "id"):
            assert WORD.match(value), (tag, name, value)
        if name == "id":
            assert value not in self.ids, value
            self.ids.add(value)
        if name == "href":
            assert value.startswith("#"), value
            self.links.append(value[1:])
        if name == "aria-labelledby":
            self.links += value.split()
        if tag in ("rect", "line", "text") and name not in ("class", "text-anchor"):
            assert NUMBER.match(value), (tag, name, value)

    def handle_startendtag(self, tag, attrs):
        assert tag in ("rect", "line"), tag
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()
        self.events.append(("end", tag))

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
            return
        assert self.open or not data.strip(), data
        self.events.append(("text", data))

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def handle_pi(self, data):
        raise AssertionError(f"a processing instruction: {data}")

    def unknown_decl(self, data):
        raise AssertionError(f"a declaration: {data}")


HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
                    "\U000e0000-\U000e0fff]")


class Page:
    def __init__(self, data):
        text = data.decode("utf-8")
        assert not HIDDEN.search(text), HIDDEN.search(text)
        reader = _Reader()
        reader.feed(text)
        reader.close()
        assert not reader.open and reader.events[0][0] == "doctype"
        assert set(reader.links) <= reader.ids, set(reader.links) - reader.ids
        self.text, self.reader = text, reader
        self._policy()
        self.svgs = [xml.etree.ElementTree.fromstring(s) for s in re.findall(r"<svg.*?</svg>", text, re.S)]
        self._collect()

    def _policy(self):
        style = self.reader.style
        assert not re.search(r"url|@import|expression|//|[<>\\]", style), "the style sheet names something"
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = [m["content"] for m in self.reader.metas if m.get("http-equiv") == "Content-Security-Policy"]
        assert policy == ["default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-" + digest + "'"]

    def _collect(self):
        self.title, self.verdict, heading = "", None, ""
        self.sections, self.headings, self.facts, self.figures, self.tables, self.paragraphs = [], [], {}, {}, {}, []
        self.charts, stack, dt, row, rows, figure = {}, [], "", None, None, []
        for event in self.reader.events:
            if event[0] == "start":
                if event[1] not in VOID:
                    stack.append([event[1], event[2], ""])
                if event[1] == "tbody":
                    rows = []
                elif event[1] == "tr":
                    row = []
                elif event[1] == "div" and event[2].get("class", "").startswith("verdict"):
                    self.verdict = [event[2]["class"].split()[1]]
                elif event[1] == "li":
                    figure = []
            elif event[0] == "text":
                if stack:
                    stack[-1][2] += event[1]
            elif event[0] == "end":
                tag, attrs, text = stack.pop()
                if stack and tag in ("bdi", "span"):
                    stack[-1][2] += text
                if tag == "h1":
                    self.title = text
                elif tag == "h2":
                    self.sections.append(text)
                    heading = text
                elif tag == "h3":
                    self.headings.append(text)
                    heading = text
                elif tag == "figcaption":
                    heading = text
                elif tag == "p":
                    if self.verdict is not None and any(s[0] == "div" for s in stack):
                        self.verdict.append(text)
                    else:
                        self.paragraphs.append((attrs["class"], text))
                elif tag == "strong":
                    self.verdict.append(text)
                elif tag == "dt":
                    dt = text
                elif tag == "dd":
                    self.facts.setdefault(dt, text)
                elif tag in ("span", "b", "small") and any(s[0] == "li" for s in stack):
                    figure.append(text)
                elif tag == "li" and len(figure) == 3:
                    self.figures[figure[0]] = number(figure[1])
                elif tag == "td":
                    row.append(text)
                elif tag == "tr" and row:
                    rows.append(row)
                elif tag == "tbody":
                    (self.charts if any(s[0] == "figure" for s in stack) else self.tables)[heading] = rows
