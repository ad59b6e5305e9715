/* The modes of the page. The address says which one is shown (#history), so that a reload stays in it. The
   script and the style sheet of a mode are loaded when it is opened for the first time. */

import { all, element } from "./dom.js";

const FIRST = "transcribe";

export const startModes = (config, shared) => {
  const links = all(".w-modes a");
  if (!links.length) return;
  const names = links.map((link) => link.dataset.mode);
  const opened = new Map();

  const load = (name) => {
    if (!opened.has(name)) {
      const sheet = element("link", { rel: "stylesheet", href: new URL(`./${name}.css`, import.meta.url).href });
      const styled = new Promise((done) => { sheet.onload = sheet.onerror = done; });
      document.head.append(sheet);
      opened.set(name, Promise.all([import(`./${name}.js`), styled]).then(([module]) => module.start(config, shared)));
    }
    return opened.get(name);
  };

  const show = async () => {
    const wanted = location.hash.slice(1);
    const name = names.includes(wanted) ? wanted : FIRST;
    document.body.dataset.mode = name;
    for (const link of links) {
      if (link.dataset.mode === name) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    }
    if (name !== FIRST) (await load(name)).open();
  };
  window.addEventListener("hashchange", show);
  show();
};
