"""Chromium driven over its own protocol: enough to load a page, watch it, and take its picture.

As a script:  python -m tests.browser.chromium page.html out.png --width 390 --dark --full
              python -m tests.browser.chromium page.html out.pdf
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip


def executable() -> str | None:
    """Path of Chromium: $CJLIB_CHROMIUM, else the first known name on PATH."""
    return os.environ.get("CJLIB_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One browser with one tab; `requests`, `dialogs` and `console` are what the page did."""

    def __init__(self, *, timeout: float = 30) -> None:
        program = executable()
        if program is None:
            raise FileNotFoundError("no Chromium on PATH; set CJLIB_CHROMIUM")
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._id = 0
        self.session: str | None = None
        self.clear()
        # The origin header is left out: the browser would refuse a foreign one.
        self.socket = websocket.create_connection(self._address(timeout), timeout=timeout, suppress_origin=True)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def _address(self, timeout: float) -> str:
        port_file = Path(self.profile, "DevToolsActivePort")
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if port_file.exists() and len(lines := port_file.read_text().splitlines()) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            time.sleep(0.05)
        self.close()
        raise TimeoutError(f"Chromium did not open its port within {timeout} s")

    def clear(self) -> None:
        """Forget what pages did so far."""
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self.console: list[str] = []
        self.loaded = False

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; events met on the way are kept."""
        self._id += 1
        message: dict[str, Any] = {"id": self._id, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        sent = self._id
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == sent:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])
            self._event(answer)

    def _event(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])
            self._id += 1
            close = {"id": self._id, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
            self.socket.send(json.dumps({**close, "sessionId": self.session}))
        elif method == "Log.entryAdded":
            self.console.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.console.append(params["exceptionDetails"]["text"])
        elif method == "Page.loadEventFired":
            self.loaded = True

    def open(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False, scale: float = 1) -> None:
        """Load `url` in a window of that size and theme; returns when it has loaded and settled."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=False,
        )  # fmt: skip
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[theme])
        self.clear()
        self.call("Page.navigate", url=url)
        while not self.loaded:
            self._event(json.loads(self.socket.recv()))
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")

    def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression in the page (promises are awaited)."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", expression))
        return answer["result"].get("value")

    def outside_requests(self) -> list[str]:
        """Requests that left the page itself and its own data: URIs."""
        return [url for url in self.requests[1:] if not url.startswith(("data:", "blob:"))]

    def screenshot(self, path: Path, *, full: bool = False) -> None:
        """PNG of the window, or of the whole page."""
        options: dict[str, Any] = {"format": "png"}
        if full:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            options |= {"captureBeyondViewport": True, "clip": {**size, "scale": 1}}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **options)["data"]))

    def pdf(self, path: Path) -> None:
        """Print with the page's own sheet sizes and backgrounds."""
        printed = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        path.write_bytes(base64.b64decode(printed["data"]))

    def close(self) -> None:
        """End the browser and remove its profile."""
        if hasattr(self, "socket"):
            self.socket.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)
        shutil.rmtree(self.profile, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Take the picture of one page."""
    parser = argparse.ArgumentParser(description="Picture of a page, as PNG or (by its suffix) PDF.")
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--scale", type=float, default=1, help="pixels of the picture per CSS pixel")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--full", action="store_true", help="the whole page, not only the window")
    parser.add_argument("--open", action="store_true", help="open every fold first")
    given = parser.parse_args(arguments)
    with Chromium() as browser:
        url = given.page.resolve().as_uri()
        browser.open(url, width=given.width, height=given.height, dark=given.dark, scale=given.scale)
        if given.open:
            browser.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
        if given.picture.suffix == ".pdf":
            browser.pdf(given.picture)
        else:
            browser.screenshot(given.picture, full=given.full)


if __name__ == "__main__":
    main()
