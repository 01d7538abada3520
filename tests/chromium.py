"""A headless Chromium, driven over its debugging pipe: pages opened, clicked, typed into, pictured; without network."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--proxy-server=127.0.0.1:9", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip
# Chromium reads commands from descriptor 3 and answers on 4; those of Python are others.
LAUNCH = (
    "import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 3); os.dup2(w, 4); os.execv(sys.argv[3], sys.argv[3:])"
)
KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
        "Home": 36, "End": 35, "PageUp": 33, "PageDown": 34}  # fmt: skip
TEXTS = {"Enter": "\r"}
PATIENCE = 60  # seconds for an answer, where every core is busy


def executable():
    """Path of a Chromium; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One browser with one page.

    Attributes:
        said: what the page's console said and what it could not load, since it was opened.
    """

    def __init__(self, width=1400, height=900):
        self.folder = tempfile.mkdtemp(prefix="hemoseg-chromium-")
        read, self.command = os.pipe()
        self.answers, write = os.pipe()
        told = [sys.executable, "-c", LAUNCH, str(read), str(write), executable(), *FLAGS]
        told += [f"--user-data-dir={self.folder}", "about:blank"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(told, pass_fds=(read, write), **quiet)
        os.close(read)
        os.close(write)
        self.number, self.buffer, self.said, self.session = 0, b"", [], None
        targets = self.send("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.resize(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        os.close(self.command)
        os.close(self.answers)
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, method, **params):
        """The result of one command."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.command, json.dumps(message).encode() + b"\0")
        while (answer := self.receive()).get("id") != self.number:
            self.note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def receive(self):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self.buffer:
            if not select.select([self.answers], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"Chromium said nothing for {PATIENCE} s")
            if not (part := os.read(self.answers, 1 << 20)):
                raise RuntimeError("Chromium has ended")
            self.buffer += part
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.said.append(params["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        elif method == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(one.get("value", one.get("description"))) for one in params["args"]))
        elif method == "Log.entryAdded":
            self.said.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith(
            ("data:", "file:", "blob:")
        ):
            self.said.append(f"asked for {params['request']['url'][:200]}")
        elif method == "Page.javascriptDialogOpening":
            self.said.append(f"dialog: {params['message']}")

    def resize(self, width, height, ratio=1):
        """Make the window so many CSS pixels large."""
        size = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **size)

    def open(self, page, address="", until="true"):
        """Open a local page and wait until an expression holds."""
        self.said.clear()
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=Path(page).resolve().as_uri() + address)
        self.wait(f"document.readyState === 'complete' && Boolean({until})")

    def run(self, expression):
        """Value of an expression in the page, awaited where it is a promise."""
        told = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = self.send("Runtime.evaluate", **told)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", expression))
        return answer["result"].get("value")

    def wait(self, expression):
        """Wait until an expression holds in the page."""
        end = time.monotonic() + PATIENCE
        while not self.run(expression):
            if time.monotonic() > end:
                raise TimeoutError(f"{expression} never held; the page said {self.said}")
            time.sleep(0.02)

    def drawn(self):
        """Wait for what was asked for to be painted."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def click(self, x, y, clicks=1):
        """Press and release the left button at a point of the window."""
        self.point(x, y)
        for count in range(1, clicks + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=count)
        self.drawn()

    def point(self, x, y, buttons=0):
        """Move the pointer."""
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, buttons=buttons)

    def drag(self, start, end):
        """Press at a point, move to another in steps, release."""
        self.point(*start)
        self.send("Input.dispatchMouseEvent", type="mousePressed", x=start[0], y=start[1], button="left", clickCount=1)
        for part in (0.25, 0.5, 0.75, 1):
            self.point(*(a + (b - a) * part for a, b in zip(start, end, strict=True)), buttons=1)
        self.send("Input.dispatchMouseEvent", type="mouseReleased", x=end[0], y=end[1], button="left", clickCount=1)
        self.drawn()

    def wheel(self, x, y, down):
        """Turn the wheel over a point."""
        self.send("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=down)
        self.drawn()

    def click_on(self, selector):
        """Click the middle of an element that can be seen and reached there."""
        x, y, hit = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'nearest'});"
            " const b = e.getBoundingClientRect(), x = b.left + b.width / 2, y = b.top + b.height / 2;"
            " const top = document.elementFromPoint(x, y);"
            " return [x, y, Boolean(top) && (e.contains(top) || top.contains(e))]; })()"
        )
        if not hit:
            raise RuntimeError(f"{selector} is covered or out of sight")
        self.click(x, y)

    def press(self, key, times=1, shift=False):
        """Press a key as the keyboard does: what has the focus gets it."""
        code = KEYS.get(key, ord(key.upper()) if len(key) == 1 else 0)
        told = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 * shift}
        text = TEXTS.get(key, key if len(key) == 1 else "")
        for _ in range(times):
            self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **told)
            self.send("Input.dispatchKeyEvent", type="keyUp", **told)
        self.drawn()

    def picture(self, path):
        """Write what the window shows as PNG."""
        self.drawn()
        Path(path).write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))
