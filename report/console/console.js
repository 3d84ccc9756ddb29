// Only what is new while one looks: without it, every page is whole, and loading it again shows what is new.
const prefix = document.body.dataset.prefix;
const place = document.querySelector("[data-events]");

// Rows come as the server writes them into the page: escaped there, and held by the page's policy here.
const parse = (html) => { const t = document.createElement("template"); t.innerHTML = html; return t.content; };

// Somebody who reads, selects or has the keyboard in it is not disturbed.
const held = (e) => e.contains(document.activeElement) || (!getSelection().isCollapsed && e.contains(getSelection().anchorNode));

const follow = (query, take) => {
  let source;
  const open = () => { if (!source) { source = new EventSource(prefix + "events?" + query()); take(source); } };
  const close = () => { if (source) { source.close(); source = null; } };
  // A page that nobody sees asks for nothing.
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
};

if (place && place.dataset.events === "overview") {
  let latest = null;
  const show = () => { if (latest !== null && !held(place)) { place.replaceChildren(parse(latest)); latest = null; } };
  follow(() => "page=overview", (source) => source.addEventListener("overview", (e) => { latest = e.data; show(); }));
}

if (place && place.dataset.events === "changes") {
  const rows = document.getElementById("changes"), said = place.querySelector(".live"), most = 100; // as many as an event may have
  let waiting = [], fresh = 0, paused = false, missed = false, last = place.dataset.after;
  const pause = document.createElement("button");
  pause.type = "button";
  pause.className = "quiet";
  const word = (text) => { said.firstChild.textContent = text; };
  const show = () => {
    if (paused || held(rows)) { word(missed ? "Others are new" : fresh + " new"); return; }
    // A list with a hole in it looks like one without: the page is loaded again, whole.
    if (missed) { location.reload(); return; }
    // Not the line breaks between them, which nobody would take away again; and none that is there.
    const link = (row) => row.querySelector("a").href, there = new Set([...rows.rows].map(link));
    for (const part of waiting) rows.prepend(...[...parse(part).children].filter((row) => !there.has(link(row))));
    waiting = [];
    fresh = 0;
    while (rows.rows.length > most) rows.rows[rows.rows.length - 1].remove();
    word("Live");
  };
  const label = () => { pause.textContent = paused ? "Go on" : "Pause"; };
  pause.addEventListener("click", () => { paused = !paused; label(); show(); });
  label();
  said.append(document.createTextNode(""), " ", pause);
  said.removeAttribute("role");
  // A stream begins behind what this page has.
  follow(() => place.dataset.query + "&after=" + last, (source) => {
    source.addEventListener("open", show);
    source.addEventListener("missed", () => { missed = true; show(); });
    source.addEventListener("error", () => word("Not connected"));
    source.addEventListener("changes", (e) => {
      last = e.lastEventId;
      waiting.push(e.data);
      fresh += e.data.split("<tr").length - 1;
      if (waiting.length > 20) { waiting.shift(); missed = true; }
      show();
    });
  });
}

// What cannot be taken back is asked once more.
const grave = {
  drop: "Forget this change?",
  "drop-held": "Forget all that this brake holds?",
  release: "Let all that this brake holds go on to Microsoft Entra ID?",
};
for (const form of document.querySelectorAll("form")) {
  const words = grave[form.querySelector("input[name=verb]")?.value];
  if (words) form.addEventListener("submit", (e) => { if (!confirm(words)) e.preventDefault(); });
}
