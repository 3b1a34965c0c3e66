"use strict";
// What all pages share: the functions that were loaded, axes, curves, bars and grids as SVG.
const gallery = (() => {
  const functions = new Map();
  const POINTS = 801;
  const LOST = Number.NaN;

  function add(facts, build) {
    functions.set(facts.name, { ...facts, ...build() });
  }

  // --- numbers ---------------------------------------------------------------------------------

  function text(value, digits = 6) {
    if (Number.isNaN(value)) return "undefined";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    const size = Math.abs(value);
    let shown = size !== 0 && (size < 1e-4 || size >= 1e6)
      ? value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e")
      : String(Number(value.toPrecision(digits)));
    if (Object.is(value, -0)) shown = "0";
    return shown.replace(/-/g, "−");
  }

  function grid(low, high, points = POINTS) {
    // symmetric ranges have 0 among their points, so that kinks stay sharp
    return Array.from({ length: points }, (_, i) => low + ((high - low) * i) / (points - 1));
  }

  function ticks(low, high, wanted) {
    const rough = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= rough * 0.999);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) found.push(i * step);
    return found.map((value) => ({ value, label: text(Number(value.toPrecision(10)), 6) }));
  }

  // The interval of y that is shown: 0, and what is not out of all proportion.
  function limits(columns, most = Infinity) {
    const sizes = columns.flat().filter(Number.isFinite).map(Math.abs).sort((a, b) => a - b);
    const usual = sizes[Math.floor(sizes.length * 0.97)] ?? 1;
    const top = sizes.at(-1) ?? 1;
    const cut = Math.min(most, top > 60 * usual && usual > 0 ? 10 * usual : top);
    let low = 0, high = 0;
    for (const y of columns.flat()) {
      if (!Number.isFinite(y)) continue;
      low = Math.min(low, Math.max(y, -cut));
      high = Math.max(high, Math.min(y, cut));
    }
    if (high - low < 1e-12) [low, high] = [-1, 1];
    const pad = 0.06 * (high - low);
    return [low - pad, high + pad];
  }

  // --- flat tails, as `actlab.properties.regions` finds them ---------------------------------------

  const REACH = 60, STEPS = 24001, SATURATED = 0.05, DEAD = 0.001;

  function flat(slope) {
    let sum = 0, weight = 0;
    for (let i = 0; i < 2401; i += 1) {
      const z = -6 + (12 * i) / 2400;
      const w = Math.exp(-0.5 * z * z);
      sum += w * slope(z) ** 2;
      weight += w;
    }
    const usual = Math.sqrt(sum / weight);
    if (!(usual > 0 && usual < Infinity)) return null;
    const place = (i) => Math.round((-REACH + (2 * REACH * i) / (STEPS - 1)) * 1e9) / 1e9;
    const steep = (i, floor) => !(Math.abs(slope(place(i))) <= floor);
    const ends = (part) => {
      const floor = part * usual;
      let first = 0, last = STEPS - 1;
      while (first < STEPS && !steep(first, floor)) first += 1;
      if (first === STEPS) return [null, null];
      while (!steep(last, floor)) last -= 1;
      return [first > 0 ? place(first - 1) : null, last < STEPS - 1 ? place(last + 1) : null];
    };
    const [left, right] = ends(SATURATED);
    const [deadLeft, deadRight] = ends(DEAD);
    return [left, right, deadLeft, deadRight];
  }

  // The bands of a picture: [from, to, kind].
  function bands(ends, low, high) {
    if (!ends) return [];
    const [left, right, deadLeft, deadRight] = ends;
    const found = [];
    if (deadLeft !== null) found.push([-Infinity, deadLeft, "dead"]);
    if (left !== null) found.push([deadLeft ?? -Infinity, left, "saturating"]);
    if (right !== null) found.push([right, deadRight ?? Infinity, "saturating"]);
    if (deadRight !== null) found.push([deadRight, Infinity, "dead"]);
    return found
      .map(([a, b, kind]) => [Math.max(a, low), Math.min(b, high), kind])
      .filter(([a, b]) => b > a);
  }

  // --- SVG -------------------------------------------------------------------------------------

  function make(name, attributes = {}, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }

  function path(xs, ys, px, py, cut) {
    const lifted = new Set();
    const size = (i) => Math.abs(ys[i + 1] - ys[i]);
    for (let i = 2; i + 3 < ys.length; i += 1) {
      // a step much larger than those beside it is a jump, not a slope; it may stop half way, at 0
      const beside = Math.max(Math.min(size(i - 1), size(i - 2)), Math.min(size(i + 1), size(i + 2)));
      if (size(i) > 0.02 * cut && size(i) > 8 * beside) lifted.add(i);
    }
    let words = "", pen = "M";
    for (let i = 0; i < xs.length; i += 1) {
      const y = Math.max(-8000, Math.min(8000, py(ys[i])));
      if (!Number.isFinite(ys[i])) { pen = "M"; continue; }
      words += `${pen}${px(xs[i]).toFixed(2)} ${y.toFixed(2)}`;
      pen = lifted.has(i) ? "M" : "L";
    }
    return words;
  }

  let clips = 0;

  // Draw a panel into `box`: { xs, low, high, limits, series, bands, title, words, xAxis, cursor }.
  // A series is { ys, style, label, ghost, values }; `style` is a number from 0 to 5.
  function panel(box, spec) {
    const width = Math.max(240, box.clientWidth), height = Number(box.dataset.high);
    const [low, high] = [spec.low, spec.high], [bottom, top] = spec.limits;
    const left = 52, right = width - 10, up = spec.named ? 40 : 22, down = height - (spec.xAxis ? 26 : 8);
    const px = (x) => left + ((x - low) / (high - low)) * (right - left);
    const py = (y) => down - ((y - bottom) / (top - bottom)) * (down - up);
    const svg = make("svg", {
      width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": spec.words,
    });
    Object.assign(svg.dataset, { low, high, bottom, top, left, right, up, down });
    clips += 1;
    const clip = `clip-${clips}`;
    svg.append(make("clipPath", { id: clip }, make("rect", { x: left, y: up, width: right - left, height: down - up })));
    for (const [from, to, kind] of spec.bands ?? []) {
      const [a, b] = [px(from), px(to)];
      svg.append(make("rect", { class: `band ${kind}`, x: a, y: up, width: b - a, height: down - up }));
      svg.append(make("path", { class: `hatch ${kind}`, d: hatching(a, b, up, down, kind === "dead" ? 7 : 14) }));
    }
    for (const tick of ticks(bottom, top, Math.max(2, Math.round((down - up) / 42)))) {
      svg.append(make("path", { class: "grid", d: `M${left} ${py(tick.value)}H${right}` }));
      svg.append(make("text", { class: "tick y", x: left - 8, y: py(tick.value) + 4 }, tick.label));
    }
    for (const tick of ticks(low, high, Math.max(3, Math.min(11, Math.round(width / 75))))) {
      svg.append(make("path", { class: "grid", d: `M${px(tick.value)} ${up}V${down}` }));
      if (spec.xAxis) svg.append(make("text", { class: "tick x", x: px(tick.value), y: down + 18 }, tick.label));
    }
    if (bottom < 0 && top > 0) svg.append(make("path", { class: "zero", d: `M${left} ${py(0)}H${right}` }));
    if (low < 0 && high > 0) svg.append(make("path", { class: "zero", d: `M${px(0)} ${up}V${down}` }));
    for (const band of spec.named ?? []) {
      const [a, b] = [px(band[0]), px(band[1])];
      if (b - a < 8 * band[2].length) continue;
      svg.append(make("text", { class: `band-name ${band[2]}`, x: (a + b) / 2, y: up - 7 }, band[2]));
    }
    const lines = make("g", { "clip-path": `url(#${clip})` });
    for (const one of spec.series) {
      lines.append(make("path", {
        class: one.ghost ? "line ghost" : `line s${one.style}`, d: path(spec.xs, one.ys, px, py, top - bottom),
      }));
      if (one.marked) lines.append(markers(one, spec.xs, px, py));
    }
    svg.append(lines);
    if (spec.cursor !== undefined) {
      svg.append(make("path", { class: "cursor", d: `M${px(spec.cursor.x)} ${up}V${down}` }));
      for (const [style, y] of spec.cursor.ys) {
        if (y >= bottom && y <= top) svg.append(make("circle", { class: `dot s${style}`, cx: px(spec.cursor.x), cy: py(y), r: 4.5 }));
      }
    }
    svg.append(make("text", { class: "title", x: left, y: 14 }, spec.title));
    if (spec.xName) svg.append(make("text", { class: "tick x-name", x: right, y: 14 }, spec.xName));
    box.replaceChildren(svg);
    return { svg, at: (clientX) => low + ((clientX - svg.getBoundingClientRect().left - left) / (right - left)) * (high - low) };
  }

  function hatching(a, b, up, down, every) {
    const height = down - up;
    let words = "";
    for (let start = Math.floor((a - height) / every) * every; start < b; start += every) {
      const from = Math.max(start, a), to = Math.min(start + height, b);
      if (to > from) words += `M${from.toFixed(1)} ${(down - (from - start)).toFixed(1)}L${to.toFixed(1)} ${(down - (to - start)).toFixed(1)}`;
    }
    return words;
  }

  const SHAPES = [
    "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0 -4 0Z", "M-3.6 -3.6H3.6V3.6H-3.6Z", "M0 -4.8L4.4 3.6H-4.4Z",
    "M0 -5L5 0L0 5L-5 0Z", "M0 4.8L4.4 -3.6H-4.4Z", "M-4.4 -1.4H-1.4V-4.4H1.4V-1.4H4.4V1.4H1.4V4.4H-1.4V1.4H-4.4Z",
  ];

  function shape(style, x, y) {
    return make("path", { class: `marker s${style}`, d: SHAPES[style], transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` });
  }

  function markers(one, xs, px, py) {
    const group = make("g");
    const every = Math.floor(xs.length / 7);
    for (let i = Math.floor(((one.style + 0.5) / 6) * every); i < xs.length; i += every) {
      if (Number.isFinite(one.ys[i]) && Math.abs(py(one.ys[i])) < 4000) group.append(shape(one.style, px(xs[i]), py(one.ys[i])));
    }
    return group;
  }

  function swatch(style) {
    const svg = make("svg", { class: "swatch", width: 34, height: 14, viewBox: "0 0 34 14", "aria-hidden": "true" });
    svg.append(make("path", { class: `line s${style}`, d: "M1 7H33" }), shape(style, 17, 7));
    return svg;
  }

  // Bars with their values, into `box`.
  function bars(box, values, { title, words, style }) {
    const width = Math.max(240, box.clientWidth), height = Number(box.dataset.high);
    const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
    const reach = high - low || 1;
    const up = 44, down = height - 20 - (low < 0 ? 16 : 0), left = 4, right = width - 4;
    const py = (y) => down - ((y - low) / reach) * (down - up);
    const step = Math.min(110, (right - left) / values.length);
    const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words });
    svg.append(make("text", { class: "title", x: left, y: 14 }, title));
    values.forEach((value, i) => {
      const x = left + (i + 0.5) * step, y = py(value);
      svg.append(make("rect", {
        class: `bar s${style}`, x: x - step * 0.32, width: step * 0.64, y: Math.min(y, py(0)), height: Math.max(1, Math.abs(y - py(0))),
      }));
      svg.append(make("text", { class: "bar-value", x, y: value < 0 ? y + 15 : y - 6 }, text(value, step < 44 ? 2 : 3)));
    });
    svg.append(make("path", { class: "zero", d: `M${left} ${py(0)}H${left + step * values.length}` }));
    box.replaceChildren(svg);
  }

  // Lines of a net in the complex plane: arrays of [re, im], the first half of one kind.
  function net(box, lines, side, { title, words }) {
    const width = Math.max(220, Math.min(box.clientWidth, 460)), margin = 34;
    const scale = (width / 2 - margin) / side;
    const place = ([re, im]) => [width / 2 + re * scale, width / 2 - im * scale + 6];
    const svg = make("svg", { width, height: width, viewBox: `0 0 ${width} ${width}`, role: "img", "aria-label": words });
    const [cx, cy] = place([0, 0]);
    svg.append(make("path", { class: "zero", d: `M${margin} ${cy}H${width - margin}M${cx} ${cy - side * scale}V${cy + side * scale}` }));
    svg.append(make("text", { class: "title", x: 4, y: 14 }, title));
    svg.append(make("text", { class: "tick x", x: width - margin, y: cy + 16 }, text(side, 3)));
    svg.append(make("text", { class: "tick x", x: cx + 14, y: cy - side * scale - 4 }, `${text(side, 3)} i`));
    lines.forEach((line, i) => {
      let words = "", pen = "M";
      for (const point of line) {
        if (!point.every(Number.isFinite) || Math.max(...point.map(Math.abs)) > 1.3 * side) { pen = "M"; continue; }
        const [x, y] = place(point);
        words += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
        pen = "L";
      }
      svg.append(make("path", { class: `line thin s${i < lines.length / 2 ? 0 : 1}`, d: words }));
    });
    box.replaceChildren(svg);
  }

  // --- forms -----------------------------------------------------------------------------------

  function element(name, attributes = {}, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === true) node.setAttribute(key, "");
      else if (value !== false && value !== null) node.setAttribute(key, value);
    }
    node.append(...children);
    return node;
  }

  const plain = (name) => name.replace(/_/g, " ");

  // Between a slider's place (0 to 1000) and the number it means.
  function toNumber(one, place) {
    const part = place / 1000;
    if (one.whole) return Math.round(one.low + part * (one.high - one.low));
    const value = one.log ? one.low * (one.high / one.low) ** part : one.low + part * (one.high - one.low);
    return Number(value.toPrecision(one.log ? 3 : 4));
  }

  function toPlace(one, value) {
    const part = one.log ? Math.log(value / one.low) / Math.log(one.high / one.low) : (value - one.low) / (one.high - one.low);
    return Math.max(0, Math.min(1000, Math.round(part * 1000)));
  }

  function allows(one, value) {
    return Number.isFinite(value) && (one.above === null || value > one.above)
      && (one.below === null || value < one.below) && (!one.whole || (value >= 1 && Number.isInteger(value)));
  }

  // A slider and a field for the exact number; `changed(value)` hears of every allowed one.
  function slider(one, value, changed, prefix = "p") {
    const id = `${prefix}-${one.name}`;
    const range = element("input", {
      type: "range", id, min: 0, max: 1000, step: one.whole ? 1000 / (one.high - one.low) : 5,
    });
    const field = element("input", { type: "number", step: "any", "aria-label": `${plain(one.name)}, exactly` });
    const show = (number) => {
      range.value = toPlace(one, number);
      range.setAttribute("aria-valuetext", text(number, 4));
      field.value = Number(number.toPrecision(6));
      field.removeAttribute("aria-invalid");
    };
    const stepTo = (number) => { show(number); changed(number); };
    range.addEventListener("input", () => stepTo(toNumber(one, Number(range.value))));
    field.addEventListener("input", () => {
      const number = field.valueAsNumber;
      if (!allows(one, number)) { field.setAttribute("aria-invalid", "true"); return; }
      range.value = toPlace(one, number);
      range.setAttribute("aria-valuetext", text(number, 4));
      field.removeAttribute("aria-invalid");
      changed(number);
    });
    const name = element("label", { for: id }, plain(one.name));
    const box = element("div", { class: "slider" }, name, field, range);
    if (one.meaning) {
      const meaning = element("small", { id: `${id}-means` }, one.meaning);
      range.setAttribute("aria-describedby", meaning.id);
      box.append(meaning);
    }
    show(value);
    return { box, show, one };
  }

  function throttled(draw) {
    let waiting = false;
    return () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(); });
    };
  }

  async function copy(words, near) {
    try {
      await navigator.clipboard.writeText(words);
      near.textContent = "copied";
    } catch {
      near.textContent = "press Ctrl+C";
    }
    setTimeout(() => { near.textContent = ""; }, 2500);
  }

  return {
    functions, add, text, grid, limits, flat, bands, panel, bars, net, swatch, slider, allows,
    element, plain, throttled, copy, LOST,
  };
})();
