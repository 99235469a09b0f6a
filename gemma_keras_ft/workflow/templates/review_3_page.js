// The page: the list with its filters, the song, the decisions, the keys.

const PAGE = 50;
const by = (id) => document.getElementById(id);
let shown = []; // items that pass the filters
let page = 0;
let current = null;
let editor = null;
let busy = false; // a decision is on its way
let silence = 0;

function say(text, wrong = false) {
  by("said").textContent = text;
  by("said").classList.toggle("wrong", wrong);
  by("said").classList.add("shown");
  clearTimeout(silence);
  silence = setTimeout(() => by("said").classList.remove("shown"), wrong ? 7000 : 2500);
}

function passes(item) {
  const state = by("filter-state").value;
  const category = by("filter-category").value;
  const language = by("filter-language").value;
  return (!state || isOpen(item) === (state === "open"))
    && (!category || item.flags.some((flag) => flag.category === category))
    && (!language || (item.language || "unknown") === language);
}

function fillFilter(id, values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  for (const [value, count] of [...counts].sort()) {
    by(id).append(make("option", { value }, ...[`${value.replace("_", " ")} (${count})`]));
  }
}

function applyFilters() {
  shown = data.items.filter(passes);
  page = 0;
  open(shown[0] || null);
}

function open(item) {
  current = item;
  editor = null;
  by("note").value = "";
  if (item) page = Math.floor(Math.max(shown.indexOf(item), 0) / PAGE);
  draw();
  by("song").scrollTop = 0;
}

function step(by_) {
  const place = shown.indexOf(current) + by_;
  if (place >= 0 && place < shown.length) open(shown[place]);
}

function drawProgress() {
  const total = data.items.length;
  const done = data.items.filter((item) => !isOpen(item)).length;
  by("progress-text").textContent = `${done.toLocaleString("en")} of ${total.toLocaleString("en")} decided`;
  by("progress").setAttribute("aria-valuemax", total);
  by("progress").setAttribute("aria-valuenow", done);
  by("progress").firstElementChild.style.width = `${total ? (100 * done) / total : 100}%`;
}

function listRow(item) {
  const categories = [...new Set(item.flags.map((flag) => flag.category))];
  const first = item.lines.find((line) => line.trim()) || item.id;
  const facts = [item.language || "unknown", item.state === "open" ? "" : item.state];
  return make("li", {}, make("button", { type: "button", "aria-current": item === current ? "true" : null, on: () => open(item) },
    make("span", { class: "name", dir: "auto", lang: item.lang }, ...visible(item.title || first)),
    make("span", { class: "facts" },
      ...facts.filter(Boolean).map((fact) => make("bdi", {}, ...visible(fact))),
      ...categories.map((name) => make("span", { class: `dot ${name}` }, name.replace("_", " "))))));
}

function drawList() {
  const from = page * PAGE;
  by("list").replaceChildren(...shown.slice(from, from + PAGE).map(listRow));
  by("list").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  const to = Math.min(from + PAGE, shown.length);
  by("page-text").textContent = shown.length ? `${from + 1}–${to} of ${shown.length.toLocaleString("en")}` : "none";
  by("page-back").disabled = page === 0;
  by("page-on").disabled = to >= shown.length;
}

function drawSong() {
  if (!current) {
    const done = data.items.every((item) => !isOpen(item));
    by("song").replaceChildren(make("p", { class: "empty" },
      done ? "Everything is decided. Thank you." : "No song passes these filters."));
    return;
  }
  by("song").replaceChildren(...(editor
    ? editorOf(current, editor)
    : songOf(current, { redraw: drawSong, acceptSpan })));
}

function draw() {
  drawProgress();
  drawList();
  drawSong();
  by("verdicts").hidden = Boolean(editor);
  by("editing").hidden = !editor;
  for (const id of ["accept", "exclude", "note"]) by(id).disabled = !current;
  by("edit").disabled = !current || current.no_alter;
}

async function decide(decision, more = {}) {
  if (busy) return;
  const item = current;
  const reviewer = by("reviewer").value.trim();
  by("reviewer").classList.toggle("missing", !reviewer);
  if (!reviewer) {
    by("reviewer").focus();
    say("Please say who you are: decisions are kept under a name.", true);
    return;
  }
  const row = makeRow(item, decision, { reviewer, note: by("note").value.trim(), ...more });
  busy = true;
  try {
    settle(item, await keep(row));
  } catch (error) {
    say(error.message, true);
    return;
  } finally {
    busy = false;
  }
  say(data.served ? "Saved to decisions.jsonl." : "Noted. Download your decisions when you are done.");
  const next = isOpen(item) ? item : shown.find((other, place) => place > shown.indexOf(item) && isOpen(other));
  open(next || shown.find(isOpen) || item);
  by("song").focus();
}

function acceptSpan(flag) {
  return decide("accept", { span: spanOf(flag) });
}

function startEdit() {
  if (!current || current.no_alter) {
    if (current) say("Marked no_alter: accept or exclude it.", true);
    return;
  }
  editor = make("textarea", { dir: "auto", lang: current.lang, "aria-label": "The song's lines", spellcheck: "false" });
  editor.value = (current.edited || current.lines).join("\n");
  draw();
  editor.focus();
  editor.setSelectionRange(0, 0);
}

function saveEdit() {
  const lines = editor.value.split("\n");
  const lost = lostPhrases(current, lines);
  if (lost.length) say(`Protected phrases would be lost: ${lost.join(", ")}.`, true);
  else if (!/\p{L}/u.test(editor.value)) say("Nothing is left of the song: exclude it instead.", true);
  else decide("edit", { lines });
}

const KEYS = {
  a: () => decide("accept"), e: startEdit, x: () => decide("exclude"),
  n: () => by("note").focus(), j: () => step(1), k: () => step(-1), "?": () => by("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (by("help").open || event.altKey) return;
  if (editor && event.key === "Escape") return cancelEdit();
  if (editor && event.key === "Enter" && (event.ctrlKey || event.metaKey)) return saveEdit();
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (typing && event.key === "Escape") event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || editor || !current) return;
  const flag = current.flags[Number(event.key) - 1];
  const act = flag?.open && isOpen(current) ? () => acceptSpan(flag) : KEYS[event.key.toLowerCase()];
  if (act) {
    event.preventDefault();
    act();
  }
});

function cancelEdit() {
  editor = null;
  draw();
}

for (const [id, act] of Object.entries({
  accept: KEYS.a, edit: startEdit, exclude: KEYS.x, save: saveEdit, cancel: cancelEdit,
  "help-button": KEYS["?"],
  "page-back": () => { page -= 1; drawList(); }, "page-on": () => { page += 1; drawList(); },
})) by(id).addEventListener("click", act);
for (const id of ["filter-state", "filter-category", "filter-language"]) by(id).addEventListener("change", applyFilters);
by("download")?.addEventListener("click", download);
window.addEventListener("beforeunload", (event) => { if (unsafe) event.preventDefault(); });

by("reviewer").value = data.reviewer;
fillFilter("filter-category", data.items.flatMap((item) => [...new Set(item.flags.map((flag) => flag.category))]));
fillFilter("filter-language", data.items.map((item) => item.language || "unknown"));
restoreKept();
applyFilters();
