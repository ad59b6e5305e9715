/* Folds whose script and style sheet are loaded when they are opened for the first time. */

import { element } from "./dom.js";

export const startFold = (name, config, shared) => {
  const fold = document.getElementById(`w-${name}`);
  let loaded = null;
  fold?.addEventListener("toggle", () => {
    if (!fold.open || loaded) return;
    const sheet = element("link", { rel: "stylesheet", href: new URL(`./${name}.css`, import.meta.url).href });
    const styled = new Promise((done) => { sheet.onload = sheet.onerror = done; });
    document.head.append(sheet);
    loaded = Promise.all([import(`./${name}.js`), styled])
      .then(([module]) => module.start(config, shared, fold))
      .catch(() => { loaded = null; }); /* the connection was lost: opening it again tries again */
  });
};
