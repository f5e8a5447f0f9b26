# SPDX-License-Identifier: MIT
"""A headless Chromium with as many pages as a test opens, driven over the DevTools protocol. Used by tests beside it.

It has a profile of its own and is killed at the end; every wait is bounded by LIMIT_SECONDS.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.loops import LIMIT_SECONDS

SWITCHES = (
    "--headless",
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-port=0",
)


class Page:
    """One page; `evaluate` runs JavaScript in it."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    def evaluate(self, script: str) -> Any:
        """The value of an expression."""
        answer = self._browser.call(
            "Runtime.evaluate", {"expression": script, "returnByValue": True}, session=self._session
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Waits until an expression is true."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while not self.evaluate(script):
            assert time.monotonic() < deadline, f"{script} stayed false; the page: {self.text()!r}"
            time.sleep(0.02)

    def text(self) -> str:
        return str(self.evaluate("document.body.innerText"))

    def close(self) -> None:
        self._browser.call("Target.closeTarget", {"targetId": self._target})


class Browser:
    """A running Chromium."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._calls = 0

    def call(self, method: str, parameters: dict[str, Any], *, session: str = "") -> dict[str, Any]:
        """Calls a method of the protocol and waits for its result; events are passed over."""
        self._calls += 1
        message: dict[str, Any] = {"id": self._calls, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._connection.send(json.dumps(message))
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            answer = json.loads(self._connection.recv(timeout=LIMIT_SECONDS))
            if answer.get("id") == self._calls:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
        raise AssertionError(f"{method} was not answered")

    def open(self, url: str) -> Page:
        """Opens a page."""
        target = self.call("Target.createTarget", {"url": url})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, target, session)
        page.wait_for(f"location.href.startsWith({json.dumps(url)}) && document.readyState == 'complete'")
        return page


@contextmanager
def chromium(folder: Path, *switches: str) -> Iterator[Browser]:
    """Starts Chromium with a profile in `folder` and further switches."""
    program = shutil.which("chromium")
    assert program is not None
    process = subprocess.Popen(
        [program, *SWITCHES, *switches, f"--user-data-dir={folder / 'profile'}", "about:blank"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    late = threading.Timer(LIMIT_SECONDS, process.kill)
    late.start()
    reading: threading.Thread | None = None
    try:
        assert process.stderr is not None
        found = None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"DevTools listening on (ws://\S+)", line):
                break
        late.cancel()
        assert found is not None, f"chromium did not start: {lines}"
        reading = threading.Thread(target=process.stderr.read, daemon=True)
        reading.start()
        with connect(found[1], max_size=None, open_timeout=LIMIT_SECONDS, close_timeout=1) as connection:
            yield Browser(connection)
    finally:
        late.cancel()
        process.kill()
        process.wait(LIMIT_SECONDS)
        if reading is not None:
            reading.join(LIMIT_SECONDS)
        if process.stderr is not None:
            process.stderr.close()
