// A song as elements. Text only ever becomes text: nothing here writes markup.

const CONTEXT = 4; // lines around a flag that stay unfolded
const LONG = 40; // lines that are shown without folding
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Cs}/u;
const beside = { romanized: false, translation: false };
const unfolded = new Set();

function make(tag, options = {}, ...children) {
  const { on, ...attributes } = options;
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  if (on) element.addEventListener("click", on);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

// What can't be seen, or would reorder what stands around it, is named instead.
function visible(text) {
  const parts = [];
  let plain = "";
  for (const char of text) {
    if (CONTROL.test(char)) {
      const code = `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
      parts.push(plain, make("span", { class: "control", title: "a character without a shape" }, code));
      plain = "";
    } else plain += char;
  }
  return [...parts, plain].filter((part) => part !== "");
}

function label(flag) {
  return `${flag.category.replace("_", " ")} · ${flag.severity}`;
}

// Cuts a line where a span begins or ends; offsets count code points.
function marked(text, flags, kept) {
  const chars = [...text];
  const cuts = new Set([0, chars.length]);
  for (const span of [...flags, ...kept]) cuts.add(span.start).add(span.end);
  const places = [...cuts].sort((left, right) => left - right);
  const parts = [];
  places.slice(0, -1).forEach((start, index) => {
    const end = places[index + 1];
    const covers = (span) => span.start <= start && end <= span.end;
    let shown = visible(chars.slice(start, end).join(""));
    if (kept.some(covers)) {
      shown = [make("span", { class: "kept", title: "A protected phrase" }, ...shown)];
    }
    const over = flags.filter(covers);
    if (over.length) {
      const worst = gravest(over);
      const fine = over.every((flag) => !flag.open) ? " fine" : "";
      const title = over.map(label).join(", ");
      shown = [make("mark", { class: `${worst.category} ${worst.severity}${fine}`, title }, ...shown)];
    }
    parts.push(...shown);
    for (const flag of flags.filter((one) => one.end === end)) {
      parts.push(make("small", { class: `tag ${flag.category}` }, label(flag)));
    }
  });
  return parts;
}

function spansIn(item, field, line) {
  const there = (span) => span.field === field && span.line === line;
  const flags = item.edited && field === "lines" ? [] : item.flags.filter(there);
  return [flags, item.edited && field === "lines" ? [] : item.protected.filter(there)];
}

function lineOf(item, lines, place) {
  if (!lines[place].trim() && !spansIn(item, "lines", place)[0].length) {
    return make("div", { class: "gap" });
  }
  const row = make("div", { class: "line" },
    make("span", { class: "number" }, String(place + 1)),
    make("div", { class: "words", dir: "auto", lang: item.lang },
      ...marked(lines[place], ...spansIn(item, "lines", place))));
  for (const [name, lang] of [["romanized", `${item.lang.split("-")[0]}-Latn`], ["translation", item.translation_lang]]) {
    const other = item[name];
    const flagged = name === "translation" && spansIn(item, name, place)[0].length;
    if (other && other.length === lines.length && (beside[name] || flagged) && !(item.edited && name === "romanized")) {
      row.append(make("div", { class: "beside", dir: "auto", lang },
        ...marked(other[place], ...spansIn(item, name, place))));
    }
  }
  return row;
}

// A long song is folded away from its flags.
function lyric(item, redraw) {
  const lines = item.edited || item.lines;
  const near = new Set();
  if (lines.length > LONG && !item.edited && !unfolded.has(item.id)) {
    for (const flag of item.flags.filter((one) => one.line !== null)) {
      for (let at = flag.line - CONTEXT; at <= flag.line + CONTEXT; at += 1) near.add(at);
    }
  }
  const box = make("div", { class: "lyric" });
  for (let place = 0; place < lines.length; place += 1) {
    if (!near.size || near.has(place)) {
      box.append(lineOf(item, lines, place));
      continue;
    }
    const from = place;
    while (place + 1 < lines.length && !near.has(place + 1)) place += 1;
    const count = place - from + 1;
    box.append(make("button", { class: "fold", type: "button", on: () => { unfolded.add(item.id); redraw(); } },
      `${count} more ${count === 1 ? "line" : "lines"}`));
  }
  return box;
}

// A free translation does not run line for line: it stands below, with its flags.
function freeTranslation(item) {
  const flagged = item.flags.some((flag) => flag.field === "translation");
  if (!item.translation || item.translation.length === item.lines.length || !(beside.translation || flagged)) return null;
  return make("div", { class: "lyric" }, ...item.translation.map((line, place) =>
    make("div", { class: "beside", dir: "auto", lang: item.translation_lang },
      ...marked(line, ...spansIn(item, "translation", place)))));
}

function tools(item, redraw) {
  const names = ["romanized", "translation"].filter((name) => item[name]);
  return make("div", { class: "tools" }, ...names.map((name) => {
    const box = make("input", { type: "checkbox", id: `show-${name}` });
    box.checked = beside[name];
    box.addEventListener("change", () => { beside[name] = box.checked; redraw(); });
    return make("label", {}, box, ` ${name}`);
  }));
}

function flagRow(item, flag, number, acceptSpan) {
  const where = flag.line === null ? flag.field : `${flag.field === "lines" ? "line" : flag.field} ${flag.line + 1}`;
  return make("li", { class: flag.open ? flag.category : `${flag.category} fine` },
    make("q", { dir: "auto", lang: item.lang }, ...visible(flag.text)),
    make("span", { class: `tag ${flag.category}` }, label(flag)),
    make("span", { class: "list" }, ...visible([where, flag.list, flag.note].filter(Boolean).join(" · "))),
    flag.open && isOpen(item)
      ? make("button", { type: "button", on: () => acceptSpan(flag) }, "This is fine ", number < 10 ? make("kbd", {}, String(number)) : "")
      : make("span", { class: "list" }, "decided"));
}

function banners(item) {
  const texts = [];
  const by = item.by ? `${item.by.reviewer}, ${item.by.time.slice(0, 16).replace("T", " ")}` : "";
  if (item.no_alter) texts.push(["", "Marked no_alter, as sacred text is: it may be accepted or excluded, not edited."]);
  if (item.reason) texts.push(["", `Set aside by curation: ${item.reason.replaceAll("_", " ")}. Accept it to bring it back.`]);
  if (item.state === "stale") texts.push(["", `The text has changed since it was decided on (${by}). Please decide anew.`]);
  if (item.state === "refused") texts.push(["", `An edit could not be applied (${by}). ${item.why}`]);
  if (DECIDED.has(item.state)) texts.push([" done", `${item.state[0].toUpperCase()}${item.state.slice(1)} by ${by}${item.by.note ? `: ${item.by.note}` : ""}`]);
  return texts.map(([kind, text]) => make("p", { class: `banner${kind}` }, ...visible(text)));
}

function heading(item) {
  const facts = [item.author, item.language, item.script, item.style, item.where, item.source, item.license, item.id];
  return [
    make("h2", { dir: "auto", lang: item.lang },
      ...(item.title ? marked(item.title, ...spansIn(item, "title", null)) : ["Untitled"])),
    make("p", { class: "byline" }, ...facts.filter(Boolean).map((fact) => make("bdi", {}, ...visible(fact)))),
    ...banners(item),
  ];
}

function songOf(item, { redraw, acceptSpan }) {
  return [
    ...heading(item),
    make("ul", { class: "flags" }, ...item.flags.map((flag, index) => flagRow(item, flag, index + 1, acceptSpan))),
    tools(item, redraw),
    lyric(item, redraw),
    freeTranslation(item),
  ].filter((element) => element !== null);
}

function editorOf(item, area) {
  const phrases = [...protectedTexts(item)];
  const outside = item.flags.some((flag) => flag.field !== "lines");
  return [
    ...heading(item),
    outside ? make("p", { class: "banner" },
      "An edit changes the lines alone. What is flagged in the title or the translation stays, for you to accept, or to exclude the song.") : null,
    phrases.length ? make("p", { class: "banner" }, "Protected, and to be left as they are: ",
      ...phrases.flatMap((phrase, index) => [index ? ", " : "", make("bdi", { class: "kept", lang: item.lang }, ...visible(phrase))])) : null,
    area,
  ].filter((element) => element !== null);
}
