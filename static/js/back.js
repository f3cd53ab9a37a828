"use strict";
/* The way back to a page. A page that the browser has kept whole says what was true when one left it, so it is asked
   for anew. What was half-written goes along in its entry of the browser's history, where browsers keep such things. */
const mayComeBack = (field) => field.autocomplete !== "off" && field.form?.autocomplete !== "off";
const halfWritten = () =>
  [...document.querySelectorAll("textarea[id]")].filter((field) => mayComeBack(field) && field.value !== field.defaultValue);

for (const { id, value } of history.state?.written ?? []) {
  const field = document.getElementById(id);
  if (field && mayComeBack(field)) field.value = value;
}
if (history.state?.written) history.replaceState(null, "");

window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    history.replaceState({ written: halfWritten().map(({ id, value }) => ({ id, value })) }, "");
    location.reload();
  } else { // what is put back is put back in silence, and its letters are to be counted
    for (const field of halfWritten()) field.dispatchEvent(new Event("input", { bubbles: true }));
  }
});
