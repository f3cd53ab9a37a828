"use strict";
/* What happens after Back (docs/decisions/0011). A page from the back/forward cache shows what was true when it was left, so
   it is reloaded. Half-written texts are carried over the reload in history.state. */
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
  } else { // browsers put a text back without `input`, by which its letters are counted
    for (const field of halfWritten()) field.dispatchEvent(new Event("input", { bubbles: true }));
  }
});
