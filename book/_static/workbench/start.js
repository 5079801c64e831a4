// Finds the places of the widgets in a page and brings them to life.
import { isoflop } from "./isoflop.js";
import { fit } from "./fit.js";

/** Put the widgets into their places; what stood there was for readers without scripts. */
export function start() {
  for (const root of document.querySelectorAll("div.workbench[data-widget]")) {
    root.classList.add("wb-live");
    ({ isoflop, fit })[root.dataset.widget](root, JSON.parse(root.dataset.options));
  }
}
