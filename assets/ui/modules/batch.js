/* The mode "Batch": choosing files, sending them, and a table of what becomes of each. The server does the work;
   the page asks for what has changed, so it can be closed and opened again. */

import { all, announce, clock, element, format } from "./dom.js";
import { address, ask, relative, span } from "./server.js";

const ASK_MS = 1500;
const AT_ONCE = 2; /* files that are sent at the same time */
const ROW_PX = 37;
const SPARE = 20;

/* The files of a drop, those in folders included; each with its path. */
const droppedFiles = async (transfer) => {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, name: file.name }));
  const found = [];
  const visit = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((done, fail) => entry.file(done, fail));
      found.push({ file, name: entry.fullPath.replace(/^\//, "") });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const part = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!part.length) return;
      for (const one of part) await visit(one);
    }
  };
  for (const entry of entries) await visit(entry);
  return found;
};

export const start = (config) => {
  const texts = config.texts["batch"];
  const place = document.getElementById("w-batch");
  const route = "v1/transcription-batches";
  let chosen = "";
  let batch = null;
  let files = new Map();
  let most = Infinity;
  let sending = 0;
  let timer = 0;

  /* --- parts --- */

  const input = (folder) => {
    const made = element("input", { type: "file", multiple: true, hidden: true });
    if (folder) made.webkitdirectory = true; else made.accept = config.accept;
    made.addEventListener("change", () => {
      take([...made.files].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
      made.value = "";
    });
    return made;
  };
  const opener = (text, target, primary) => {
    const made = element("button", { type: "button", className: `w-button${primary ? " w-primary" : ""}`, textContent: text });
    made.addEventListener("click", () => target.click());
    return made;
  };
  const [byFile, byFolder] = [input(false), input(true)];
  const stored = element("p", { className: "w-hint" });
  const problem = element("div", { className: "w-mode-problem", attributes: { role: "alert" } });
  const drop = element("div", { className: "w-drop" }, opener(texts.chooseFiles, byFile, true), opener(texts.chooseFolder, byFolder),
    element("span", { className: "w-hint", textContent: texts.drop }), byFile, byFolder);
  const diarize = element("input", { type: "checkbox" });
  const speakers = element("label", { className: "w-check" }, diarize, element("span", {}, texts.diarize, " ", element("span", { className: "w-hint", textContent: texts.diarizeHint })));
  const list = element("ul", { className: "w-items" });
  const detail = element("div", { className: "w-detail" });
  place.replaceChildren(element("h2", { textContent: texts.title }), element("p", { className: "w-hint", textContent: texts.about }), stored, problem, speakers, drop,
    element("div", { className: "w-mode-columns" }, element("div", { className: "w-mode-list" }, list), detail));

  const fail = (error) => {
    problem.replaceChildren(...(error ? [element("b", { textContent: texts.cannot }),
      element("span", { textContent: ` ${error.message} ${error.hint ?? ""} ` }), element("code", { textContent: error.code ?? "" })] : []));
  };
  const trying = async (work) => {
    try { const found = await work(); fail(null); return found; } catch (error) { fail(error); return null; }
  };

  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("w-over"); });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("w-over"));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("w-over");
    take(await droppedFiles(event.dataTransfer));
  });

  /* --- sending --- */

  const options = () => {
    const [model, ...values] = window.wav2vec2Options ?? [];
    const shown = window.wav2vec2Export ?? [];
    const named = (names, from) => Object.fromEntries(names.map((name, number) => [name, from[number] ?? null]));
    return { model: model ?? "", options: { ...named(config.options, values), ...named(config.exportOptions, shown), diarize: diarize.checked } };
  };

  const send = async (id, wanted) => {
    const queue = [...wanted];
    sending += queue.length;
    showSending();
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const form = new FormData();
        form.append("file", next.file, "upload");
        await trying(() => ask(`${route}/${id}/files/${next.number}`, { method: "POST", body: form, lost: texts.lost }));
        sending -= 1;
        showSending();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    refresh();
  };

  /* Chosen files that the shown batch lacks continue it; others are a new batch. */
  const take = async (found) => {
    if (!found.length) return;
    if (batch?.id === chosen && batch?.counts.missing && !sending) {
      const byName = new Map(found.map((one) => [one.name, one.file]));
      const lacking = [...files.values()].filter((one) => one.state === "missing" && byName.has(one.name));
      if (lacking.length) {
        send(chosen, lacking.map((one) => ({ number: one.number, file: byName.get(one.name) })));
        return;
      }
    }
    if (found.length > most) { fail({ message: format(texts.tooMany, { count: found.length, most }) }); return; }
    const [folder, file] = found[0].name.split("/");
    const name = file || found.length === 1 ? folder : format(texts.files, { count: found.length });
    const body = { name, files: found.map((one) => ({ name: one.name, size: one.file.size })), ...options() };
    const made = await trying(() => ask(route, { method: "POST", body, lost: texts.lost }));
    if (!made) return;
    choose(made.id);
    send(made.id, found.map((one, number) => ({ number: number + 1, file: one.file })));
  };
  window.addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });

  /* --- the list --- */

  const facts = (one) => {
    const { counts } = one;
    const parts = [format(texts.listed, { done: counts.done, total: counts.total })];
    if (counts.failed) parts.push(format(texts.failed, { failed: counts.failed }));
    if (one.finished) parts.push(texts.finished); else if (one.eta_s) parts.push(format(texts.eta, { time: span(Math.max(1, one.eta_s)) }));
    return parts.join(" · ");
  };
  const bar = (one) => {
    const { counts } = one;
    const ended = counts.done + counts.failed;
    return element("progress", { className: "w-bar-line", max: counts.total, value: ended,
      attributes: { "aria-label": format(texts.progress, { done: ended, total: counts.total }) } });
  };
  const row = (one) => {
    const open = element("button", { type: "button", className: "w-item", data: { id: one.id }, attributes: { "aria-pressed": String(one.id === chosen) } },
      element("b", { textContent: one.name }), element("span", { className: "w-hint", textContent: `${relative(one.created - Date.now() / 1000)} · ${facts(one)}` }));
    open.addEventListener("click", () => { choose(one.id); refresh(); });
    return element("li", {}, open);
  };

  /* --- the chosen batch --- */

  const heading = element("h3");
  const state = element("p", { className: "w-hint", attributes: { role: "status" } });
  const note = element("p", { className: "w-hint" });
  const track = element("div");
  const download = element("a", { className: "w-button", textContent: texts.download });
  const remove = element("button", { type: "button", className: "w-button w-danger", textContent: texts.delete });
  const [above, below] = [element("tr"), element("tr")].map((one) => { one.setAttribute("aria-hidden", "true"); one.append(element("td", { colSpan: 4 })); return one; });
  const body = element("tbody");
  const table = element("div", { className: "w-batch-table", tabIndex: 0, attributes: { role: "region", "aria-label": texts.table } },
    element("table", {}, element("thead", {}, element("tr", {}, ...texts.columns.map((text) => {
      const cell = element("th", { textContent: text });
      cell.scope = "col";
      return cell;
    }))), body));
  const parts = [heading, state, track, note, element("div", { className: "w-actions" }, download, remove), table];
  table.addEventListener("scroll", () => drawRows());

  remove.addEventListener("click", async () => {
    if (await trying(() => ask(`${route}/${chosen}`, { method: "DELETE" }))) {
      choose("");
      announce(texts.deleted);
      refresh();
    }
  });

  const choose = (id) => {
    if (id !== chosen) { batch = null; files = new Map(); }
    chosen = id;
    for (const one of all(".w-item", list)) one.setAttribute("aria-pressed", String(one.dataset.id === id));
    if (!id) detail.replaceChildren();
  };

  const fileRow = (file) => {
    const name = element("th", { textContent: file.name, title: file.name });
    name.scope = "row";
    const percent = Math.round(100 * file.progress);
    const shown = format(texts.states[file.state], { percent });
    const length = file.duration_s === null ? "" : ` · ${clock(file.duration_s)}`;
    const text = file.error ? `${file.error.message} ${file.error.hint}` : file.text;
    return element("tr", { data: { state: file.state } }, name, element("td", { textContent: shown + length }),
      element("td", { className: "w-cell-text", textContent: text, title: text }),
      element("td", { textContent: file.confidence === null ? "" : `${Math.round(100 * file.confidence)} %` }));
  };
  /* Only the rows in view are in the document. */
  const drawRows = () => {
    const rows = [...files.values()];
    const first = Math.max(0, Math.floor(table.scrollTop / ROW_PX) - SPARE);
    const last = Math.min(rows.length, first + Math.ceil((table.clientHeight || 600) / ROW_PX) + 2 * SPARE);
    above.firstChild.style.height = `${first * ROW_PX}px`;
    below.firstChild.style.height = `${(rows.length - last) * ROW_PX}px`;
    body.replaceChildren(...(first ? [above] : []), ...rows.slice(first, last).map(fileRow), ...(last < rows.length ? [below] : []));
  };
  const showSending = () => {
    note.textContent = sending ? format(texts.uploading, { count: sending })
      : batch?.counts.missing ? format(texts.missing, { count: batch.counts.missing }) : "";
  };
  const draw = () => {
    if (heading.parentNode !== detail) detail.replaceChildren(...parts);
    heading.textContent = batch.name;
    const text = facts(batch);
    if (state.textContent !== text) state.textContent = text;
    track.replaceChildren(bar(batch));
    download.href = address(`${route}/${batch.id}/results`);
    showSending();
    drawRows();
  };

  /* --- asking for what has changed --- */

  const refresh = async () => {
    clearTimeout(timer);
    const overview = await trying(() => ask(route, { lost: texts.lost }));
    if (overview) {
      most = overview.most_files;
      stored.textContent = format(texts.stored, { time: span(overview.retention_s) });
      if (!chosen && overview.batches.length) choose(overview.batches[0].id);
      list.replaceChildren(...overview.batches.map(row));
      if (!overview.batches.length) list.append(element("li", { className: "w-hint", textContent: texts.none }));
    }
    if (chosen) {
      const asked = chosen;
      const found = await trying(() => ask(`${route}/${asked}`, { query: { after: batch?.version ?? 0 } }));
      if (found && asked === chosen) {
        batch = found;
        for (const file of found.files) files.set(file.number, file);
        draw();
      }
    }
    const working = sending || (overview?.batches ?? []).some((one) => one.counts.waiting || one.counts.running);
    if (document.body.dataset.mode === "batch" && (working || !overview)) timer = setTimeout(refresh, ASK_MS);
  };
  return { open: refresh };
};
