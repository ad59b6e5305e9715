/* Requests of the modes to the server's routes. */

/* What a failed request says: a sentence, and what to do. */
export class Failure extends Error {
  constructor(error) { super(error.message); this.hint = error.hint ?? ""; this.code = error.code ?? ""; }
}

export const address = (path, query = {}) => {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query)) if (value !== "" && value != null) url.searchParams.set(name, value);
  return url.href;
};

/* The JSON of an answer; throws a Failure. `body` is sent as JSON, unless it is a form; `text` is JSON already. */
export const ask = async (path, { method = "GET", query, body, text = "", keepalive = false, lost } = {}) => {
  const form = body instanceof FormData;
  const headers = text || (body && !form) ? { "Content-Type": "application/json" } : {};
  const content = text || (body && !form ? JSON.stringify(body) : body);
  let answer;
  try {
    answer = await fetch(address(path, query), { method, headers, body: content, keepalive });
  } catch { throw new Failure({ message: lost ?? "" }); }
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Failure(found.error ?? { message: answer.statusText, code: String(answer.status) });
  return found;
};

/* 90061 is "in 25 hours", -90 "2 minutes ago". */
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
export const relative = (seconds) => {
  const [unit, size] = UNITS.find(([, one]) => Math.abs(seconds) >= (one === 86400 ? 2 : 1) * one) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "always" }).format(Math.trunc(seconds / size), unit);
};

/* 86400 is "24 hours". */
export const span = (seconds) => {
  const [unit, size] = UNITS.find(([, one]) => seconds >= (one === 86400 ? 2 : 1) * one) ?? UNITS.at(-1);
  return new Intl.NumberFormat(document.documentElement.lang || "en", { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 1 }).format(seconds / size);
};

export const megabytes = (bytes) => (bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MB`);
