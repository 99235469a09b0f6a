"use strict";
// The songs, what was decided on them, and where decisions go.

const data = JSON.parse(document.getElementById("data").textContent);
const DECIDED = new Set(["accepted", "edited", "excluded"]);
const OUTCOMES = { accept: "accepted", edit: "edited", exclude: "excluded" };
const SEVERITIES = ["low", "medium", "high"];
const made = []; // rows decided on this page
let unsafe = false; // whether some of them would be lost with the page
const store = data.served ? null : `gemma-keras-ft review ${data.name} ${data.version}`;

function isOpen(item) {
  return !DECIDED.has(item.state) || item.flags.some((flag) => flag.open);
}

function gravest(flags) {
  return flags.reduce((worst, flag) =>
    SEVERITIES.indexOf(flag.severity) > SEVERITIES.indexOf(worst.severity) ? flag : worst);
}

function spanOf(flag) {
  return { field: flag.field, line: flag.line, start: flag.start, end: flag.end };
}

function makeRow(item, decision, more) {
  return {
    record_id: item.id, lines_sha256: item.sha256, decision, span: null, lines: null,
    note: "", reviewer: "", time: new Date().toISOString(), ...more,
  };
}

// Does to the item what curation will do to the song.
function settle(item, row) {
  item.by = row;
  item.why = "";
  if (row.decision === "accept" && row.span) {
    const span = JSON.stringify(row.span);
    item.flags.filter((flag) => JSON.stringify(spanOf(flag)) === span)
      .forEach((flag) => { flag.open = false; });
    if (item.state !== "edited") item.state = item.flags.some((flag) => flag.open) ? "open" : "accepted";
    return;
  }
  item.state = OUTCOMES[row.decision];
  const edited = row.decision === "edit";
  if (edited) item.edited = row.lines;
  // An edit does not reach the title and the translation.
  item.flags.filter((flag) => !edited || flag.field === "lines")
    .forEach((flag) => { flag.open = false; });
}

function protectedTexts(item) {
  const spans = item.protected.filter((span) => span.field === "lines");
  return new Set(spans.map((span) =>
    [...item.lines[span.line]].slice(span.start, span.end).join("").normalize("NFC")));
}

// A first look, so that a reader learns of it here; curation looks again, by tokens.
function lostPhrases(item, lines) {
  const count = (texts, phrase) => texts.join("\n").normalize("NFC").split(phrase).length;
  return [...protectedTexts(item)].filter((phrase) =>
    count(lines, phrase) < count(item.lines, phrase));
}

// Resolves once the row is where it will be kept; rejects with what is wrong.
async function keep(row) {
  if (data.served) {
    const answer = await fetch("decisions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(row),
    }).catch(() => { throw new Error("The server has stopped. Start the review again."); });
    const result = await answer.json().catch(() => ({ error: answer.statusText }));
    if (!answer.ok) throw new Error(result.error);
    made.push(result);
    return result;
  }
  made.push(row);
  try {
    localStorage.setItem(store, JSON.stringify(made));
  } catch {
    unsafe = true; // This browser has no storage for files.
  }
  return row;
}

function restoreKept() {
  let rows = [];
  try {
    rows = JSON.parse(store && localStorage.getItem(store)) || [];
  } catch {
    return;
  }
  for (const row of rows) {
    const item = data.items.find((known) =>
      known.id === row.record_id && known.sha256 === row.lines_sha256);
    if (item) {
      made.push(row);
      settle(item, row);
    }
  }
}

function download() {
  const text = made.map((row) => JSON.stringify(row) + "\n").join("");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
  link.download = "decisions.jsonl";
  link.click();
  unsafe = false;
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
