# SPDX-License-Identifier: Apache-2.0
"""Chromium without a window, driven over its debugging pipe: what a page looks like to it, what it asked for, what
it complained about.

    with Browser() as b:
        b.open("file:///..."); b.evaluate("document.title"); b.said; b.requests"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

import service

FOUND = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = ["--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage",
           "--remote-debugging-pipe", "--window-size=1200,900"]


class Browser:
    """Its sandbox needs what root does not have: as root it runs without."""

    def __init__(self):
        self.said, self.requests, self.buffer, self.number = [], [], b"", 0
        self.profile = tempfile.mkdtemp(prefix="b")
        theirs_in, self.out = os.pipe()
        self.inn, theirs_out = os.pipe()
        options = OPTIONS + ["--no-sandbox"] + ["--user-data-dir=" + self.profile, "about:blank"]

        def ends():
            # 3 and 4 may be these very pipes: by way of higher numbers.
            high = [os.dup2(theirs_in, 200), os.dup2(theirs_out, 201)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)
        self.process = subprocess.Popen([FOUND, *options], preexec_fn=ends, close_fds=False, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                        env={**os.environ, "HOME": self.profile})
        os.close(theirs_in)
        os.close(theirs_out)
        self.session = None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(service.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.inn)
        shutil.rmtree(self.profile, True)

    def _message(self, until):
        while b"\0" not in self.buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.inn], [], [], left)[0]:
                raise AssertionError("the browser does not answer")
            data = os.read(self.inn, 1 << 20)
            if not data:
                raise AssertionError("the browser has ended")
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def _event(self, message):
        name, what = message.get("method"), message.get("params", {})
        if name == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])
        elif name in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.said.append(what)
        return name

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.out, json.dumps(request).encode() + b"\0")
        until = time.monotonic() + 4 * service.PATIENCE
        while True:
            message = self._message(until)
            if message.get("id") == self.number:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]
            self._event(message)

    def open(self, url):
        self.requests, self.said = [], []
        self.call("Page.navigate", url=url)
        until = time.monotonic() + 4 * service.PATIENCE
        while self._event(self._message(until)) != "Page.loadEventFired":
            pass

    def evaluate(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])
