"use strict";
/* Telefonnummer is read until "Ändra" is pressed; then "Spara" and "Avbryt" stand beside it. Without this file "Ändra" leads to
   the page with the box open. */
{
  const form = () => document.querySelector("[data-saves=number]");
  const box = () => form()?.elements.phone_number;
  const isOpen = () => box() && !box().readOnly;

  function show(open) {
    box().readOnly = !open;
    document.getElementById("change-number").hidden = open;
    for (const id of ["save-number", "keep-number"]) document.getElementById(id).hidden = !open;
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("#change-number, #keep-number");
    if (!link) return;
    event.preventDefault();
    const change = link.id === "change-number";
    if (!change && box().ariaInvalid === "true") return void location.assign(link.href); // what was typed is the page's by now
    if (!change) {
      box().value = box().defaultValue;
      box().dispatchEvent(new Event("input", { bubbles: true })); // what waited for it to be saved goes on
    }
    show(change);
    if (change) box().select();
    else document.getElementById("change-number").focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target !== box() || box() === undefined) return;
    if (event.key === "Enter" && !isOpen()) event.preventDefault(); // there is nothing to save
    if (event.key === "Escape" && isOpen()) document.getElementById("keep-number").click();
  });

  /* It stays open while something else is saved, and while it holds what is not saved. */
  let wasOpen = false;
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    wasOpen = isOpen() && !(detail.requestConfig.elt === form() && detail.xhr.status === 200);
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (box() && (wasOpen || box().value !== box().defaultValue)) show(true);
  });
}
