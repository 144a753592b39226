// Pointer and keyboard on the map.
const fingers = new Map();
let press = null;
let pinch = null;

function at(event) {
  const box = marks.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function under(px, py, reach) {
  return nearestTo(maps[state.model], fromX(px), fromY(py), reach / (span0() * view.scale));
}

function hover(px, py) {
  const found = under(px, py, 12);
  if (found === state.hovered) return;
  state.hovered = found;
  const tip = byId("tip");
  tip.hidden = found < 0;
  if (found >= 0) {
    tip.textContent = `${label(found)} · ${data.cultures[clips.culture[found]]}`;
    tip.style.left = `${Math.min(px + 14, Math.max(0, view.width - tip.offsetWidth - 6))}px`;
    tip.style.top = `${Math.max(4, py - 34)}px`;
  }
  redraw(false);
}

function setUpPointer() {
  marks.addEventListener("pointerdown", (event) => {
    const [px, py] = at(event);
    fingers.set(event.pointerId, [px, py]);
    marks.setPointerCapture(event.pointerId);
    if (fingers.size === 1) press = { px, py, x: view.x, y: view.y, moved: false };
    pinch = fingers.size === 2 ? spread() : null;
  });
  marks.addEventListener("pointermove", (event) => {
    const [px, py] = at(event);
    if (!fingers.has(event.pointerId)) {
      hover(px, py);
      return;
    }
    fingers.set(event.pointerId, [px, py]);
    if (fingers.size === 2 && pinch) {
      const now = spread();
      if (press) press.moved = true;
      zoomAt(now.distance / pinch.distance, now.px, now.py);
      pinch = now;
    } else if (press && (press.moved || Math.hypot(px - press.px, py - press.py) > 5)) {
      press.moved = true;
      marks.classList.add("drag");
      view.x = press.x - (px - press.px) / (span0() * view.scale);
      view.y = press.y - (py - press.py) / (span0() * view.scale);
      keepNear();
      redraw();
    }
  });
  const end = (event) => {
    const [px, py] = at(event);
    const single = fingers.size === 1;
    fingers.delete(event.pointerId);
    marks.classList.remove("drag");
    if (single && press && !press.moved && event.type === "pointerup") {
      const found = under(px, py, event.pointerType === "touch" ? 26 : 14);
      const again = found >= 0 && found === state.selected;
      select(found, "map");
      if (found >= 0 && (again || hasSound(found))) toggleSound();
    }
    if (fingers.size === 0) press = null;
    pinch = null;
  };
  marks.addEventListener("pointerup", end);
  marks.addEventListener("pointercancel", end);
  marks.addEventListener("pointerleave", () => hover(-99, -99));
  marks.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [px, py] = at(event);
    zoomAt(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0016)), px, py);
  }, { passive: false });
  byId("zoom-in").addEventListener("click", () => zoomAt(1.6));
  byId("zoom-out").addEventListener("click", () => zoomAt(1 / 1.6));
  byId("zoom-all").addEventListener("click", showAll);
}

function spread() {
  const [[ax, ay], [bx, by]] = [...fingers.values()];
  return { distance: Math.max(1, Math.hypot(ax - bx, ay - by)), px: (ax + bx) / 2, py: (ay + by) / 2 };
}

function go(dx, dy, where) {
  if (!matches.length) {
    say("Nothing found");
    return;
  }
  const map = maps[state.model];
  // From a point that the filters hide, and from none, the way begins at what is nearest to the middle.
  const from = state.selected;
  const next = from >= 0 ? nearestTowards(map, from, dx, dy) : nearestTo(map, view.x, view.y, 2);
  if (next < 0) say(`Nothing further ${where}`);
  else select(next, "map");
}

function setUpKeys() {
  const keys = {
    ArrowLeft: () => go(-1, 0, "left"),
    ArrowRight: () => go(1, 0, "right"),
    ArrowUp: () => go(0, -1, "up"),
    ArrowDown: () => go(0, 1, "down"),
    Enter: toggleSound,
    " ": toggleSound,
    Escape: () => { select(-1, "map"); say("Nothing selected"); },
    "+": () => zoomAt(1.6),
    "=": () => zoomAt(1.6),
    "-": () => zoomAt(1 / 1.6),
    0: showAll,
    Home: showAll,
    m: () => setModel(data.models.length > 1 ? 1 - state.model : 0),
  };
  marks.addEventListener("keydown", (event) => {
    const act = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
}
