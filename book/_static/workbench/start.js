// Finds the places of a widget in a page and brings them to life.

/** Put a widget into each of its places; what stood there was for readers without scripts. */
export function start(kind, widget) {
  for (const root of document.querySelectorAll(`div.workbench[data-widget="${kind}"]`)) {
    root.classList.add("wb-live");
    widget(root, JSON.parse(root.dataset.options));
  }
}
