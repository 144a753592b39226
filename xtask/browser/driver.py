"""Drives a headless Chromium over a pipe by its DevTools protocol; needs nothing but Python's own library."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

SIZES = [("phone", 390, 844), ("desktop", 1280, 900)]
NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
KEYS = {
    "Tab": (9, ""), "Enter": (13, "\r"), "Escape": (27, ""), " ": (32, " "), "Home": (36, ""),
    "ArrowLeft": (37, ""), "ArrowUp": (38, ""), "ArrowRight": (39, ""), "ArrowDown": (40, ""),
}


def find():
    """The browser: `$CHROMIUM`, or the first of the usual names; None where there is none."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for path in map(shutil.which, NAMES) if path), None)


class Failed(Exception):
    """A check that does not hold."""


class Page:
    """One tab with its console, its requests and its errors."""

    def __init__(self, program):
        self.profile = tempfile.TemporaryDirectory(prefix="culturemert-browser-", ignore_cleanup_errors=True)
        # Away from 3 and 4, which the browser wants for itself.
        high = lambda fd: fcntl.fcntl(fd, fcntl.F_DUPFD, 20)
        to_browser, from_browser = [tuple(map(high, os.pipe())) for _ in range(2)]

        def wire():
            os.dup2(to_browser[0], 3)
            os.dup2(from_browser[1], 4)

        arguments = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--mute-audio",
                     "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
                     f"--user-data-dir={self.profile.name}", "about:blank"]
        self.process = subprocess.Popen([program, *arguments], preexec_fn=wire, pass_fds=(3, 4),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.out, self.into = to_browser[1], from_browser[0]
        for fd in (to_browser[0], from_browser[1]):
            os.close(fd)
        self.buffer, self.number, self.events, self.session = b"", 0, [], None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Network", "Log", "Accessibility"]:
            self.ask(f"{domain}.enable")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.profile.cleanup()

    def _read(self, deadline):
        """The next message."""
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.into], [], [], left)[0]:
                raise Failed("the browser does not answer")
            part = os.read(self.into, 1 << 20)
            if not part:
                raise Failed("the browser ended")
            self.buffer += part
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def ask(self, method, timeout=60, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise Failed(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def evaluate(self, code):
        """The value of an expression in the page; promises are waited for."""
        result = self.ask("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise Failed(f"{code}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def until(self, code, seconds=20):
        """Waits until an expression is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.evaluate(code):
                return
            time.sleep(0.05)
        raise Failed(f"never true: {code}")

    def open(self, path, width, height, dark=False):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if width < 600 else 1,
                 mobile=width < 600)
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.ask("Page.navigate", url="file://" + os.path.abspath(path))
        self.until("document.readyState === 'complete'")
        self.settle()

    def settle(self):
        """Two frames and a little."""
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 80))))")

    def key(self, name):
        code, text = KEYS.get(name, (ord(name.upper()[0]), name))
        common = {"key": name, "windowsVirtualKeyCode": code, "code": name if code < 48 else f"Key{name.upper()}"}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def mouse(self, kind, x, y, **more):
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x, y):
        self.mouse("mouseMoved", x, y)
        for kind in ["mousePressed", "mouseReleased"]:
            self.mouse(kind, x, y, button="left", clickCount=1)

    def click_on(self, selector):
        box = self.evaluate(f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center', behavior: 'instant'}});"
                            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()")
        self.click(*box)

    def picture(self, path, whole=True):
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def complaints(self):
        """What went wrong in the page, and what it asked of the network."""
        found = []
        for event in self.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(f"exception: {parameters['exceptionDetails']}")
            elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
                found.append(f"console: {parameters['args']}")
            elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                found.append(f"log: {parameters['entry']['text']} {parameters['entry'].get('url', '')}")
            elif method == "Network.requestWillBeSent":
                url = parameters["request"]["url"]
                if not url.startswith(("file:", "data:", "about:", "blob:")):
                    found.append(f"network: {url}")
        return found


def check(holds, what):
    if not holds:
        raise Failed(what)


# Everything that a keyboard must reach: shown, enabled, not taken out of the order.
REACHABLE = """[...document.querySelectorAll('a[href], button, input, select, summary, audio[controls], [tabindex="0"]')].filter((e) =>
  !e.disabled && e.getClientRects().length > 0 && e.tabIndex >= 0 && !(e.closest('details:not([open])') && e.tagName !== 'SUMMARY'))"""


def walk(page, most=600):
    """Goes through the page by Tab; every element that can be reached must be, and must show that it has the focus."""
    page.evaluate("(() => { window.walked = new Set(); window.unseen = []; document.activeElement?.blur(); window.scrollTo(0, 0); })()")
    wanted = page.evaluate(f"{REACHABLE}.length")
    for _ in range(most):
        page.key("Tab")
        page.evaluate("""(() => {
          const e = document.activeElement;
          if (!e || e === document.body || walked.has(e)) return;
          walked.add(e);
          const style = getComputedStyle(e);
          const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
          if (!seen && e.tagName !== 'AUDIO') unseen.push(e.outerHTML.slice(0, 100));
        })()""")
        # A group of radio buttons is one stop, gone through by arrow keys.
        left = page.evaluate(f"""{REACHABLE}.filter((e) => !walked.has(e)
          && !(e.type === 'radio' && [...walked].some((w) => w.name === e.name))).map((e) => e.outerHTML.slice(0, 120))""")
        if not left:
            break
    check(not left, f"the keyboard does not reach: {left[:5]}")
    unseen = page.evaluate("unseen")
    check(not unseen, f"no visible focus: {unseen[:5]}")
    return wanted


def named(page):
    """Every control has a name for a screen reader."""
    nodes = page.ask("Accessibility.getFullAXTree")["nodes"]
    controls = {"button", "checkbox", "radio", "combobox", "textbox", "searchbox", "link", "application", "img", "figure"}
    nameless = [node["role"]["value"] for node in nodes
                if not node.get("ignored") and node.get("role", {}).get("value") in controls - {"figure"}
                and not node.get("name", {}).get("value")]
    check(not nameless, f"without a name: {nameless}")
    return sum(1 for node in nodes if not node.get("ignored"))


def fits(page, what):
    wide, inner = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    check(wide <= inner, f"{what}: {wide} wide in a window of {inner}")


def run(look, arguments):
    """Hands a page to `look(page, *arguments)` and prints what it saw as JSON; the exit code, 0 too where there is no browser."""
    program = find()
    if not program:
        print("not tested: there is no Chromium (set $CHROMIUM, or `apt-get install chromium`)", file=sys.stderr)
        return 0
    page = Page(program)
    try:
        seen = look(page, *arguments)
        complaints = page.complaints()
        check(not complaints, f"the page complains: {complaints[:5]}")
    except Failed as failure:
        print(f"failed: {failure}; {page.complaints()[:3]}", file=sys.stderr)
        return 1
    finally:
        page.close()
    print(json.dumps(seen, indent=2))
    return 0
