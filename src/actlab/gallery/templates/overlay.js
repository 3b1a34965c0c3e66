"use strict";
// Up to six functions over each other; the address holds which, with what numbers.
{
  const MOST = 6;
  const { element, text } = gallery;
  const all = JSON.parse(document.getElementById("all").textContent);
  const bySlug = new Map(all.map((one) => [one.slug, one]));
  const bare = (words) => words.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  const byName = new Map();
  for (const one of all) for (const word of one.words.split(" ")) if (!byName.has(bare(word))) byName.set(bare(word), one);
  for (const one of all) byName.set(bare(one.name), one);
  const chart = document.getElementById("chart");
  const trouble = document.getElementById("trouble");
  const [from, to] = ["from", "to"].map((id) => document.getElementById(id));
  const orders = [...document.querySelectorAll("[name=order]")];
  let layers = [];  // { one, f, numbers, style }
  let order = 0, low = -5, high = 5;

  // --- the address -----------------------------------------------------------------------------

  function write() {
    const state = new URLSearchParams();
    for (const layer of layers) {
      const moved = layer.f.parameters.flatMap((one, i) => (layer.numbers[i] === one.value ? [] : [`${one.name}:${layer.numbers[i]}`]));
      state.append("f", [layer.one.slug, ...moved].join(","));
    }
    if (order) state.set("order", order);
    if (low !== -5 || high !== 5) { state.set("from", low); state.set("to", high); }
    const words = decodeURIComponent(state.toString());
    history.replaceState(null, "", words ? `#${words}` : location.pathname);
  }

  async function read() {
    const state = new URLSearchParams(location.hash.slice(1));
    order = [0, 1, 2].includes(Number(state.get("order"))) ? Number(state.get("order")) : 0;
    [low, high] = [Number(state.get("from") ?? -5), Number(state.get("to") ?? 5)];
    if (!(low < high)) [low, high] = [-5, 5];
    from.value = low;
    to.value = high;
    orders[order].checked = true;
    const wanted = state.getAll("f").slice(0, MOST).map((word) => word.split(","));
    const missing = wanted.filter(([slug]) => !bySlug.has(slug)).map(([slug]) => slug);
    trouble.textContent = missing.length ? `Not in this gallery: ${missing.join(", ")}.` : "";
    layers = [];
    for (const [slug, ...given] of wanted.filter(([name]) => bySlug.has(name))) await put(bySlug.get(slug), given);
    list();
    draw();
  }

  // --- loading ---------------------------------------------------------------------------------

  const loading = new Map();

  function load(one) {
    if (!loading.has(one.slug)) {
      loading.set(one.slug, new Promise((done, failed) => {
        const script = element("script", { src: `functions/${one.slug}.js` });
        script.addEventListener("load", done);
        script.addEventListener("error", failed);
        document.head.append(script);
      }));
    }
    return loading.get(one.slug);
  }

  async function put(one, given) {
    await load(one);
    const f = gallery.functions.get(one.name);
    const numbers = f.parameters.map((parameter) => {
      const said = given.find((word) => word.startsWith(`${parameter.name}:`));
      const value = said ? Number(said.slice(parameter.name.length + 1)) : parameter.value;
      return gallery.allows(parameter, value) ? value : parameter.value;
    });
    const used = new Set(layers.map((layer) => layer.style));
    const style = [0, 1, 2, 3, 4, 5].find((number) => !used.has(number));
    layers.push({ one, f, numbers, style });
  }

  // --- what is drawn ---------------------------------------------------------------------------

  function values(layer, xs) {
    const { f, numbers } = layer;
    if (f.kind === "gated") {
      if (order === 2) return xs.map(() => gallery.LOST);
      const part = order ? f.slope : f.value;
      return xs.map((x) => part(1, x, ...numbers));
    }
    const part = [f.value, f.slope, f.curvature][order];
    return xs.map((x) => part(x, ...numbers));
  }

  function label(layer) {
    const moved = layer.f.parameters.flatMap((one, i) => (layer.numbers[i] === one.value ? [] : [`${gallery.plain(one.name)} = ${text(layer.numbers[i], 4)}`]));
    const gated = layer.f.kind === "gated" ? [" at x = 1"] : [];
    return [layer.one.name, ...gated, ...(moved.length ? [` (${moved.join(", ")})`] : [])].join("");
  }

  const draw = gallery.throttled(() => {
    const xs = gallery.grid(low, high);
    const series = layers.map((layer) => ({ ys: values(layer, xs), style: layer.style, marked: true }));
    const title = ["f(x)", "f′(x)", "f″(x)"][order];
    const names = layers.map(label);
    const most = order === 0 ? 1.6 * Math.max(Math.abs(low), Math.abs(high), 1) : Infinity;
    chart.dataset.high = innerWidth < 700 ? 320 : 460;
    gallery.panel(chart, {
      xs, low, high, series, limits: gallery.limits(series.length ? series.map((one) => one.ys) : [[-1, 1]], most), title, xAxis: true, xName: "x →",
      words: names.length ? `${title} of ${names.join(", ")} for x from ${text(low, 3)} to ${text(high, 3)}` : "Nothing is shown yet",
    });
    const shown = document.getElementById("drawn");
    shown.replaceChildren(...(layers.length
      ? layers.map((layer) => element("span", { class: "key" }, gallery.swatch(layer.style), label(layer)))
      : ["Add a function to begin."]));
    table(names);
  });

  function table(names) {
    const xs = gallery.grid(low, high, 11).map((x) => Number(x.toPrecision(6)));
    const columns = layers.map((layer) => values(layer, xs));
    document.getElementById("table").replaceChildren(
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "x"), ...names.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...xs.map((x, i) => element("tr", {}, element("th", { scope: "row" }, text(x, 4)),
        ...columns.map((column) => element("td", {}, Number.isNaN(column[i]) ? "–" : text(column[i])))))),
    );
    document.querySelector(".values").hidden = layers.length === 0;
  }

  function list() {
    document.getElementById("layers").replaceChildren(...layers.map((layer) => {
      const away = element("button", { type: "button", class: "quiet", "aria-label": `Take ${layer.one.name} away` }, "×");
      away.addEventListener("click", () => {
        layers = layers.filter((other) => other !== layer);
        changed();
        list();
        document.getElementById("name").focus();
      });
      const name = element("a", { href: `functions/${layer.one.slug}.html`, class: "name" }, layer.one.name);
      const item = element("li", {}, element("div", { class: "row" }, gallery.swatch(layer.style), name, away));
      if (layer.f.parameters.length) {
        const fold = element("details", { open: layers.length < 4 && layer.f.parameters.length < 4 }, element("summary", {}, "Parameters"));
        layer.f.parameters.forEach((one, i) => {
          const set = (value) => { layer.numbers[i] = value; changed(); };
          fold.append(gallery.slider(one, layer.numbers[i], set, `l${layer.style}`).box);
        });
        item.append(fold);
      }
      return item;
    }));
  }

  const changed = () => { write(); draw(); };

  // --- the form --------------------------------------------------------------------------------

  async function add(word) {
    const one = byName.get(bare(word));
    if (!one) {
      trouble.textContent = bare(word) ? `There is no function called “${word.trim()}” in this gallery.` : "Give a name, such as mish.";
      return;
    }
    if (layers.length === MOST) {
      trouble.textContent = `${MOST} is the most that can be told apart; take one away first.`;
      return;
    }
    trouble.textContent = "";
    await put(one, []);
    document.getElementById("name").value = "";
    list();
    changed();
  }

  document.getElementById("names").append(...all.map((one) => element("option", { value: one.name })));
  document.getElementById("add").addEventListener("submit", (event) => {
    event.preventDefault();
    add(document.getElementById("name").value);
  });
  for (const box of orders) box.addEventListener("change", () => { order = Number(box.value); changed(); });
  for (const field of [from, to]) {
    field.addEventListener("input", () => {
      const [a, b] = [from.valueAsNumber, to.valueAsNumber];
      const fits = a < b;
      for (const other of [from, to]) other.toggleAttribute("aria-invalid", !fits);
      if (!fits) return;
      [low, high] = [a, b];
      changed();
    });
  }
  document.getElementById("copy").addEventListener("click", () => gallery.copy(location.href, document.getElementById("copied")));
  addEventListener("hashchange", read);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(draw).observe(chart);
  if (!location.hash) {
    const usual = ["relu", "gelu", "silu"].filter((slug) => bySlug.has(slug));
    if (usual.length > 1) history.replaceState(null, "", `#${usual.map((slug) => `f=${slug}`).join("&")}`);
  }
  read();
}
