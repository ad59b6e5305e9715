/* The one player of the page: a media element, and events that everything follows which shows a position.

   Events: "load" (other audio), "state" (playing or paused), "time" (each frame while it plays, and after
   each jump), "error" (the browser cannot play the file). */

const LEAD_S = 0.03; /* playback begins this much before a word */

export class Player extends EventTarget {
  constructor(media = new Audio()) {
    super();
    this.url = "";
    this.duration = 0;
    this.until = Infinity;
    this.media = media;
    media.preload = "metadata";
    media.preservesPitch = true;
    const changed = () => this.#emit("state");
    for (const name of ["play", "pause", "ended"]) media.addEventListener(name, changed);
    for (const name of ["seeking", "timeupdate"]) media.addEventListener(name, () => this.#emit("time"));
    media.addEventListener("durationchange", () => {
      if (Number.isFinite(media.duration) && !this.duration) { this.duration = media.duration; this.#emit("load"); }
    });
    media.addEventListener("play", () => this.#follow());
  }

  #emit(name) { this.dispatchEvent(new Event(name)); }

  #follow() {
    const step = () => {
      if (this.media.paused) return;
      if (this.media.currentTime >= this.until) { this.pause(); return; }
      this.#emit("time");
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  get time() { return this.media.currentTime || 0; }
  get playing() { return !this.media.paused; }
  get speed() { return this.media.playbackRate; }
  set speed(value) { this.media.defaultPlaybackRate = this.media.playbackRate = value; }

  /* Other audio; an empty address removes it. */
  load(url, duration = 0) {
    const absolute = url && new URL(url, document.baseURI).href;
    if (absolute === this.url) {
      if (!duration || duration === this.duration) return;
      this.duration = duration;
      this.#emit("load");
      return;
    }
    this.pause();
    this.until = Infinity;
    this.url = absolute;
    this.duration = duration;
    if (absolute) this.media.src = absolute;
    else { this.media.removeAttribute("src"); this.media.load(); }
    this.#emit("load");
  }

  seek(seconds) {
    const end = this.duration || this.media.duration || 0;
    this.media.currentTime = Math.min(Math.max(0, seconds), end || Math.max(0, seconds));
    this.until = Infinity;
    this.#emit("time");
  }

  async play(until = Infinity) {
    if (!this.url) return;
    if (this.duration && this.time >= this.duration - 0.01) this.media.currentTime = 0;
    this.until = until;
    try { await this.media.play(); }
    catch (error) { if (error.name !== "AbortError") this.#emit("error"); }
  }

  playFrom(seconds, until) {
    this.seek(seconds - LEAD_S);
    return this.play(until);
  }

  pause() { if (!this.media.paused) this.media.pause(); }

  toggle() { return this.playing ? this.pause() : this.play(); }
}
