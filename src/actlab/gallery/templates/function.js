"use strict";
// One function's page: draws it, follows its sliders, and offers its source.
{
  const article = document.querySelector("article");
  const f = gallery.functions.get(article.dataset.name);
  const { element, text } = gallery;
  const form = document.getElementById("sliders");
  const numbers = f ? f.parameters.map((one) => one.value) : [];
  const isDefault = () => numbers.every((value, i) => value === f.parameters[i].value);
  const controls = [];
  let at = f && f.high < 2 ? Number((f.high / 2).toPrecision(2)) : 1;
  let draw = () => {};
  let redraw = () => {};

  // --- the address holds the numbers that were moved -------------------------------------------

  function write() {
    const state = new URLSearchParams();
    f.parameters.forEach((one, i) => { if (numbers[i] !== one.value) state.set(one.name, numbers[i]); });
    history.replaceState(null, "", state.size ? `#${state}` : location.pathname);
    const lay = form.querySelector(".lay");
    const given = f.parameters.flatMap((one, i) => (numbers[i] === one.value ? [] : [`,${one.name}:${numbers[i]}`]));
    if (lay) lay.href = `../overlay.html#f=${f.slug}${given.join("")}`;
    form.querySelector("[type=reset]").hidden = isDefault();
  }

  function read() {
    const state = new URLSearchParams(location.hash.slice(1));
    f.parameters.forEach((one, i) => {
      const value = state.has(one.name) ? Number(state.get(one.name)) : one.value;
      numbers[i] = gallery.allows(one, value) ? value : one.value;
      controls[i].show(numbers[i]);
    });
    form.querySelector("[type=reset]").hidden = isDefault();
    redraw();
  }

  // --- pictures --------------------------------------------------------------------------------

  const parts = [["value", "f(x)", 0], ["slope", "f′(x)", 1], ["curvature", "f″(x)", 2]];
  let frames = {};

  function curve() {
    const xs = gallery.grid(f.low, f.high);
    const ends = isDefault() ? f.flat ?? null : gallery.flat((x) => f.slope(x, ...numbers));
    const bands = gallery.bands(ends, f.low, f.high);
    const usual = f.parameters.map((one) => one.value);
    for (const [part, title, style] of parts) {
      const box = document.querySelector(`[data-part=${part}]`);
      const of = (given) => xs.map((x) => f[part](x, ...given));
      const ys = of(numbers), before = of(usual);
      const most = part === "value" ? 1.6 * Math.max(Math.abs(f.low), Math.abs(f.high), 1) : Infinity;
      const series = [{ ys, style }];
      if (!isDefault()) series.unshift({ ys: before, ghost: true });
      const drawn = gallery.panel(box, {
        xs, low: f.low, high: f.high, limits: gallery.limits([ys, before], most), series, bands,
        named: part === "value" ? bands : null, title, xAxis: part === "curvature",
        xName: part === "value" ? "x →" : "",
        cursor: { x: at, ys: [[style, f[part](at, ...numbers)]] },
        words: `${title} of ${f.name} for x from ${text(f.low, 3)} to ${text(f.high, 3)}: `
          + `${text(ys[0], 3)} at the left end, ${text(f[part](0, ...numbers), 3)} at 0, ${text(ys.at(-1), 3)} at the right end`,
      });
      frames[part] = drawn;
    }
    tell(ends);
    show(parts.map(([part, title]) => [title.replace("x", text(at, 4)), f[part](at, ...numbers)]));
  }

  function tell(ends) {
    const said = (left, right) => [left === null ? null : `x ≤ ${text(left, 4)}`, right === null ? null : `x ≥ ${text(right, 4)}`]
      .filter(Boolean).join(" and ") || "nowhere";
    const box = document.getElementById("regions");
    const entry = (kind, words, meaning) => element("span", { class: "region" },
      element("span", { class: `patch ${kind}`, "aria-hidden": "true" }), element("b", {}, `${kind}: `), `${words} `,
      words === "nowhere" ? "" : element("small", {}, meaning));
    if (!ends) { box.replaceChildren("No slope to compare the tails with."); return; }
    const [left, right, deadLeft, deadRight] = ends;
    box.replaceChildren(
      entry("saturating", said(left, right), "(from there outwards |f′| stays below 1/20 of its usual size)"),
      entry("dead", said(deadLeft, deadRight), "(below 1/1000)"),
    );
  }

  function show(rows) {
    const list = document.getElementById("values");
    list.replaceChildren(...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, text(value, 7))]));
  }

  function pair() {
    const gates = gallery.grid(f.low, f.high);
    const bands = [];
    for (const [part, title, style] of [["value", `f(x, gate) at x = ${text(at, 3)}`, 0], ["slope", "∂f/∂gate", 1]]) {
      const box = document.querySelector(`[data-part=${part}]`);
      const ys = gates.map((gate) => f[part](at, gate, ...numbers));
      frames[part] = gallery.panel(box, {
        xs: gates, low: f.low, high: f.high, limits: gallery.limits([ys], 40), series: [{ ys, style }], bands,
        title, xAxis: part === "slope", xName: part === "value" ? "gate →" : "",
        words: `${title} of ${f.name} for gates from ${text(f.low, 3)} to ${text(f.high, 3)}: ${text(ys[0], 3)} to ${text(ys.at(-1), 3)}`,
      });
    }
    map();
    show([["f(x, 1)", f.value(at, 1, ...numbers)], ["f(x, −1)", f.value(at, -1, ...numbers)]]);
  }

  // f over x (to the right) and gate (upwards): two hues away from 0, lightness for the size.
  function map() {
    const canvas = document.getElementById("map"), size = canvas.width;
    const context = canvas.getContext("2d"), image = context.createImageData(size, size);
    const place = (i) => -4 + (8 * i) / (size - 1);
    const values = Array.from({ length: size * size }, (_, i) => f.value(place(i % size), place(size - 1 - Math.floor(i / size)), ...numbers));
    const most = Math.max(...values.map(Math.abs).filter(Number.isFinite), 1e-12);
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const [none, above, below] = dark ? [[27, 31, 35], [255, 178, 102], [110, 176, 255]] : [[250, 249, 246], [176, 66, 6], [14, 74, 150]];
    values.forEach((value, i) => {
      const end = value >= 0 ? above : below, part = Math.sqrt(Math.min(1, Math.abs(value) / most));
      end.forEach((colour, k) => { image.data[4 * i + k] = none[k] + (colour - none[k]) * (Number.isFinite(value) ? part : 0); });
      image.data[4 * i + 3] = 255;
    });
    context.putImageData(image, 0, 0);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    canvas.setAttribute("aria-label", `Map of ${f.name} over x and gate from −4 to 4: values from ${text(low, 3)} to ${text(high, 3)}`);
    document.getElementById("map-words").replaceChildren(
      element("p", {}, element("b", {}, "f over both inputs"), ", x to the right and gate upwards, each from −4 to 4."),
      element("div", { class: "ramp" },
        element("span", {}, text(-most, 3)), element("span", { class: "colours", "aria-hidden": "true" }), element("span", {}, text(most, 3))),
      element("p", { class: "soft" }, `It goes from ${text(low, 3)} to ${text(high, 3)} here.`),
    );
  }

  const entries = f?.example ? [...f.example] : [];

  function bars() {
    const made = f.value ? Array.from(f.value(entries, ...numbers)) : f.result;
    const list = (values) => values.map((value) => text(value, 3)).join(", ");
    gallery.bars(document.getElementById("given"), entries, { title: "x, entry by entry", words: `The vector ${list(entries)}`, style: 5 });
    gallery.bars(document.getElementById("made"), made, { title: `${f.name}(x)`, words: `${f.name} of it: ${list(made)}`, style: 0 });
    const sum = made.reduce((a, b) => a + b, 0);
    show([["sum of x", entries.reduce((a, b) => a + b, 0)], ["sum of f(x)", sum], ["largest f(x)", Math.max(...made)]]);
  }

  function net() {
    const side = f.reach, along = gallery.grid(-side, side, 121), places = gallery.grid(-side, side, 13);
    const plain = [...places.map((y) => along.map((x) => [x, y])), ...places.map((x) => along.map((y) => [x, y]))];
    const mapped = plain.map((line) => line.map(([re, im]) => [f.real(re, im, ...numbers), f.imaginary(re, im, ...numbers)]));
    const sizes = mapped.flat(2).filter(Number.isFinite).map(Math.abs).sort((a, b) => a - b);
    const most = sizes[Math.floor(0.98 * sizes.length)] || 1;
    gallery.net(document.getElementById("plain"), plain, side, { title: "z", words: `Square grid from −${text(side, 3)} to ${text(side, 3)} in both directions` });
    gallery.net(document.getElementById("image"), mapped, most, {
      title: `${f.name}(z)`, words: `Image of the grid under ${f.name}; most of it lies within ${text(most, 3)} of 0 in both directions`,
    });
    const of = (re, im) => `${text(f.real(re, im, ...numbers), 4)} + ${text(f.imaginary(re, im, ...numbers), 4)} i`.replace("+ −", "− ");
    const list = document.getElementById("values");
    const half = side / 2;
    list.replaceChildren(...[[half, half], [-half, half], [half, -half]].flatMap(([re, im]) => [
      element("dt", {}, `f(${text(re, 3)} ${im < 0 ? "−" : "+"} ${text(half, 3)} i)`), element("dd", {}, of(re, im))]));
  }

  // A layer with weights, as it starts: numbers that were computed when the page was written.
  function start() {
    const ys = f.start, xs = gallery.grid(f.low, f.high, ys.length);
    gallery.panel(document.getElementById("start"), {
      xs, low: f.low, high: f.high, limits: gallery.limits([ys]), series: [{ ys, style: 0 }], title: "f(x)", xAxis: true, xName: "x →",
      words: `${f.name} as it starts, for x from ${text(f.low, 3)} to ${text(f.high, 3)}: ${text(ys[0], 3)} to ${text(ys.at(-1), 3)}`,
    });
  }

  // --- the panel -------------------------------------------------------------------------------

  function place(value) {
    at = value;
    redraw();
  }

  function panel() {
    const kind = article.dataset.drawn;
    draw = { curve, pair, bars, net, start }[kind];
    redraw = gallery.throttled(draw);
    const box = document.getElementById("parameters");
    f.parameters.forEach((one, i) => {
      const control = gallery.slider(one, one.value, (value) => { numbers[i] = value; write(); redraw(); });
      controls.push(control);
      box.append(control.box);
    });
    if (f.parameters.length) box.prepend(element("h3", {}, f.parameters.length === 1 ? "Parameter" : "Parameters"));
    const readout = document.getElementById("readout");
    if (kind !== "start") readout.append(element("h3", {}, "Values"));
    if (kind === "curve" || kind === "pair") {
      const x = { name: "x", low: f.low, high: f.high, log: false, whole: false, above: null, below: null, meaning: "" };
      const control = gallery.slider(x, at, place, "at");
      readout.append(control.box);
      if (kind === "curve") follow(control);
    }
    if (kind !== "start") readout.append(element("dl", { id: "values", class: "numbers" }));
    if (kind === "bars" && f.value) vector(readout);
    form.hidden = kind === "start";
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      f.parameters.forEach((one, i) => { numbers[i] = one.value; controls[i].show(one.value); });
      write();
      redraw();
      controls[0]?.box.querySelector("input[type=range]").focus();
    });
    addEventListener("hashchange", read);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    new ResizeObserver(redraw).observe(document.querySelector(".figure"));
    read();
    draw();
  }

  function follow(control) {
    for (const box of document.querySelectorAll("[data-part]")) {
      box.addEventListener("pointermove", (event) => {
        const x = frames.value.at(event.clientX);
        if (x < f.low || x > f.high) return;
        at = Number(x.toPrecision(3));
        control.show(at);
        redraw();
      });
    }
  }

  function vector(readout) {
    const fold = element("details", {}, element("summary", {}, "Change the vector"));
    entries.forEach((value, i) => {
      const one = { name: `entry ${i + 1}`, low: -5, high: 5, log: false, whole: false, above: null, below: null, meaning: "" };
      fold.append(gallery.slider(one, value, (number) => { entries[i] = number; redraw(); }, "x").box);
    });
    readout.append(fold);
  }

  // --- source to copy --------------------------------------------------------------------------

  function sources() {
    const all = [...document.querySelectorAll(".source")];
    const tabs = document.querySelector(".tabs");
    const pick = (index, focus) => {
      all.forEach((source, i) => {
        source.hidden = i !== index;
        buttons[i].setAttribute("aria-selected", String(i === index));
        buttons[i].tabIndex = i === index ? 0 : -1;
      });
      if (focus) buttons[index].focus();
    };
    const buttons = all.map((source, i) => {
      source.id = `source-${i}`;
      source.setAttribute("role", "tabpanel");
      source.setAttribute("aria-labelledby", `tab-${i}`);
      const button = element("button", { type: "button", role: "tab", id: `tab-${i}`, "aria-controls": source.id }, source.dataset.title);
      button.addEventListener("click", () => pick(i));
      button.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step) pick((i + step + all.length) % all.length, true);
        if (event.key === "Home") pick(0, true);
        if (event.key === "End") pick(all.length - 1, true);
      });
      const copy = source.querySelector(".copy");
      const said = source.querySelector(".copied");
      copy.hidden = false;
      copy.addEventListener("click", () => {
        const code = source.querySelector("code");
        getSelection().selectAllChildren(code);
        gallery.copy(code.textContent, said);
      });
      return button;
    });
    if (!all.length) return;
    tabs.setAttribute("role", "tablist");
    tabs.setAttribute("aria-label", "Targets");
    tabs.append(...buttons);
    tabs.hidden = false;
    pick(0);
  }

  if (f && article.dataset.drawn) panel();
  sources();
}
