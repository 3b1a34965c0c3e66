"use strict";
// Search and filters of the index; what is chosen stands in the address.
{
  const form = document.querySelector(".filters");
  const [search, family, by] = ["search", "family", "by"].map((id) => document.getElementById(id));
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const cards = [...document.querySelectorAll(".card")];
  const sections = [...document.querySelectorAll(".family")];
  const count = document.getElementById("count");
  const none = document.querySelector(".none[hidden]");
  const bare = (text) => text.toLowerCase().replace(/[^\p{L}\p{N} ]/gu, "");

  function chosen() {
    return {
      words: bare(search.value).split(" ").filter(Boolean),
      has: boxes.filter((box) => box.checked).map((box) => box.value),
    };
  }

  function show() {
    const { words, has } = chosen();
    let left = 0;
    for (const section of sections) {
      let some = false;
      for (const card of section.querySelectorAll(".card")) {
        const own = card.dataset;
        const fits = words.every((word) => bare(own.words).includes(word))
          && has.every((trait) => own.has.split(" ").includes(trait))
          && (by.value === "" || own.by.split(" ").includes(by.value))
          && (family.value === "" || section.dataset.family === family.value);
        card.hidden = !fits;
        some ||= fits;
        left += fits;
      }
      section.hidden = !some;
    }
    count.textContent = `${left} of ${cards.length}`;
    none.hidden = left > 0;
  }

  function write() {
    const state = new URLSearchParams();
    if (search.value) state.set("q", search.value);
    if (family.value) state.set("family", family.value);
    if (by.value) state.set("by", by.value);
    for (const trait of chosen().has) state.append("has", trait);
    history.replaceState(null, "", state.size ? `#${state}` : location.pathname);
  }

  function read() {
    const state = new URLSearchParams(location.hash.slice(1));
    search.value = state.get("q") ?? "";
    family.value = state.get("family") ?? "";
    by.value = state.get("by") ?? "";
    for (const box of boxes) box.checked = state.getAll("has").includes(box.value);
    show();
  }

  const changed = () => { show(); write(); };
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of document.querySelectorAll("[data-clear]")) {
    button.addEventListener("click", () => { form.reset(); changed(); search.focus(); });
  }
  addEventListener("hashchange", read);
  form.hidden = false;
  read();
}
