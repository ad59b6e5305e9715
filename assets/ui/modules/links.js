/* Links with settings: the model and the decoding options, in the fragment, which no server receives. */

const PREFIX = "#settings?";
const CASE = (name) => name.replaceAll("_", "-");
const TEXTS = ["hotwords"]; /* what users type is text of theirs and stays out of links */

export const startLinks = (config) => {
  const names = ["model", ...config.options].filter((name) => !TEXTS.includes(name));
  const inputsOf = (name) => [...document.querySelectorAll(`#${CASE(name)} input, #${CASE(name)} textarea`)];

  /* What the page shows; of a panel that is closed, what the server would be sent. */
  const shown = (name) => {
    const inputs = name === "model" ? [] : inputsOf(name);
    return inputs.find((input) => input.type === "radio" && input.checked)?.value
      ?? inputs.find((input) => input.type === "number")?.value;
  };

  const values = () => {
    const all = window.wav2vec2Options ?? [];
    return ["model", ...config.options].map((name, index) => [name, shown(name) ?? all[index]])
      .filter(([name, value]) => names.includes(name) && value !== undefined && value !== null);
  };

  const address = () => {
    const link = new URL(location.href);
    link.hash = PREFIX + new URLSearchParams(values().map(([name, value]) => [name, String(value)]));
    return link.href;
  };

  const copy = async () => {
    const link = address();
    try { await navigator.clipboard.writeText(link); }
    catch { history.replaceState(null, "", link); /* the address bar has it, to be copied there */ }
    return link;
  };

  const setInput = (input, value) => {
    const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
    set.call(input, value);
    for (const kind of ["input", "change", "blur"]) input.dispatchEvent(new Event(kind, { bubbles: true }));
  };

  /* Only a name and a value that the page offers have an effect. */
  const choose = async (name, value) => {
    const inputs = inputsOf(name);
    const radios = inputs.filter((input) => input.type === "radio");
    if (radios.length) { radios.find((input) => input.value === value)?.click(); return; }
    if (name === "model") { await chooseModel(inputs[0], value); return; }
    const number = Number(value);
    const input = inputs.find((one) => one.type === "number") ?? inputs[0];
    if (!input || value.trim() === "" || !Number.isFinite(number)) return;
    if ((input.min !== "" && number < Number(input.min)) || (input.max !== "" && number > Number(input.max))) return;
    setInput(input, String(number));
  };

  const chooseModel = async (input, value) => {
    if (!input || value === (window.wav2vec2Options ?? [])[0]) return;
    input.focus();
    input.dispatchEvent(new MouseEvent("mousedown", { bubbles: true }));
    await new Promise((done) => setTimeout(done, 100));
    const option = [...document.querySelectorAll("#model [role=option], ul.options [role=option]")]
      .find((one) => one.dataset.value === value || one.dataset.index === value);
    option?.dispatchEvent(new MouseEvent("mousedown", { bubbles: true }));
    input.blur();
  };

  /* Panels that are closed are not in the document: open the one of the options once. */
  const opened = async () => {
    if (inputsOf(config.options[0]).length) return;
    document.querySelector("#decoding > button")?.click();
    for (let tries = 0; tries < 400 && !inputsOf(config.options[0]).length; tries++) await new Promise((done) => setTimeout(done, 50));
  };

  const apply = async () => {
    const wanted = new URLSearchParams(location.hash.slice(PREFIX.length));
    for (let tries = 0; tries < 600 && !window.wav2vec2Options; tries++) await new Promise((done) => setTimeout(done, 50));
    await opened();
    const before = new Map(values().map(([name, value]) => [name, String(value)]));
    for (const [name, value] of wanted) {
      if (names.includes(name) && before.get(name) !== value) await choose(name, value);
    }
    history.replaceState(null, "", location.pathname + location.search);
  };
  return { copy, address, apply };
};
