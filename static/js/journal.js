"use strict";
/* "Kopiera till journal" copies the text that is shown. Without this file one marks the text and copies it oneself, from a page of
   its own. */
{
  const shown = () => document.getElementById("journal-text");

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest?.("[data-copies]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copies);
    // Browsers have no clipboard for pages by plain HTTP, and whoever runs them may have shut it.
    const copied = navigator.clipboard ? await navigator.clipboard.writeText(text.value).then(() => true, () => false) : false;
    if (!copied) {
      text.focus();
      text.select();
    }
    const told = document.getElementById("journal-told");
    told.textContent = ""; // said again where it was said before
    setTimeout(() => (told.textContent = copied ? button.dataset.copied : button.dataset.marked), 50);
  });

  /* A text from before something happened in the case is not to be copied: it is asked for anew. All that happens in a case stands in
     its history. */
  const notShown = shown()?.cloneNode(true);
  let history = document.getElementById("history");
  document.addEventListener("htmx:afterSettle", () => {
    const now = document.getElementById("history");
    if (now === history) return;
    history = now;
    if (!shown()?.matches("[data-shown]")) return;
    const hadFocus = shown().contains(document.activeElement);
    const again = notShown.cloneNode(true);
    again.querySelector("#journal-changed").hidden = false;
    shown().replaceWith(again);
    htmx.process(again);
    if (hadFocus) again.querySelector("#journal-button").focus();
  });
}
