"""Checks the page of `explore` in a browser: `explorer.py SMALL_DIR LARGE_DIR [PICTURES_DIR]`. Prints what it measured as JSON."""

import os
import statistics
import sys

from driver import SIZES, check, fits, named, run, walk

# Milliseconds of a drawing of all points, lower quartile: two frames of a screen of 60 Hz, because a machine without a graphics card draws here
# and may be busy with other things.
SLOWEST = 33.0


def blank(page):
    return page.evaluate("""(() => {
      const c = document.createElement('canvas');
      c.width = c.height = 200;
      const d = c.getContext('2d', { willReadFrequently: true });
      d.drawImage(document.getElementById('points'), 0, 0, 200, 200);
      let n = 0;
      for (const [i, v] of d.getImageData(0, 0, 200, 200).data.entries()) if (i % 4 === 3 && v) n += 1;
      return n < 50;
    })()""")


def on_screen(page, at):
    return page.evaluate(f"""(() => {{
      const b = document.getElementById('marks').getBoundingClientRect();
      const m = explorer.maps[explorer.state.model];
      return [b.x + explorer.toX(m.x[{at}]), b.y + explorer.toY(m.y[{at}])];
    }})()""")


def selected(page):
    return page.evaluate("explorer.state.selected")


def by_keyboard(page):
    page.evaluate("document.getElementById('marks').focus()")
    seen = []
    # Far enough to meet one that can be heard.
    for step in range(60):
        page.key(["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"][step // 2 % 4])
        seen.append(selected(page))
        if len(set(seen)) > 3 and page.evaluate("!document.getElementById('audio').hidden"):
            break
    check(-1 not in seen and len(set(seen)) > 3, f"arrow keys select {seen}")
    page.settle()
    said = page.evaluate("document.getElementById('said').textContent")
    check(said, "nothing is said to a screen reader")
    page.key("Enter")
    page.until("!document.getElementById('audio').paused || document.getElementById('audio').currentTime > 0")
    page.until("document.getElementById('audio').currentTime > 0.05")
    page.key("Enter")
    page.until("document.getElementById('audio').paused")
    page.key("Escape")
    check(selected(page) == -1, "Escape does not unselect")


def by_mouse(page):
    page.evaluate("document.getElementById('stage').scrollIntoView({block: 'center', behavior: 'instant'})")
    page.settle()
    # The point that lies most alone, so that the click means it.
    alone, room = page.evaluate("""(() => {
      const m = explorer.maps[explorer.state.model];
      const p = Array.from({ length: explorer.n }, (_, i) => [explorer.toX(m.x[i]), explorer.toY(m.y[i])]);
      const room = p.map(([x, y], i) => Math.min(...p.map(([u, v], j) => (j === i ? Infinity : Math.hypot(x - u, y - v)))));
      const most = Math.max(...room);
      return [room.indexOf(most), most];
    })()""")
    check(room > 3, f"points lie within {room} pixels of each other")
    page.click(*on_screen(page, alone))
    check(selected(page) == alone, f"a click on {alone} selects {selected(page)}")
    heading = page.evaluate("document.getElementById('clip-h').textContent")
    check(heading != "Nothing selected", "the panel is empty")
    n = page.evaluate("document.querySelectorAll('.near button').length")
    check(n == 20, f"{n} neighbours of two models are listed")
    check("share" in page.evaluate("document.getElementById('overlap').textContent"), "no overlap is stated")
    page.click_on(".near button")
    check(selected(page) not in (alone, -1), "a neighbour cannot be selected")


def by_filters(page, n):
    page.click_on("#search")
    page.type("carnatic flute")
    page.until(f"document.getElementById('count').textContent.match(/^[0-9]+/)[0] < {n}")
    left = int(page.evaluate("document.getElementById('count').textContent.split(' ')[0]"))
    check(0 < left < n / 8, f"the search leaves {left}")
    page.click_on("#clear")
    page.until(f"document.getElementById('count').textContent.startsWith('{n} of {n}')")
    page.click_on("#cultures input")
    page.until(f"document.getElementById('count').textContent.startsWith('{n - n // 8} of')")
    page.click_on("#clear")
    page.click_on("#model-choice label:last-child input")
    page.until("explorer.state.model === 1")
    page.evaluate("new Promise((done) => setTimeout(done, 900))")
    check(not blank(page), "the second model's map is blank")
    page.evaluate("(() => { const c = document.getElementById('colour'); c.value = 'shared'; c.dispatchEvent(new Event('change')); })()")
    page.settle()
    check(page.evaluate("document.querySelectorAll('#steps li').length") == 5, "the steps of shared neighbours are not named")
    page.evaluate("(() => { const c = document.getElementById('colour'); c.value = 'culture'; c.dispatchEvent(new Event('change')); })()")
    page.click_on("#model-choice label:first-child input")
    page.evaluate("new Promise((done) => setTimeout(done, 900))")


def frames(page):
    """Milliseconds of drawing while the map is dragged and zoomed, and between frames while models change."""
    page.evaluate("document.getElementById('stage').scrollIntoView({block: 'center', behavior: 'instant'})")
    box = page.evaluate("(() => { const b = document.getElementById('marks').getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()")
    page.evaluate("(() => { explorer.times.drawn.length = 0; explorer.times.began.length = 0; })()")
    page.mouse("mousePressed", *box, button="left", clickCount=1)
    for step in range(60):
        page.mouse("mouseMoved", box[0] + step * 2, box[1] + step, button="left", buttons=1)
    page.mouse("mouseReleased", box[0] + 120, box[1] + 60, button="left", clickCount=1)
    for _ in range(20):
        page.mouse("mouseWheel", *box, deltaX=0, deltaY=-60)
    page.settle()
    drawn = page.evaluate("explorer.times.drawn")
    check(len(drawn) > 20, f"only {len(drawn)} drawings while dragging and zooming")
    page.key("0")
    page.evaluate("(() => { document.getElementById('zoom-all').click(); explorer.times.drawn.length = 0; explorer.times.began.length = 0; })()")
    page.evaluate("document.getElementById('marks').focus()")
    page.key("m")
    page.evaluate("new Promise((done) => setTimeout(done, 1000))")
    began, moving = page.evaluate("[explorer.times.began, explorer.times.drawn]")
    between = [b - a for a, b in zip(began, began[1:])]
    check(len(between) > 1, f"only {len(between)} frames of the change between models")
    rounded = lambda x: round(x, 2)
    ninety = lambda values: rounded(sorted(values)[int(0.95 * (len(values) - 1))])
    return {
        "draw_ms_quartile": rounded(sorted(drawn + moving)[len(drawn + moving) // 4]), "draw_ms_median": rounded(statistics.median(drawn + moving)), "draw_ms_95th": ninety(drawn + moving),
        "frame_ms_median": rounded(statistics.median(between)), "frame_ms_95th": ninety(between), "drawings": len(drawn + moving),
    }


def look(page, small, large, pictures=None):
    measured = {}
    for name, width, height in SIZES:
        page.open(os.path.join(small, "index.html"), width, height)
        n = page.evaluate("explorer.n")
        check(not blank(page), f"{name}: the map is blank")
        fits(page, name)
        check(page.evaluate("document.querySelectorAll('#rows > li').length") == 30, "the list is not there")
        check(page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 250, 247)", "it is not light")
        by_filters(page, n)
        by_mouse(page)
        fits(page, f"{name}, with a selection")
        page.evaluate("window.scrollTo(0, 0)")
        page.settle()
        if pictures:
            page.picture(os.path.join(pictures, f"explore-{name}.png"), whole=False)
        by_keyboard(page)
        measured[name] = {"controls_by_tab": walk(page), "accessible_nodes": named(page)}
        page.open(os.path.join(small, "index.html"), width, height, dark=True)
        check(page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 22, 26)", "it is not dark")
        page.evaluate("document.getElementById('marks').focus()")
        page.key("ArrowDown")
        page.settle()
        if pictures:
            page.picture(os.path.join(pictures, f"explore-{name}-dark.png"))
    for name, width, height in SIZES:
        page.open(os.path.join(large, "index.html"), width, height)
        check(not blank(page), f"{name}: the large map is blank")
        measured[name]["large"] = {"n": page.evaluate("explorer.n"), **frames(page)}
        if pictures:
            page.settle()
            page.picture(os.path.join(pictures, f"explore-large-{name}.png"), whole=False)
        slow = measured[name]["large"]["draw_ms_quartile"]
        check(slow < SLOWEST, f"{name}: a drawing takes {slow} ms")
    return measured


if __name__ == "__main__":
    sys.exit(run(look, sys.argv[1:]))
