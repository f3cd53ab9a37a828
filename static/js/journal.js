"use strict";
/* "Kopiera till journal" (copied by copy.js): the text is of now. Without this file it is shown on a page of its own. */
{
  const shown = () => document.getElementById("journal-text");

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
