/* The Live mode: microphone -> AudioWorklet -> WebSocket /v1/live -> words. Runs once, after page.js. */
() => {
  "use strict";
  const at = (id) => document.getElementById(id);
  if (!at("live-controls")) return;
  const body = document.body;

  /* --- the mode: a third pill beside Gradio's two --- */

  const pill = document.createElement("button");
  pill.id = "live-pill";
  pill.type = "button";
  pill.setAttribute("aria-pressed", "false");
  pill.innerHTML = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 10v4M9 6v12M14 9v6M19 4v16"/></svg>Live';
  const keepPill = () => {
    const pills = document.querySelector("#audio .source-selection");
    if (pills && pill.parentElement !== pills) pills.append(pill);
  };
  new MutationObserver(keepPill).observe(at("audio"), { childList: true, subtree: true });
  keepPill();

  const setMode = (on) => {
    body.classList.toggle("w-live-mode", on);
    pill.classList.toggle("selected", on);
    pill.setAttribute("aria-pressed", String(on));
    at("live-controls").hidden = at("live-session").hidden = !on;
    if (!on) stop();
  };
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest?.("#audio .source-selection button");
    if (pressed) setMode(pressed === pill);
  });

  /* --- what is shown --- */

  const tell = (state, text) => {
    at("live-status").dataset.state = state;
    at("live-status").querySelector(".w-status-text").textContent = text;
  };

  const problems = new Map(); /* kind -> card */
  const problem = (kind, title, text, code) => {
    problems.get(kind)?.remove();
    problems.delete(kind);
    if (!title) return;
    const card = document.createElement("div");
    card.className = "w-error";
    card.dataset.severity = "warning";
    card.setAttribute("role", "alert");
    const heading = document.createElement("h3");
    heading.textContent = title;
    const hint = document.createElement("p");
    hint.className = "w-error-hint";
    hint.textContent = text;
    card.append(heading, hint);
    if (code) {
      const facts = document.createElement("p");
      facts.className = "w-error-facts";
      facts.append(Object.assign(document.createElement("code"), { textContent: code }));
      card.append(facts);
    }
    problems.set(kind, card);
    at("live-problem").append(card);
  };

  const levels = at("live-session").dataset.levels.split(" ").map((one) => one.split(":"));
  const levelOf = (confidence) => levels.find(([, least]) => confidence >= Number(least))[0];

  const clock = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  };

  /* What was spoken here but is not yet known to the words, over the last second: the way there and back
     is in it. */
  const lags = [];
  const showLag = (lag) => {
    lags.push(lag);
    if (lags.length > 10) lags.shift();
    const mean = lags.reduce((sum, one) => sum + one, 0) / lags.length;
    at("live-lag").textContent = `${mean.toFixed(1)} s`;
    at("live-lag").dataset.level = mean < 1 ? "high" : mean < 2.5 ? "fair" : "low";
  };

  const showBehind = (behind) => {
    if (behind === Boolean(problems.get("behind"))) return;
    problem("behind", behind && "This machine cannot keep up",
      "Words appear less often until it can. Nothing you say is lost.");
  };

  const showLevel = (peak) => {
    const db = Math.max(-60, 20 * Math.log10(Math.max(peak, 1e-4)));
    const meter = document.querySelector("#live-controls .w-level");
    meter.style.setProperty("--level", (1 + db / 60).toFixed(3));
    meter.setAttribute("aria-valuenow", db.toFixed(0));
    meter.toggleAttribute("data-loud", peak > 0.98);
  };

  /* --- the lines: finished ones, and the one under way --- */

  const lines = []; /* {start, words, element}; times count over all sessions of this page */
  let current = null;
  let session = null;

  const newLine = () => {
    const element = document.createElement("li");
    element.className = "w-line";
    element.append(document.createElement("time"), document.createElement("p"));
    at("live-lines").append(element);
    return { element, committed: [], tentative: [], announced: 0 };
  };
  /* Words of a model that knows capitals only, as people write them: for the eye alone, as in present.py. */
  let mixed = false;
  const asWritten = (words) => {
    mixed ||= words.some((word) => word.text !== word.text.toUpperCase());
    return words.map(({ text }, number) => {
      if (mixed) return text;
      const capital = number === 0 || /^I(?:'[A-Z]+)?$/.test(text);
      return capital ? text.slice(0, 1) + text.slice(1).toLowerCase() : text.toLowerCase();
    });
  };
  const spansOf = (words, nameOf) => {
    const texts = asWritten(words);
    return words.map((word, number) => Object.assign(
      document.createElement("span"), { textContent: texts[number], className: nameOf(number) }));
  };
  const put = (line, spans, start) => {
    const box = at("live-box");
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
    line.element.querySelector("time").textContent = clock(start);
    const text = line.element.querySelector("p");
    text.replaceChildren(...spans.flatMap((one) => [one, " "]));
    line.element.hidden = !spans.length;
    if (follows) box.scrollTop = box.scrollHeight;
  };
  /* Only what stands is read out; grey words would be said again and again. */
  const announce = (line, words) => {
    const news = asWritten(words).slice(line.announced).join(" ");
    line.announced = Math.max(line.announced, words.length);
    if (!news) return;
    const heard = at("live-heard");
    heard.append(Object.assign(document.createElement("p"), { textContent: news }));
    while (heard.children.length > 20) heard.firstChild.remove();
  };

  const onWords = (message) => {
    if (!current || current.utterance !== message.utterance) {
      current?.element.remove();
      current = Object.assign(newLine(), { utterance: message.utterance });
    }
    current.committed.push(...message.committed);
    current.tentative = message.tentative;
    const all = [...current.committed, ...current.tentative];
    const standing = current.committed.length;
    const spans = spansOf(all, (number) => (number < standing ? "w-stands" : "w-tentative"));
    put(current, spans, (all[0]?.start ?? 0) + session.offset);
    announce(current, current.committed);
  };

  const onFinal = (message) => {
    const line = current?.utterance === message.utterance ? current : newLine();
    current = null;
    if (!message.words.length) { line.element.remove(); return; }
    line.words = message.words.map((word) =>
      ({ ...word, start: word.start + session.offset, end: word.end + session.offset }));
    const spans = spansOf(line.words, () => "w-word");
    spans.forEach((element, number) => {
      const word = line.words[number];
      element.dataset.level = levelOf(word.confidence);
      element.title = `confidence ${(100 * word.confidence).toFixed(0)} % · ` +
        `${word.start.toFixed(2)}–${word.end.toFixed(2)} s`;
    });
    put(line, spans, line.words[0].start);
    if (message.note) {
      const note = Object.assign(document.createElement("span"), { className: "w-line-note", textContent: message.note });
      line.element.querySelector("p").append(note);
    }
    announce(line, line.words);
    lines.push(line);
    offer();
  };

  /* --- taking it along --- */

  const offer = () => {
    for (const button of document.querySelectorAll("[data-live]")) {
      if (button.dataset.live === "clear") button.hidden = !lines.length || Boolean(session);
      else button.disabled = !lines.length;
    }
  };
  const stamp = (seconds, separator) => {
    const ms = Math.round(seconds * 1000);
    const part = (value, size) => String(value).padStart(size, "0");
    return `${part(Math.floor(ms / 3600000), 2)}:${part(Math.floor(ms / 60000) % 60, 2)}:` +
      `${part(Math.floor(ms / 1000) % 60, 2)}${separator}${part(ms % 1000, 3)}`;
  };
  /* Captions short enough to be read at a glance; the same limits as in captions.py. */
  const cues = () => {
    const found = [];
    for (const line of lines) {
      let cue = null;
      for (const word of line.words) {
        const fits = cue && word.start - cue.end < 0.8 && word.end - cue.start <= 6 &&
          cue.text.length + 1 + word.text.length <= 84;
        if (fits) { cue.text += ` ${word.text}`; cue.end = word.end; }
        else { cue = { text: word.text, start: word.start, end: word.end }; found.push(cue); }
      }
    }
    return found;
  };
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const texts = {
    txt: () => lines.map((line) => line.words.map((word) => word.text).join(" ")).join("\n") + "\n",
    srt: () => cues().map((cue, number) =>
      `${number + 1}\n${stamp(cue.start, ",")} --> ${stamp(cue.end, ",")}\n${cue.text}\n`).join("\n"),
    vtt: () => ["WEBVTT\n", ...cues().map((cue) =>
      `${stamp(cue.start, ".")} --> ${stamp(cue.end, ".")}\n${escaped(cue.text)}\n`)].join("\n"),
  };
  const save = (name) => {
    const url = URL.createObjectURL(new Blob([texts[name]()], { type: "text/plain;charset=utf-8" }));
    Object.assign(document.createElement("a"), { href: url, download: `captions.${name}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  const copy = async (button) => {
    const label = button.textContent;
    try { await navigator.clipboard.writeText(texts.txt().trim()); button.textContent = "Copied"; }
    catch { button.textContent = "Not allowed"; }
    setTimeout(() => { button.textContent = label; }, 1400);
  };
  const clear = () => {
    lines.length = 0;
    at("live-lines").replaceChildren();
    at("live-heard").replaceChildren();
    spoken = 0;
    at("live-time").textContent = clock(0);
    offer();
    at("live-toggle").focus();
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-live]");
    if (!button || button.disabled) return;
    const what = button.dataset.live;
    if (what === "copy") copy(button);
    else if (what === "clear") clear();
    else save(what);
  });

  /* --- the microphone: blocks of 100 ms, 16-bit, mono --- */

  const WORKLET = `registerProcessor("blocks", class extends AudioWorkletProcessor {
    constructor() { super(); this.block = new Int16Array(Math.round(sampleRate / 10)); this.at = 0; this.peak = 0; }
    process(inputs) {
      const channels = inputs[0];
      const count = channels[0]?.length ?? 0;
      for (let i = 0; i < count; i++) {
        let sample = 0;
        for (const channel of channels) sample += channel[i] / channels.length;
        this.peak = Math.max(this.peak, Math.abs(sample));
        this.block[this.at++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
        if (this.at === this.block.length) {
          this.port.postMessage({ pcm: this.block.buffer.slice(0), peak: this.peak });
          this.at = 0; this.peak = 0;
        }
      }
      return true;
    }
  });`;

  const listen = async (stream, take) => {
    const open = async (options) => {
      const context = new AudioContext(options);
      try {
        const url = URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }));
        await context.audioWorklet.addModule(url);
        URL.revokeObjectURL(url);
        const node = new AudioWorkletNode(context, "blocks", { numberOfOutputs: 1 });
        context.createMediaStreamSource(stream).connect(node).connect(context.destination); /* it is silent */
        node.port.onmessage = (event) => take(event.data);
        await context.resume();
        return context;
      } catch (refusal) { context.close(); throw refusal; }
    };
    try { return await open({ sampleRate: 16000 }); }
    catch { return open({}); } /* some browsers do not resample a microphone; then the server does */
  };

  const REFUSED = {
    NotAllowedError: ["The microphone is blocked for this page",
      "Allow it in the browser's address bar, then start again. Uploading a file works without it."],
    NotFoundError: ["No microphone was found", "Connect one and start again, or upload a file."],
    NotReadableError: ["The microphone is in use by another program",
      "Close that program and start again, or upload a file."],
  };

  /* --- a session --- */

  let spoken = 0; /* seconds, over all sessions of this page */

  const wishes = () => {
    const [model, decoder, beam_width, lm_weight, word_score, hotwords, hotword_boost] = window.wav2vec2Wishes ?? [];
    const all = { model, decoder, beam_width, lm_weight, word_score, hotwords, hotword_boost };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== null));
  };

  const showButton = (running) => {
    const button = at("live-toggle");
    button.setAttribute("aria-pressed", String(running));
    at("ask").classList.toggle("w-listening", running);
    button.querySelector("span").textContent = running ? "Stop listening" : "Start listening";
  };

  const start = async () => {
    for (const kind of [...problems.keys()]) problem(kind);
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) {
      problem("microphone", "The microphone needs a secure page",
        "This address is neither https nor localhost, so the browser gives no access to it. " +
        "Open the page over https, or upload a file instead.");
      return;
    }
    const mine = session = { offset: spoken, rate: 16000, spoken: 0, heard: 0, ready: false, stopping: false, early: [] };
    showButton(true);
    offer();
    tell("queued", "Waiting for the microphone…");
    try {
      mine.stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
      mine.context = await listen(mine.stream, (block) => onBlock(mine, block));
      if (session !== mine || mine.stopping) { end(mine); return; }
      mine.rate = mine.context.sampleRate;
    } catch (refusal) {
      const [title, text] = REFUSED[refusal.name] ?? ["The microphone did not start", "Upload a file instead."];
      problem("microphone", title, text);
      end(mine, "failed", "Not listening.");
      return;
    }
    mine.stream.getAudioTracks()[0].addEventListener("ended", () => {
      problem("microphone", "The microphone was taken away", "What was heard so far stays. Start again to go on.");
      stop();
    });
    connect(mine);
  };

  const connect = (mine) => {
    const url = new URL("v1/live", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = url.hash = "";
    const socket = mine.socket = new WebSocket(url);
    socket.onopen = () => socket.send(JSON.stringify({ type: "start", sample_rate: mine.rate, ...wishes() }));
    socket.onmessage = (event) => onMessage(mine, JSON.parse(event.data));
    socket.onclose = () => {
      if (session !== mine) return;
      if (!mine.over) problem("connection", "The connection was lost",
        "What was heard so far stays. Start again to go on.");
      end(mine, mine.over === "ended" ? "done" : "failed", mine.over === "ended" ? "Done." : "Not listening.");
    };
  };

  const onBlock = (mine, { pcm, peak }) => {
    if (session !== mine || mine.stopping) return;
    showLevel(peak);
    if (mine.ready) mine.socket.send(pcm);
    else if (mine.early.length < 100) mine.early.push(pcm); /* what is said while it connects */
    spoken += 0.1;
    mine.spoken += 0.1;
    if (mine.ready) showLag(mine.spoken - mine.heard);
    at("live-time").textContent = clock(spoken);
  };

  const onMessage = (mine, message) => {
    if (session !== mine) return;
    if (message.type === "ready") {
      mine.ready = true;
      for (const pcm of mine.early.splice(0)) mine.socket.send(pcm);
      tell("running", "Listening. Speak whenever you like.");
      if (mine.stopping) mine.socket.send(JSON.stringify({ type: "stop" }));
    } else if (message.type === "words") onWords(message);
    else if (message.type === "final") onFinal(message);
    else if (message.type === "notice") tell("running", "A pass failed and is done again; nothing is lost.");
    else if (message.type === "ended") mine.over = "ended";
    else if (message.type === "error") {
      mine.over = "error";
      problem("session", message.error.message, message.error.hint, message.error.code);
    }
    if ("transcribed_s" in message) { mine.heard = message.transcribed_s; showBehind(message.behind); }
    if (message.type === "status" && !mine.stopping) tell("running", "Listening. Speak whenever you like.");
  };

  const stop = () => {
    const mine = session;
    if (!mine || mine.stopping) return;
    mine.stopping = true;
    silence(mine);
    if (!mine.socket) { end(mine, "idle", "Stopped."); return; }
    tell("running", "Finishing the last words…");
    at("live-toggle").disabled = true;
    if (mine.ready && mine.socket.readyState === WebSocket.OPEN) mine.socket.send(JSON.stringify({ type: "stop" }));
  };

  const silence = (mine) => {
    mine.stream?.getTracks().forEach((track) => track.stop());
    mine.context?.close();
    mine.stream = mine.context = null;
    showLevel(0);
  };

  const end = (mine, state = "idle", text = "Stopped.") => {
    silence(mine);
    mine.socket?.close();
    if (session !== mine) return;
    if (current) {
      onFinal({ utterance: current.utterance, words: [...current.committed, ...current.tentative],
        note: "It ended before the last pass over these words." });
    }
    session = null;
    lags.length = 0;
    at("live-toggle").disabled = false;
    at("live-lag").textContent = "–";
    at("live-lag").dataset.level = "none";
    problem("behind");
    showButton(false);
    tell(state, text);
    offer();
  };

  at("live-toggle").addEventListener("click", () => (session ? stop() : start()));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && session && body.classList.contains("w-live-mode")) stop();
  });
  window.addEventListener("pagehide", () => session && end(session));
}
