/* What the page does without the server: messages about the microphone, files of any type, tooltips, copying,
   downloading, trying again, light and dark. There is one listener per event, on the document, because parts
   of the page are replaced at any time. The player and the transcript are in modules/. Called with {texts,
   options, exportOptions, subtitles, accept, …} (ui/page.py) and the object that all scripts share. */
(config, page) => {
  "use strict";
  const { texts } = config;
  /* "{size} MB" with {size: 3} becomes "3 MB". */
  const format = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  /* --- live regions: they stay, their content changes --- */

  const markLiveRegions = () => {
    for (const id of ["status", "align-status"]) {
      document.getElementById(id)?.setAttribute("aria-live", "polite");
    }
    const answer = document.getElementById("answer");
    if (answer) { answer.setAttribute("role", "region"); answer.setAttribute("aria-label", texts.transcript); }
  };

  /* --- the choice of the input: its names are what is visible, and its state is announced --- */

  const labelSources = () => {
    for (const button of all("#audio .source-selection button")) {
      if (button.getAttribute("aria-label") === "Record audio") button.dataset.source = "microphone";
      if (button.dataset.source === "microphone") button.setAttribute("aria-label", texts.microphoneLabel);
      if (button.id === "live-pill") continue;
      const on = button.classList.contains("selected") && !document.body.classList.contains("w-live-mode");
      if (button.getAttribute("aria-pressed") !== String(on)) button.setAttribute("aria-pressed", String(on));
    }
  };
  const sources = document.getElementById("audio");
  if (sources) {
    new MutationObserver(labelSources).observe(sources, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
    labelSources();
  }

  /* --- notes beside the microphone and the upload --- */

  const showNote = (about, title, text) => {
    const place = document.getElementById("microphone-note");
    if (!place || (!title && place.dataset.about !== about)) return;
    place.replaceChildren();
    place.dataset.about = about;
    if (!title) return;
    const box = document.createElement("div");
    const heading = document.createElement("b");
    const body = document.createElement("span");
    box.className = "w-microphone-note";
    box.setAttribute("role", "alert");
    heading.textContent = title;
    body.textContent = " " + text;
    box.append(heading, body);
    place.append(box);
  };

  const watchMicrophone = () => {
    const devices = navigator.mediaDevices;
    if (!window.isSecureContext || !devices || !devices.getUserMedia) {
      showNote("microphone", ...texts.microphone.insecure);
      $('#audio [aria-label="Upload file"]')?.click();
      return;
    }
    const open = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      try {
        const stream = await open(constraints);
        showNote("microphone");
        return stream;
      } catch (error) {
        showNote("microphone", ...(texts.microphone[error.name] ?? texts.microphone.other));
        throw error;
      }
    };
  };

  /* --- files: checked for their size, and of any type --- */

  const limit = Number($('meta[name="wav2vec2-max-bytes"]')?.content || Infinity);
  const tooLarge = (files) => {
    const file = files.find((one) => one.size > limit);
    if (!file) { showNote("file"); return false; }
    const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(0);
    const [title, hint] = texts.fileTooLarge;
    showNote("file", title, format(hint, { size: megabytes(file.size), limit: megabytes(limit) }));
    return true;
  };

  /* Gradio lets files through whose type is audio/*. Browsers give .mp4, .webm and .mkv another type, and
     .caf and .w64 none. Every file is passed on with an audio type, and the server decides by its content. */
  const AUDIO = "audio/";
  const asAudio = (files) => {
    const transfer = new DataTransfer();
    for (const file of files) {
      const { name, lastModified } = file;
      const type = file.type.startsWith(AUDIO) ? file.type : `${AUDIO}x-unknown`;
      transfer.items.add(file.type === type ? file : new File([file], name, { type, lastModified }));
    }
    return transfer;
  };
  const isAudio = (files) => files.every((file) => file.type.startsWith(AUDIO));
  const stop = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };

  document.addEventListener("click", (event) => {
    if (event.target.matches?.("#audio input[type=file]")) event.target.accept = config.accept;
  }, true);

  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!input.matches?.("#audio input[type=file]") || !input.files.length) return;
    const files = [...input.files];
    if (tooLarge(files)) { stop(event); input.value = ""; }
    else if (!isAudio(files)) input.files = asAudio(files).files;
  }, true);

  document.addEventListener("drop", (event) => {
    const files = [...(event.dataTransfer?.files ?? [])];
    if (!files.length || !event.target.closest?.("#audio")) return;
    if (tooLarge(files)) { stop(event); return; }
    if (isAudio(files)) return;
    stop(event);
    const again = { bubbles: true, cancelable: true, dataTransfer: asAudio(files) };
    event.target.dispatchEvent(new DragEvent("drop", again));
  }, true);

  /* A pasted file is uploaded; pasted text goes where the cursor is. */
  const PASTE_TRIES = 40;
  const uploadFiles = (files, tries = PASTE_TRIES) => {
    page.clip = "";
    const input = $("#audio input[type=file]");
    if (input) {
      input.files = asAudio(files).files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (tries) {
      const open = tries === PASTE_TRIES && ($('#audio [aria-label="Clear"]') ?? $('#audio [aria-label="Upload file"]'));
      if (open) open.click();
      else $('#audio [aria-label="Upload file"]')?.click();
      setTimeout(() => uploadFiles(files, tries - 1), 50);
    }
  };
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || event.target.closest?.("input, textarea, [contenteditable=true]")) return;
    stop(event);
    if (!tooLarge(files)) uploadFiles(files);
  }, true);

  /* --- the tooltip of a word --- */

  const tip = document.createElement("div");
  tip.className = "w-tip";
  tip.setAttribute("role", "tooltip");
  tip.id = "w-tip";
  tip.hidden = true;

  const showTip = (word) => {
    if (!tip.isConnected) ($("main") || document.body).append(tip);
    const { start, end, confidence, kind, letter } = word.dataset;
    tip.replaceChildren();
    const value = document.createElement("b");
    value.textContent = confidence;
    tip.append(`${letter ?? kind ?? texts.confidence} `, value,
      ` · ${Number(start).toFixed(2)}–${Number(end).toFixed(2)} s`);
    tip.hidden = false;
    const box = word.getBoundingClientRect();
    const width = tip.offsetWidth;
    const left = Math.min(Math.max(8, box.left + box.width / 2 - width / 2), innerWidth - width - 8);
    const above = box.top - tip.offsetHeight - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 4 ? above : box.bottom + 8}px`;
  };
  const hideTip = () => { tip.hidden = true; };

  const WORD = ".w-words .w-word";
  document.addEventListener("pointerover", (event) => {
    const word = event.target.closest?.(`.w-letters [data-letter], ${WORD}`);
    if (word) showTip(word); else hideTip();
  });
  window.addEventListener("scroll", hideTip, true);

  /* --- arrow keys inside the aligned text --- */

  const current = (words) => words.find((one) => one.classList.contains("w-at"));
  const goTo = (words, word) => {
    words.forEach((one, number) => {
      one.classList.toggle("w-at", one === word);
      one.setAttribute("aria-selected", String(one === word));
      one.id ||= `w-aligned-${number}`;
    });
    word.closest(".w-words").setAttribute("aria-activedescendant", word.id);
    showTip(word);
    word.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest?.("#aligned .w-words");
    if (!box) return;
    const words = all('[role="option"]', box);
    const at = words.indexOf(current(words));
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) goTo(words, words[Math.min(words.length - 1, Math.max(0, at + step))]);
    else if (event.key === "Home") goTo(words, words[0]);
    else if (event.key === "End") goTo(words, words[words.length - 1]);
    else if (event.key === "Enter") page.player?.playFrom(Number(words[Math.max(0, at)].dataset.start));
    else if (event.key === " ") page.player?.toggle();
    else if (event.key === "Escape") { page.player?.pause(); hideTip(); return; }
    else return;
    event.preventDefault();
  });
  document.addEventListener("focusout", (event) => {
    if (!event.target.closest?.(".w-words")) return;
    hideTip();
    all("#aligned .w-at").forEach((one) => one.classList.remove("w-at"));
  });

  /* --- buttons in the result --- */

  const showBriefly = (button, text) => {
    const before = button.dataset.label || button.textContent;
    button.dataset.label = before;
    button.textContent = text;
    setTimeout(() => { button.textContent = before; }, 1400);
  };

  /* The server writes a file when it is requested; its text arrives in #file. */
  const waiting = new Map();
  let fileRequests = 0;
  const fetchFile = (name) => new Promise((resolve) => {
    fileRequests += 1;
    const request = `${name} ${fileRequests}`;
    const corrected = name.startsWith("transcript.") && page.corrected?.();
    window.wav2vec2File = corrected ? `${request} ${JSON.stringify(corrected)}` : request;
    waiting.set(request, resolve);
    document.getElementById("fetch-file")?.click();
  });
  const bytesOf = (base64) => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  const onFile = () => {
    const { dataset, textContent } = $("#file .w-data") ?? { dataset: {} };
    const content = "base64" in dataset ? bytesOf(textContent) : textContent;
    const file = "missing" in dataset ? null : new Blob([content], { type: `${dataset.type};charset=utf-8` });
    waiting.get(dataset.request)?.(file);
    waiting.delete(dataset.request);
  };
  const files = document.getElementById("file");
  if (files) new MutationObserver(onFile).observe(files, { childList: true, subtree: true, characterData: true, attributes: true });

  /* A file that the server writes; its text; and a button's file. Null if there is none. */
  const fileText = async (name) => (await fetchFile(name))?.text() ?? null;
  const fileOf = async (button) => {
    const { name, of } = button.dataset;
    const file = await fetchFile(name ?? of);
    if (file === null) showBriefly(button, texts.nothingToExport);
    return file;
  };

  const copy = async (button) => {
    const text = (button.dataset.text ?? await (await fileOf(button))?.text())?.trim();
    if (text === undefined) return;
    try { await navigator.clipboard.writeText(text); }
    catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    showBriefly(button, texts.copied);
  };

  /* transcript.srt of the upload interview.mp4 becomes interview.srt; alignment.srt, interview.alignment.srt. */
  const fileName = (name) => {
    const source = ($("#transcript [data-audio]")?.dataset.audio ?? "").split("/").pop();
    const stem = decodeURIComponent(source).replace(/\.[^.]*$/, "");
    if (!stem || stem === "audio") return name;
    return name.startsWith("transcript.") ? name.replace("transcript", stem) : `${stem}.${name}`;
  };

  const save = async (button) => {
    const file = await fileOf(button);
    if (file === null) return;
    const link = document.createElement("a");
    const url = URL.createObjectURL(file);
    link.href = url;
    link.download = fileName(button.dataset.name);
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };

  /* Insert the words of the transcript as the text to align. */
  const fill = () => {
    const area = $("#align-text textarea");
    const words = (page.transcript?.words ?? []).map((word) => word.text).join(" ");
    if (!area) return;
    area.focus();
    if (!words) return;
    area.select();
    /* Unlike an assignment, this can be undone: what was typed returns. */
    if (document.execCommand("insertText", false, words)) return;
    area.value = words;
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const retry = (button) => {
    const panel = button?.closest("#describe-answer, #align-answer")?.id;
    document.getElementById(panel ? panel.replace("-answer", "") : "run")?.click();
  };

  const theme = () => {
    const dark = document.body.classList.toggle("dark");
    try { localStorage.setItem("wav2vec2-theme", dark ? "dark" : "light"); } catch { /* private window */ }
  };
  const restoreTheme = () => {
    if (new URLSearchParams(location.search).has("__theme")) return;
    let saved = null;
    try { saved = localStorage.getItem("wav2vec2-theme"); } catch { /* private window */ }
    if (saved) document.body.classList.toggle("dark", saved === "dark");
  };

  /* The drawer takes the focus; when it closes, the focus returns to its button. */
  const api = (button) => {
    $("footer .show-api")?.click();
    const wait = (tries) => {
      const drawer = $(".api-docs-wrap, .api-docs");
      if (!drawer) { if (tries) setTimeout(() => wait(tries - 1), 50); return; }
      drawer.tabIndex = -1;
      drawer.focus();
      const hide = () => {
        for (const tab of all("li, button", drawer)) {
          if (tab.textContent.trim() === "MCP") tab.style.display = "none"; /* there is no such server */
        }
      };
      hide();
      const gone = new MutationObserver(() => {
        if (drawer.isConnected) { hide(); return; }
        gone.disconnect();
        button.focus();
      });
      gone.observe(document.body, { childList: true, subtree: true });
    };
    wait(40);
  };

  /* The memory of the system is folded behind the chip at the top. */
  const showMemory = () => {
    const on = document.body.classList.contains("w-memory-open");
    const chip = $("#system [data-do=memory]");
    if (chip && chip.getAttribute("aria-expanded") !== String(on)) chip.setAttribute("aria-expanded", String(on));
  };
  const memory = () => { document.body.classList.toggle("w-memory-open"); showMemory(); };
  const chip = document.getElementById("system");
  if (chip) new MutationObserver(showMemory).observe(chip, { childList: true, subtree: true, attributes: true });

  const letters = (button) => {
    const on = button.closest(".w-aligned").toggleAttribute("data-letters");
    button.setAttribute("aria-pressed", String(on));
    markLetters(button.closest(".w-aligned"), on);
  };
  /* With letters, these are the options of the list, else the words. */
  const markLetters = (box, on) => {
    for (const word of all(".w-tile", box)) word.setAttribute("role", on ? "group" : "option");
    for (const one of all("[data-letter]", box)) {
      if (on) one.setAttribute("role", "option"); else one.removeAttribute("role");
    }
  };

  const DO = { copy, save, fill, retry, theme, api, memory, letters };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-do]");
    if (button && !button.disabled) { DO[button.dataset.do]?.(button); return; }
  });

  /* --- a changed decoding option: once it rests, the transcript is decoded again --- */

  const REST_MS = { textarea: 900, number: 500, range: 180, radio: 30 };
  let restTimer = 0;
  const decodeAgain = () => {
    if (all("#decoding input").every((input) => input.validity.valid)) document.getElementById("decode-again")?.click();
  };
  const onOptionChange = (event) => {
    if (!event.target.closest?.("#decoding")) return;
    const mayGoOn = event.type === "input"; /* otherwise the field was left or a single step was made */
    clearTimeout(restTimer);
    restTimer = setTimeout(decodeAgain, mayGoOn ? REST_MS[event.target.type] ?? 500 : 60);
  };
  document.addEventListener("input", onOptionChange);
  document.addEventListener("change", onOptionChange);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#decoding .reset-button")) onOptionChange(event);
    if (event.target.closest?.("#reset")) clearTimeout(restTimer); /* the reset replaces what was typed last */
  });

  /* --- accordions have aria-expanded --- */

  const updateExpanded = () => {
    for (const button of all("#decoding > button, #export-options > button, #alignment > button, #description > button, #acoustics-panel > button, #track-and-channels > button"))
      button.setAttribute("aria-expanded", String(button.classList.contains("open")));
  };
  document.addEventListener("click", () => setTimeout(updateExpanded));

  /* --- "try again in N s" counts down --- */

  setInterval(() => {
    for (const button of all('[data-do="retry"][data-after]')) {
      const left = Number(button.dataset.left ?? button.dataset.after) - 1;
      button.dataset.left = left;
      button.textContent = left > 0 ? format(texts.tryAgainIn, { seconds: left }) : texts.tryAgain;
      if (left <= 0) button.removeAttribute("data-after");
    }
  }, 1000);

  /* --- on a narrow screen the result is below: scroll to it when a request begins --- */

  const status = document.getElementById("status");
  let running = false;
  const scrollToResult = () => {
    const now = Boolean($('[data-state="queued"], [data-state="running"]:not([data-doing="decode_text"])', status));
    if (now && !running && innerWidth <= 900) {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      document.getElementById("answer").scrollIntoView({ behavior: calm ? "auto" : "smooth" });
    }
    running = now;
  };
  if (status) new MutationObserver(scrollToResult).observe(status, { childList: true, subtree: true });

  Object.assign(page, { uploadFiles, showNote, showTip, hideTip, fileText, clip: "" });

  /* Which clip the recording is, so that its text can be shown beside the transcript. */
  document.addEventListener("click", (event) => {
    const clip = event.target.closest?.("#clips button");
    if (clip) page.clip = config.clips[clip.textContent.trim()] ?? "";
    else if (event.target.closest?.("#audio, #source")) page.clip = "";
  }, true);

  document.documentElement.lang = config.language;
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.('[data-do="language"]')) return;
    const address = new URL(location.href);
    address.searchParams.set("lang", event.target.value);
    location.assign(address);
  });

  /* Gradio's document has a base address without the query: "#history" would load the page again. */
  document.addEventListener("click", (event) => {
    const hash = event.target.closest?.('a[href^="#"]')?.getAttribute("href");
    if (!hash || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    location.hash = hash;
  });

  document.getElementById("first-paint")?.remove();
  restoreTheme();
  markLiveRegions();
  updateExpanded();
  watchMicrophone();
}
