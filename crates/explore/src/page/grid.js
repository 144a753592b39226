// Points of each model's map in the unit square, and a grid over them: the nearest one without looking at all.
const side = Math.max(1, Math.ceil(Math.sqrt(n / 4)));
const maps = data.models.map((model) => {
  const x = Float32Array.from(model.x, (value) => value / 65535);
  const y = Float32Array.from(model.y, (value) => value / 65535);
  const cell = (at) =>
    Math.min(side - 1, Math.floor(y[at] * side)) * side + Math.min(side - 1, Math.floor(x[at] * side));
  const first = new Uint32Array(side * side + 1);
  for (let at = 0; at < n; at += 1) first[cell(at) + 1] += 1;
  for (let k = 0; k < side * side; k += 1) first[k + 1] += first[k];
  const fill = first.slice();
  const inside = new Uint32Array(n);
  for (let at = 0; at < n; at += 1) inside[fill[cell(at)]++] = at;
  return { x, y, first, inside };
});

// The wanted point nearest to a place, no farther than `reach`; -1 for none.
function nearestTo(map, px, py, reach) {
  let best = -1;
  let least = reach * reach;
  const from = (v) => Math.max(0, Math.floor((v - reach) * side));
  const to = (v) => Math.min(side - 1, Math.floor((v + reach) * side));
  for (let row = from(py); row <= to(py); row += 1) {
    for (let column = from(px); column <= to(px); column += 1) {
      const k = row * side + column;
      for (let i = map.first[k]; i < map.first[k + 1]; i += 1) {
        const at = map.inside[i];
        const distance = (map.x[at] - px) ** 2 + (map.y[at] - py) ** 2;
        if (wanted[at] && distance <= least) {
          least = distance;
          best = at;
        }
      }
    }
  }
  return best;
}

// The wanted point nearest to point `own` within 45 degrees of a direction, or failing that anywhere on that side.
function nearestTowards(map, own, dx, dy) {
  let [best, least, wide, leastWide] = [-1, Infinity, -1, Infinity];
  for (const at of matches) {
    const [x, y] = [map.x[at] - map.x[own], map.y[at] - map.y[own]];
    const along = x * dx + y * dy;
    if (at === own || along <= 0) continue;
    const across = Math.abs(x * dy - y * dx);
    const distance = x * x + y * y;
    if (across <= along && distance < least) [best, least] = [at, distance];
    if (along * along + 9 * across * across < leastWide) [wide, leastWide] = [at, along * along + 9 * across * across];
  }
  return best >= 0 ? best : wide;
}
