"use strict";
// Comfort only: without it, everything is still there.
const make = (name, props, ...inner) => { const e = Object.assign(document.createElement(name), props); e.append(...inner); return e; };

// Say aloud which part is shown, and let the arrow keys go from one to the next.
const tabs = [...document.querySelectorAll(".tabs a")];
const mark = () => {
  const at = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  const part = (at && at.closest("main > section")) || document.querySelector("main > section");
  if (!part) return;
  for (const a of tabs) {
    if (a.hash === "#" + part.id) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  // A row that is aimed at must be seen, whatever was closed or filtered before.
  if (at && at.matches("tr")) {
    at.hidden = false;
    const d = at.closest("details");
    if (d && !d.open) { d.open = true; }
    const only = d && d.querySelector(".only");
    if (only && at.classList.contains("none")) only.checked = false;
    at.scrollIntoView({ block: "center" });
  }
};
addEventListener("hashchange", mark);
mark();
for (const bar of document.querySelectorAll(".tabs")) bar.addEventListener("keydown", (e) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
  const at = tabs.indexOf(document.activeElement);
  if (!step || at < 0) return;
  e.preventDefault();
  const next = tabs[(at + step + tabs.length) % tabs.length];
  next.click();
  next.focus({ preventScroll: true });
});

// Copy what is an identifier.
if (navigator.clipboard) {
  for (const e of document.querySelectorAll("[data-copy]")) {
    const value = e.dataset.copy;
    if (!value) continue;
    const b = make("button", { type: "button", className: "copy", textContent: "Copy" });
    b.setAttribute("aria-label", "Copy " + value.slice(0, 60));
    b.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(value); b.textContent = "Copied"; }
      catch { const r = document.createRange(); r.selectNodeContents(e); const s = getSelection(); s.removeAllRanges(); s.addRange(r); b.textContent = "Selected"; }
      setTimeout(() => { b.textContent = "Copy"; }, 1500);
    });
    e.after(b);
  }
}

// Filter the rows of a table by what is typed.
const filter = (box, table) => {
  const input = make("input", { type: "search", placeholder: "Filter attributes" });
  input.setAttribute("aria-label", "Filter attributes");
  const said = make("span", { className: "count" });
  said.setAttribute("role", "status");
  let texts;
  input.addEventListener("input", () => {
    const rows = table.tBodies[0].rows, want = input.value.trim().toLowerCase();
    texts = texts || [...rows].map((r) => r.textContent.toLowerCase());
    let n = 0;
    for (let i = 0; i < rows.length; i++) { const on = texts[i].includes(want); rows[i].hidden = !on; n += on; }
    said.textContent = want ? n + " of " + rows.length : "";
  });
  box.prepend(input, said);
};
for (const box of document.querySelectorAll(".filter")) {
  const table = box.parentElement.querySelector("table");
  if (table && table.tBodies[0].rows.length > 8) filter(box, table);
}

// Open and close all tables of attributes.
const tools = document.querySelector(".tools"), all = [...document.querySelectorAll("#steps details.attrs")];
if (tools && all.length > 1) {
  const set = (open) => { for (const d of all) d.open = open; };
  tools.append(make("button", { type: "button", textContent: "Expand all", onclick: () => set(true) }),
    make("button", { type: "button", textContent: "Collapse all", onclick: () => set(false) }));
}

// On paper nothing can be opened.
let opened = [];
addEventListener("beforeprint", () => { opened = [...document.querySelectorAll("details:not([open])")]; for (const d of opened) d.open = true; });
addEventListener("afterprint", () => { for (const d of opened) d.open = false; });
