/* The Live mode: microphone -> AudioWorklet -> WebSocket /v1/live -> captions. Called once, after page.js, with
   {texts, options, exportOptions, subtitles} (ui/page.py) and the object that all scripts share. */
(config, page) => {
  "use strict";
  const { live: texts, microphone: microphoneTexts, ...common } = config.texts;
  const { options, subtitles } = config;
  const byId = (id) => document.getElementById(id);
  if (!byId("live-controls")) return;
  const body = document.body;
  const format = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  /* --- the mode: a third pill beside Gradio's two --- */

  const pill = document.createElement("button");
  pill.id = "live-pill";
  pill.type = "button";
  pill.setAttribute("aria-pressed", "false");
  pill.innerHTML = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 10v4M9 6v12M14 9v6M19 4v16"/></svg>';
  pill.append(texts.mode);
  const keepPill = () => {
    const pills = document.querySelector("#audio .source-selection");
    if (pills && pill.parentElement !== pills) pills.append(pill);
  };
  new MutationObserver(keepPill).observe(byId("audio"), { childList: true, subtree: true });
  keepPill();

  const setMode = (on) => {
    body.classList.toggle("w-live-mode", on);
    pill.classList.toggle("selected", on);
    pill.setAttribute("aria-pressed", String(on));
    byId("live-controls").hidden = byId("live-session").hidden = !on;
    if (on) loadAudio();
    else { stop(); page.state?.update(); }
  };
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest?.("#audio .source-selection button");
    if (pressed) setMode(pressed === pill);
  });

  /* --- status and problems --- */

  const setStatus = (state, text) => {
    byId("live-status").dataset.state = state;
    byId("live-status").querySelector(".w-status-text").textContent = text;
  };

  const problems = new Map(); /* kind -> card */
  const showProblem = (kind, title, text, code) => {
    problems.get(kind)?.remove();
    problems.delete(kind);
    if (!title) return;
    const card = document.createElement("div");
    card.className = "w-error";
    card.dataset.severity = "warning";
    card.setAttribute("role", "alert");
    const heading = document.createElement("h2");
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
    byId("live-problem").append(card);
  };

  const levels = byId("live-session").dataset.levels.split(" ").map((one) => one.split(":"));
  const levelOf = (confidence) => levels.find(([, least]) => confidence >= Number(least))[0];

  const clock = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  };

  /* Audio that was recorded here and is not transcribed yet, mean of the last second; includes the network. */
  const delays = [];
  const showDelay = (delay) => {
    delays.push(delay);
    if (delays.length > 10) delays.shift();
    const mean = delays.reduce((sum, one) => sum + one, 0) / delays.length;
    byId("live-delay").textContent = format(texts.delay, { seconds: mean.toFixed(1) });
    byId("live-delay").dataset.level = mean < 1 ? "high" : mean < 2.5 ? "fair" : "low";
  };

  const showBehind = (behind) => {
    if (behind === Boolean(problems.get("behind"))) return;
    showProblem("behind", ...(behind ? texts.behind : []));
  };

  const showLevel = (peak) => {
    const db = Math.max(-60, 20 * Math.log10(Math.max(peak, 1e-4)));
    const meter = document.querySelector("#live-controls .w-level");
    meter.style.setProperty("--level", (1 + db / 60).toFixed(3));
    meter.setAttribute("aria-valuenow", db.toFixed(0));
    meter.toggleAttribute("data-loud", peak > 0.98);
  };

  /* --- the lines: finished ones, and the current one --- */

  const lines = []; /* {start, words, element}; times count over all sessions of this page */
  let current = null;
  let session = null;

  const newLine = () => {
    const element = document.createElement("li");
    element.className = "w-line";
    element.append(document.createElement("time"), document.createElement("p"));
    byId("live-lines").append(element);
    return { element, committed: [], tentative: [], announced: 0 };
  };
  /* A model with capital letters only is shown in sentence case; once a word has others, all are left unchanged. */
  let mixed = false;
  const sentenceCase = (words) => {
    const spelled = words.map((word) => word.text);
    mixed ||= spelled.some((text) => text !== text.toUpperCase());
    return mixed ? spelled : subtitles.sentenceCase(spelled);
  };
  const spansOf = (words, nameOf) => {
    const spelled = sentenceCase(words);
    return words.map((word, number) => Object.assign(
      document.createElement("span"), { textContent: spelled[number], className: nameOf(number) }));
  };
  const showLine = (line, spans, start) => {
    const box = byId("live-box");
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
    line.element.querySelector("time").textContent = clock(start);
    const text = line.element.querySelector("p");
    text.replaceChildren(...spans.flatMap((one) => [one, " "]));
    line.element.hidden = !spans.length;
    if (atEnd) box.scrollTop = box.scrollHeight;
  };
  /* Screen readers announce committed words only; tentative ones would be announced repeatedly. */
  const announce = (line, words) => {
    const added = sentenceCase(words).slice(line.announced).join(" ");
    line.announced = Math.max(line.announced, words.length);
    if (!added) return;
    const log = byId("live-committed");
    log.append(Object.assign(document.createElement("p"), { textContent: added }));
    while (log.children.length > 20) log.firstChild.remove();
  };

  const onWords = (message) => {
    if (!current || current.utterance !== message.utterance) {
      current?.element.remove();
      current = Object.assign(newLine(), { utterance: message.utterance });
    }
    current.committed.push(...message.committed);
    current.tentative = message.tentative;
    const all = [...current.committed, ...current.tentative];
    const committed = current.committed.length;
    const spans = spansOf(all, (number) => (number < committed ? "w-committed" : "w-tentative"));
    showLine(current, spans, (all[0]?.start ?? 0) + session.offset);
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
      element.dataset.start = word.start.toFixed(3);
      element.dataset.end = word.end.toFixed(3);
      element.title = format(texts.word, {
        confidence: (100 * word.confidence).toFixed(0), start: word.start.toFixed(2), end: word.end.toFixed(2) });
    });
    showLine(line, spans, line.words[0].start);
    if (message.note) {
      const note = Object.assign(document.createElement("span"), { className: "w-line-note", textContent: message.note });
      line.element.querySelector("p").append(note);
    }
    announce(line, line.words);
    lines.push(line);
    updateExports();
  };

  /* --- export --- */

  const updateExports = () => {
    for (const button of document.querySelectorAll("[data-live]")) {
      const action = button.dataset.live;
      if (action === "clear") button.hidden = !lines.length || Boolean(session);
      else if (action === "open") button.disabled = !kept.blocks.length || Boolean(session);
      else button.disabled = !lines.length;
    }
  };
  /* The export options of the page, in the order of their table (speech/export_options.py). */
  const exportValues = () => {
    const values = window.wav2vec2Export ?? [];
    const named = config.exportOptions.map((name, number) => [name, values[number]]);
    return Object.fromEntries(named.filter(([, value]) => value !== undefined && value !== null && value !== ""));
  };
  page.exportValues = exportValues;
  const fileOf = (kind) => subtitles.write(kind, lines.map((line) => line.words), exportValues());
  const save = (name) => {
    const url = URL.createObjectURL(new Blob([fileOf(name)], { type: "text/plain;charset=utf-8" }));
    Object.assign(document.createElement("a"), { href: url, download: `captions.${name}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  const copy = async (button) => {
    const label = button.textContent;
    try { await navigator.clipboard.writeText(fileOf("txt").trim()); button.textContent = common.copied; }
    catch { button.textContent = common.copyRefused; }
    setTimeout(() => { button.textContent = label; }, 1400);
  };
  const clear = () => {
    lines.length = 0;
    byId("live-lines").replaceChildren();
    byId("live-committed").replaceChildren();
    recorded = 0;
    Object.assign(kept, { blocks: [], seconds: 0 });
    saved = true;
    loadAudio();
    byId("live-time").textContent = clock(0);
    updateExports();
    byId("live-toggle").focus();
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-live]");
    if (!button || button.disabled) return;
    const action = button.dataset.live;
    if (action !== "clear") saved = true;
    if (action === "copy") copy(button);
    else if (action === "clear") clear();
    else if (action === "open") openAsRecording();
    else save(action);
  });

  /* --- the audio of the captions: kept in the page up to a bound, so that words can be played --- */

  const MAX_KEPT_S = 1800;
  const kept = { blocks: [], seconds: 0, rate: 0, url: "" };
  let saved = true; /* or there is nothing to lose */

  const keep = (pcm, seconds, rate) => {
    if (kept.rate && kept.rate !== rate && kept.blocks.length) return;
    if (kept.seconds + seconds > MAX_KEPT_S) return;
    kept.rate = rate;
    kept.blocks.push(pcm);
    kept.seconds += seconds;
    saved = false;
  };
  const loadAudio = () => {
    if (kept.url) URL.revokeObjectURL(kept.url);
    kept.url = kept.blocks.length && !session ? URL.createObjectURL(page.wavOf(kept.blocks, kept.rate)) : "";
    page.player?.load(kept.url, kept.url ? kept.seconds : 0);
  };
  const openAsRecording = () => {
    const name = `${texts.recordingName} ${new Date().toISOString().slice(0, 16).replace("T", " ").replace(":", ".")}.wav`;
    const file = new File([page.wavOf(kept.blocks, kept.rate)], name, { type: "audio/wav" });
    setMode(false);
    page.uploadFiles([file]);
  };
  const markWord = () => {
    for (const one of document.querySelectorAll("#live-lines .w-now")) one.classList.remove("w-now");
    if (!page.player?.playing || !kept.url) return;
    const { time } = page.player;
    const line = lines.findLast((one) => one.words[0].start <= time);
    const at = line?.words.findLastIndex((word) => word.start <= time && time < word.end + 0.04) ?? -1;
    if (at >= 0) line.element.querySelectorAll(".w-word")[at]?.classList.add("w-now");
  };
  document.addEventListener("click", (event) => {
    const word = event.target.closest?.("#live-lines .w-word");
    if (word && kept.url && !session) page.player.playFrom(Number(word.dataset.start));
  });
  const follow = () => {
    if (!page.player) { setTimeout(follow, 100); return; }
    for (const kind of ["time", "state"]) page.player.addEventListener(kind, markWord);
  };
  follow();
  window.addEventListener("beforeunload", (event) => {
    if (session || (lines.length && !saved)) event.preventDefault();
  });

  /* --- the microphone: blocks of 100 ms, 16-bit, mono --- */

  const WORKLET = `registerProcessor("blocks", class extends AudioWorkletProcessor {
    constructor() { super(); this.block = new Int16Array(Math.round(sampleRate / 10)); this.at = 0; this.peak = 0;
      this.port.onmessage = () => { this.send(); this.port.postMessage({ flushed: true }); }; }
    send() {
      if (this.at) this.port.postMessage({ pcm: this.block.slice(0, this.at).buffer, peak: this.peak });
      this.at = 0; this.peak = 0;
    }
    process(inputs) {
      const channels = inputs[0];
      const count = channels[0]?.length ?? 0;
      for (let i = 0; i < count; i++) {
        let sample = 0;
        for (const channel of channels) sample += channel[i] / channels.length;
        this.peak = Math.max(this.peak, Math.abs(sample));
        this.block[this.at++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
        if (this.at === this.block.length) this.send();
      }
      return true;
    }
  });`;

  const captureAudio = async (stream, onBlock) => {
    const open = async (settings) => {
      const context = new AudioContext(settings);
      try {
        const url = URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }));
        await context.audioWorklet.addModule(url);
        URL.revokeObjectURL(url);
        const node = new AudioWorkletNode(context, "blocks", { numberOfOutputs: 1 });
        context.createMediaStreamSource(stream).connect(node).connect(context.destination); /* its output is silent */
        node.port.onmessage = (event) => (event.data.flushed ? context.flushed?.() : onBlock(event.data));
        context.flush = () => new Promise((resolve) => { context.flushed = resolve; node.port.postMessage("flush"); });
        await context.resume();
        return context;
      } catch (error) { context.close(); throw error; }
    };
    try { return await open({ sampleRate: 16000 }); }
    catch { return open({}); } /* some browsers do not resample a microphone; the server does it then */
  };

  /* --- a session --- */

  const TAIL_MS = 300; /* recorded after Stop */
  const RECONNECT_MS = [0, 500, 1000, 2000, 4000, 8000]; /* waits before the attempts to connect again */
  const MAX_BLOCKS = 1200; /* two minutes, kept until they are transcribed */

  let recorded = 0; /* seconds, over all sessions of this page */

  /* The model and the decoding options of the page, as the start message takes them. */
  const startOptions = () => {
    const values = window.wav2vec2Options ?? [];
    const named = ["model", ...options].map((name, number) => [name, values[number]]);
    return Object.fromEntries(named.filter(([, value]) => value !== undefined && value !== null));
  };

  const showButton = (running) => {
    const button = byId("live-toggle");
    button.setAttribute("aria-pressed", String(running));
    byId("ask").classList.toggle("w-listening", running);
    button.querySelector("span").textContent = running ? texts.stop : texts.start;
  };

  /* The sound of a tab or of the system. Browsers share it together with a picture, which is not used. */
  if (navigator.mediaDevices?.getDisplayMedia) byId("live-source-field").hidden = false;
  const shareSound = async (audio) => {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio });
    if (stream.getAudioTracks().length) return stream;
    for (const track of stream.getTracks()) track.stop();
    throw Object.assign(new Error(), { name: "NoSound" });
  };

  const start = async () => {
    for (const kind of [...problems.keys()]) showProblem(kind);
    const shared = byId("live-source").value === "tab";
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) {
      showProblem("microphone", ...microphoneTexts.insecure);
      return;
    }
    const own = session = {
      offset: recorded, rate: 16000, recorded: 0, transcribed: 0, ready: false, stopping: false,
      blocks: [], sent: 0, dropped: 0, attempts: 0, flushed: false };
    showButton(true);
    updateExports();
    loadAudio();
    setStatus("queued", texts.waiting);
    try {
      const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      own.stream = await (shared ? shareSound(audio) : navigator.mediaDevices.getUserMedia({ audio }));
      own.context = await captureAudio(own.stream, (block) => onBlock(own, block));
      if (session !== own || own.stopping) { end(own); return; }
      own.rate = own.context.sampleRate;
    } catch (error) {
      showProblem("microphone", ...(shared ? common.sharing[error.name] ?? common.sharing.other
        : microphoneTexts[error.name] ?? microphoneTexts.other));
      end(own, "failed", texts.notListening);
      return;
    }
    own.stream.getAudioTracks()[0].addEventListener("ended", () => {
      showProblem("microphone", ...(shared ? common.sharing : microphoneTexts).ended);
      stop();
    });
    connect(own);
  };

  const connect = (own) => {
    const url = new URL("v1/live", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = url.hash = "";
    const socket = own.socket = new WebSocket(url);
    socket.onopen = () => socket.send(JSON.stringify({ type: "start", sample_rate: own.rate, ...startOptions() }));
    socket.onmessage = (event) => onMessage(own, JSON.parse(event.data));
    socket.onclose = () => {
      if (session !== own || own.socket !== socket) return;
      if (!own.over && own.attempts < RECONNECT_MS.length) { reconnect(own); return; }
      if (!own.over) showProblem("connection", ...texts.connectionLost);
      if (own.over === "ended") end(own, "done", texts.done);
      else end(own, "failed", texts.notListening);
    };
  };

  /* The connection was lost. Blocks since the last final line are sent again, in a new session whose times and
     utterances begin there. */
  const reconnect = (own) => {
    own.ready = false;
    own.sent = 0;
    own.offset += own.dropped;
    own.recorded -= own.dropped;
    own.transcribed = own.dropped = 0;
    current?.element.remove();
    current = null;
    setStatus("queued", texts.reconnecting);
    setTimeout(() => session === own && connect(own), RECONNECT_MS[own.attempts++]);
  };

  /* Blocks before `until`, in seconds of this connection, are transcribed: they need not be sent again. */
  const acknowledge = (own, until) => {
    while (own.sent && own.dropped + own.blocks[0].seconds <= until) {
      own.dropped += own.blocks.shift().seconds;
      own.sent--;
    }
  };

  const sendBlocks = (own) => {
    if (!own.ready || own.socket.readyState !== WebSocket.OPEN) return;
    while (own.sent < own.blocks.length) own.socket.send(own.blocks[own.sent++].pcm);
    if (own.flushed) own.socket.send(JSON.stringify({ type: "stop" }));
  };

  const onBlock = (own, { pcm, peak }) => {
    if (session !== own || own.flushed) return;
    showLevel(peak);
    const seconds = pcm.byteLength / 2 / own.rate;
    own.blocks.push({ pcm, seconds });
    if (own.blocks.length > MAX_BLOCKS) { /* an outage that is too long: the oldest audio is given up */
      own.dropped += own.blocks.shift().seconds;
      own.sent = Math.max(0, own.sent - 1);
    }
    recorded += seconds;
    own.recorded += seconds;
    keep(pcm, seconds, own.rate);
    sendBlocks(own);
    if (own.ready) showDelay(own.recorded - own.transcribed);
    byId("live-time").textContent = clock(recorded);
  };

  const onMessage = (own, message) => {
    if (session !== own) return;
    if (message.type === "ready") {
      own.ready = true;
      setStatus("running", own.stopping ? texts.finishing : texts.listening);
      sendBlocks(own);
    } else if (message.type === "words") onWords(message);
    else if (message.type === "final") { onFinal(message); acknowledge(own, message.end); own.attempts = 0; }
    else if (message.type === "notice") setStatus("running", texts.passFailed);
    else if (message.type === "ended") own.over = "ended";
    else if (message.type === "error") {
      if (own.attempts && message.error.code === "live.busy") return; /* by the lost connection, for a moment */
      own.over = "error";
      showProblem("session", message.error.message, message.error.hint, message.error.code);
    }
    if ("transcribed_s" in message) { own.transcribed = message.transcribed_s; showBehind(message.behind); }
    if (message.type === "status" && !own.stopping) setStatus("running", texts.listening);
  };

  /* The last word may end as the button is pressed: record a little more, then send what the worklet holds. */
  const stop = async () => {
    const own = session;
    if (!own || own.stopping) return;
    own.stopping = true;
    if (!own.socket) { releaseMicrophone(own); end(own, "idle", texts.stopped); return; }
    setStatus("running", texts.finishing);
    byId("live-toggle").setAttribute("aria-disabled", "true"); /* keeps the focus */
    await new Promise((resolve) => setTimeout(resolve, TAIL_MS));
    await Promise.race([own.context?.flush(), new Promise((resolve) => setTimeout(resolve, TAIL_MS))]);
    own.flushed = true;
    releaseMicrophone(own);
    sendBlocks(own);
  };

  const releaseMicrophone = (own) => {
    own.stream?.getTracks().forEach((track) => track.stop());
    own.context?.close();
    own.stream = own.context = null;
    showLevel(0);
  };

  const end = (own, state = "idle", text = texts.stopped) => {
    releaseMicrophone(own);
    own.socket?.close();
    if (session !== own) return;
    if (current) {
      onFinal({ utterance: current.utterance, words: [...current.committed, ...current.tentative],
        note: texts.unfinished });
    }
    session = null;
    delays.length = 0;
    byId("live-toggle").removeAttribute("aria-disabled");
    byId("live-delay").textContent = "–";
    byId("live-delay").dataset.level = "none";
    showProblem("behind");
    showButton(false);
    setStatus(state, text);
    updateExports();
    if (body.classList.contains("w-live-mode")) loadAudio();
  };

  byId("live-toggle").addEventListener("click", () => (session ? stop() : start()));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && session && body.classList.contains("w-live-mode")) stop();
  });
  window.addEventListener("pagehide", () => session && end(session));
}
