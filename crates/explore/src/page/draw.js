// Two canvases: the points, drawn anew only when they move or change, and above them what is hovered and selected. A page never draws unasked.
const points = byId("points");
const marks = byId("marks");
const stage = byId("stage");
const view = { scale: 1, x: 0.5, y: 0.5, width: 1, height: 1, ratio: 1 };
// Milliseconds that the last drawings of all points took, and when they began: for whoever measures.
const times = { drawn: [], began: [] };
let place = { x: maps[0].x.slice(), y: maps[0].y.slice() };
let sprites = new Map();
let theme = null;

// Overlapping points hide each other in no order of cultures.
const order = Array.from({ length: n }, (_, at) => at).sort((a, b) =>
  (Math.imul(a, 2654435761) >>> 0) - (Math.imul(b, 2654435761) >>> 0));

const colour = (name) => {
  theme ??= getComputedStyle(document.documentElement);
  return theme.getPropertyValue(name).trim();
};
// A colour of the theme as a pixel.
function packed(name) {
  const probe = document.createElement("canvas");
  probe.width = probe.height = 1;
  const context = probe.getContext("2d", { willReadFrequently: true });
  context.fillStyle = colour(name);
  context.fillRect(0, 0, 1, 1);
  return new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0];
}

const margin = 22;
const span0 = () => Math.max(40, Math.min(view.width, view.height) - 2 * margin);
const toX = (x) => view.width / 2 + (x - view.x) * span0() * view.scale;
const toY = (y) => view.height / 2 + (y - view.y) * span0() * view.scale;
const fromX = (px) => (px - view.width / 2) / (span0() * view.scale) + view.x;
const fromY = (py) => (py - view.height / 2) / (span0() * view.scale) + view.y;
const radius = () => {
  const base = n > 4000 ? 3.1 : n > 600 ? 4 : 5.2;
  return Math.min(9, base * Math.sqrt(Math.min(view.scale, 6)) ** 0.8);
};

// A shape as pixels of the frame: whole ones are copied, those of the edge are mixed with what is there. Made once for each size and colour.
// Pixels are set by hand, because ten thousand `drawImage` take five times as long without a graphics card, and no longer than this with one.
function sprite(shape, fill, size) {
  const key = `${shape} ${fill} ${size}`;
  let made = sprites.get(key);
  if (!made) {
    const edge = 2 * Math.ceil((1.45 * size + 1.5) * view.ratio) + 1;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = edge;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.setTransform(size * view.ratio, 0, 0, size * view.ratio, edge / 2, edge / 2);
    const path = new Path2D(shapes[shape]);
    context.lineWidth = 1.1 / size;
    context.strokeStyle = colour("--page");
    context.stroke(path);
    context.fillStyle = colour(fill);
    context.fill(path);
    made = pixels(new Uint32Array(context.getImageData(0, 0, edge, edge).data.buffer), edge);
    sprites.set(key, made);
  }
  return made;
}

function pixels(image, edge) {
  const [whole, mixed] = [[], []];
  const half = (edge - 1) / 2;
  image.forEach((value, i) => {
    const offset = (Math.floor(i / edge) - half) * frame.wide + (i % edge) - half;
    const alpha = value >>> 24;
    if (alpha === 255) whole.push([offset, value]);
    else if (alpha > 0) mixed.push([offset, value, alpha]);
  });
  const column = (list, at, Kind) => Kind.from(list, (one) => one[at]);
  return {
    whole: column(whole, 0, Int32Array), colours: column(whole, 1, Uint32Array),
    mixed: column(mixed, 0, Int32Array), tints: column(mixed, 1, Uint32Array), alphas: column(mixed, 2, Uint8Array),
  };
}

function stamp(out, base, { whole, colours, mixed, tints, alphas }) {
  for (let k = 0; k < whole.length; k += 1) out[base + whole[k]] = colours[k];
  for (let k = 0; k < mixed.length; k += 1) {
    const [over, under, a] = [tints[k], out[base + mixed[k]], alphas[k]];
    const mix = (shift) => ((((over >>> shift) & 255) * a + ((under >>> shift) & 255) * (255 - a)) / 255) & 255;
    out[base + mixed[k]] = (0xff000000 | (mix(16) << 16) | (mix(8) << 8) | mix(0)) >>> 0;
  }
}

// From no to all shared neighbours in five steps of one hue; the legend names them.
const stepOf = (shared) => Math.min(4, Math.floor((shared / Math.max(1, data.k)) * 5));
const fillOf = (at) => (state.colour === "shared" ? `--n${stepOf(data.shared[at])}` : colourOf(clips.culture[at]));

// The picture with a border, in which shapes that are cut off by the canvas end.
const border = 56;
const frame = { wide: 0, image: null, out: null };

