/* The modes of the page. The address says which one is shown (#history), so that a reload stays in it. The
   script and the style sheet of a mode are loaded when it is opened for the first time. */

import { all, element } from "./dom.js";

const FIRST = "transcribe";

/* Load a style sheet that lies beside the modules. */
export const style = (name) => new Promise((done) => {
  const sheet = element("link", { rel: "stylesheet", href: new URL(`./${name}.css`, import.meta.url).href });
  sheet.onload = sheet.onerror = done;
  document.head.append(sheet);
});

/* The fold "Explore" of a result: its script and styles are loaded when it is opened for the first time. */
export const startExplore = (config, shared) => {
  const fold = document.getElementById("w-explore");
  let loaded = null;
  fold?.addEventListener("toggle", async () => {
    loaded ??= Promise.all([import("./explore.js"), style("uplot"), style("explore")])
      .then(([module]) => { shared.explore = module.start(config, shared, fold.querySelector(".w-explore-view")); });
    await loaded;
    if (fold.open) shared.explore.open(); else shared.explore.close();
  });
};

export const startModes = (config, shared) => {
  const links = all(".w-modes a");
  if (!links.length) return;
  const names = links.map((link) => link.dataset.mode);
  const opened = new Map();

  const load = (name) => {
    if (!opened.has(name)) {
      opened.set(name, Promise.all([import(`./${name}.js`), style(name)]).then(([module]) => module.start(config, shared)));
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
