/* What all modules use: finding and making elements, and writing times. */

export const $ = (selector, root = document) => root.querySelector(selector);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/* "{size} MB" with {size: 3} becomes "3 MB". */
export const format = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

export const element = (tag, properties = {}, ...children) => {
  const { data, attributes, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, data);
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

/* 3725 is 1:02:05; with decimals, 7.26 is 0:07.2. */
export const clock = (seconds, decimals = 0) => {
  const scale = 10 ** decimals;
  const ticks = Math.max(0, Math.floor(seconds * scale + 1e-6));
  const whole = Math.floor(ticks / scale);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const text = hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  return decimals ? `${text}.${String(ticks % scale).padStart(decimals, "0")}` : text;
};

/* Index of the last item whose start is not after `seconds`; -1 before the first. */
export const lastStarted = (items, seconds, startOf = (item) => item.start) => {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (startOf(items[middle]) <= seconds) low = middle + 1; else high = middle;
  }
  return low - 1;
};

export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/* One short message for screen readers. */
export const announce = (text) => {
  const place = document.getElementById("w-announcer") ?? document.body.appendChild(
    element("div", { id: "w-announcer", className: "w-offscreen", attributes: { role: "status" } }));
  place.textContent = text;
};

/* A module that is imported, with its style sheet of the same name if it has one, when it is first called for. */
export const lazily = (name, start, { styled = false } = {}) => {
  let started = null;
  const load = async () => {
    const style = styled ? new Promise((done) => {
      const href = new URL(`./${name}.css`, import.meta.url).href;
      document.head.append(element("link", { rel: "stylesheet", href, onload: done, onerror: done }));
    }) : null;
    const [module] = await Promise.all([import(`./${name}.js`), style]);
    return start(module);
  };
  return () => (started ??= load().catch((error) => { started = null; throw error; }));
};