function drawPoints() {
  const began = performance.now();
  const context = points.getContext("2d");
  const size = Math.round(radius() * 4) / 4;
  const [w, h] = [points.width, points.height];
  if (!frame.image || frame.wide !== w + 2 * border || frame.image.height !== h + 2 * border) {
    frame.image = context.createImageData(w + 2 * border, h + 2 * border);
    frame.wide = w + 2 * border;
    frame.out = new Uint32Array(frame.image.data.buffer);
    sprites = new Map();
  }
  const out = frame.out;
  out.fill(packed("--page"));
  const scale = span0() * view.scale * view.ratio;
  const [ox, oy] = [w / 2 - view.x * scale, h / 2 - view.y * scale];
  const faint = packed("--line");
  const dot = Math.max(1, Math.round(size * 0.35 * view.ratio));
  // Those that are not asked for lie below.
  for (const pass of [0, 1]) {
    for (const at of order) {
      if (wanted[at] !== pass) continue;
      const [x, y] = [Math.round(ox + place.x[at] * scale), Math.round(oy + place.y[at] * scale)];
      if (x < -8 || y < -8 || x > w + 8 || y > h + 8) continue;
      const base = (y + border) * frame.wide + x + border;
      if (pass) stamp(out, base, sprite(shapeOf(clips.culture[at]), fillOf(at), size));
      else for (let row = -dot; row <= dot; row += 1) out.fill(faint, base + row * frame.wide - dot, base + row * frame.wide + dot + 1);
    }
  }
  context.putImageData(frame.image, -border, -border);
  times.began.push(began);
  times.drawn.push(performance.now() - began);
  if (times.drawn.length > 600) {
    times.began.shift();
    times.drawn.shift();
  }
}

function ring(context, at, distance, width, stroke) {
  context.beginPath();
  context.arc(toX(place.x[at]), toY(place.y[at]), radius() + distance, 0, 2 * Math.PI);
  context.lineWidth = width;
  context.strokeStyle = stroke;
  context.stroke();
}

function drawMarks() {
  const context = marks.getContext("2d");
  context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  context.clearRect(0, 0, view.width, view.height);
  const own = state.selected;
  if (own >= 0) {
    context.lineWidth = 1.4;
    context.strokeStyle = colour("--rule");
    for (const other of data.models[state.model].near[own]) {
      context.beginPath();
      context.moveTo(toX(place.x[own]), toY(place.y[own]));
      context.lineTo(toX(place.x[other]), toY(place.y[other]));
      context.stroke();
    }
    for (const other of data.models[state.model].near[own]) ring(context, other, 2.5, 1.6, colour("--ink"));
    ring(context, own, 4.5, 5, colour("--page"));
    ring(context, own, 4.5, 2.6, colour("--accent"));
    ring(context, own, 8, 1.6, colour("--ink"));
  }
  if (state.hovered >= 0 && state.hovered !== own) ring(context, state.hovered, 3, 2, colour("--accent"));
}

let asked = { points: false, marks: false, frame: 0 };
function redraw(all = true) {
  asked.points ||= all;
  asked.marks = true;
  if (asked.frame) return;
  asked.frame = requestAnimationFrame(() => {
    const { points: withPoints } = asked;
    asked = { points: false, marks: false, frame: 0 };
    if (withPoints) drawPoints();
    drawMarks();
  });
}

function fit() {
  const box = stage.getBoundingClientRect();
  view.ratio = Math.min(3, window.devicePixelRatio || 1);
  view.width = Math.max(1, stage.clientWidth || box.width);
  view.height = Math.max(1, stage.clientHeight || box.height);
  for (const canvas of [points, marks]) {
    canvas.width = Math.round(view.width * view.ratio);
    canvas.height = Math.round(view.height * view.ratio);
  }
  sprites = new Map();
  redraw();
}

function showAll() {
  Object.assign(view, { scale: 1, x: 0.5, y: 0.5 });
  redraw();
}

function zoomAt(factor, px = view.width / 2, py = view.height / 2) {
  const [x, y] = [fromX(px), fromY(py)];
  view.scale = Math.min(60, Math.max(0.5, view.scale * factor));
  view.x += x - fromX(px);
  view.y += y - fromY(py);
  keepNear();
  redraw();
}

// The middle of the view stays over the map.
function keepNear() {
  view.x = Math.min(1.1, Math.max(-0.1, view.x));
  view.y = Math.min(1.1, Math.max(-0.1, view.y));
}

// Brings a point into the view when it lies outside.
function reveal(at) {
  const map = maps[state.model];
  const [px, py] = [toX(map.x[at]), toY(map.y[at])];
  if (px < 12 || py < 12 || px > view.width - 12 || py > view.height - 12) {
    view.x = map.x[at];
    view.y = map.y[at];
    redraw();
  }
}

// From one model's map to another's; without motion where none is wanted.
let moving = 0;
function moveTo(model) {
  cancelAnimationFrame(moving);
  const [from, to] = [place, maps[model]];
  if (calm.matches) {
    place = { x: to.x.slice(), y: to.y.slice() };
    redraw();
    return;
  }
  const began = performance.now();
  const step = (now) => {
    const along = Math.min(1, Math.max(0, (now - began) / 600));
    const eased = along * along * (3 - 2 * along);
    const x = new Float32Array(n);
    const y = new Float32Array(n);
    for (let at = 0; at < n; at += 1) {
      x[at] = from.x[at] + (to.x[at] - from.x[at]) * eased;
      y[at] = from.y[at] + (to.y[at] - from.y[at]) * eased;
    }
    place = { x, y };
    drawPoints();
    drawMarks();
    if (along < 1) moving = requestAnimationFrame(step);
  };
  moving = requestAnimationFrame(step);
}
