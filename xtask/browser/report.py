"""Checks a study's report in a browser: `report.py REPORT.html [PICTURES_DIR]`. Prints what it saw as JSON."""

import os
import sys

from driver import SIZES, check, fits, named, run, walk


def figures(page):
    """Every figure has drawings that take room, each with a title and a description."""
    found = page.evaluate("""[...document.querySelectorAll('figure')].map((f) => ({
      id: f.id,
      drawings: [...f.querySelectorAll('svg')].map((s) => {
        const b = s.getBoundingClientRect();
        return b.width > 100 && b.height > 40 && !!s.querySelector('title')?.textContent && !!s.querySelector('desc')?.textContent;
      }),
      caption: f.querySelector('figcaption')?.textContent.length ?? 0,
    }))""")
    check(found, "there is no figure")
    for figure in found:
        check(figure["drawings"] and all(figure["drawings"]), f"{figure['id']} has a drawing that is not shown or not named")
        check(figure["caption"] > 20, f"{figure['id']} has no caption")
    return [figure["id"] for figure in found]


def players(page):
    """Every excerpt plays from the keyboard."""
    n = page.evaluate("document.querySelectorAll('audio').length")
    for index in range(min(n, 3)):
        page.evaluate(f"document.querySelectorAll('audio')[{index}].focus()")
        page.key(" ")
        page.until(f"document.querySelectorAll('audio')[{index}].currentTime > 0.05")
        page.evaluate(f"document.querySelectorAll('audio')[{index}].pause()")
    return n


def look(page, report, pictures=None):
    seen = {}
    for name, width, height in SIZES:
        page.open(report, width, height)
        fits(page, name)
        seen[name] = {
            "figures": figures(page), "tables": page.evaluate("document.querySelectorAll('table').length"),
            "players": players(page), "controls_by_tab": walk(page), "accessible_nodes": named(page),
        }
        links = page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].filter((a) => !document.getElementById(a.hash.slice(1))).length")
        check(links == 0, f"{links} links lead nowhere")
        if pictures:
            page.evaluate("window.scrollTo(0, 0)")
            page.picture(os.path.join(pictures, f"report-{name}.png"))
            page.open(report, width, height, dark=True)
            page.picture(os.path.join(pictures, f"report-{name}-dark.png"))
    # On paper nothing is cut off and nothing waits to be pressed.
    page.open(report, 1280, 900)
    page.ask("Emulation.setEmulatedMedia", media="print")
    check(page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none", "the contents are printed")
    seen["pages_on_paper_bytes"] = len(page.ask("Page.printToPDF", preferCSSPageSize=True)["data"])
    return seen


if __name__ == "__main__":
    sys.exit(run(look, sys.argv[1:]))
