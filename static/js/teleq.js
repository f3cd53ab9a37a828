"use strict";
/* What plain forms and htmx don't do by themselves. Every page works without this file. */

document.documentElement.classList.add("js");

/* The answer is saved when the choice is made. With a closed list browsers fire `change` at every arrow key, so a choice
   made with the keyboard is saved when one leaves the list or presses Enter. */
let byKeyboard = false;
const answerList = (target) => target.closest?.("[data-saves=answer] select");

document.addEventListener("pointerdown", () => (byKeyboard = false), true);
document.addEventListener("keydown", (event) => {
  byKeyboard = true;
  const list = answerList(event.target);
  if (list?.dataset.changed && event.key === "Enter") {
    event.preventDefault();
    save(list);
  }
}, true);
document.addEventListener("change", (event) => {
  const list = answerList(event.target);
  if (!list) return;
  list.dataset.changed = "true";
  if (!byKeyboard) save(list);
});
document.addEventListener("focusout", (event) => {
  const list = answerList(event.target);
  // To the form's own buttons one goes on purpose: they save.
  if (list?.dataset.changed && !list.form.contains(event.relatedTarget)) save(list);
});

function save(list) {
  delete list.dataset.changed;
  list.form.requestSubmit();
}

/* While "Telefonnummer" holds an unsaved number, neither an answer nor an SMS can be meant for it. */
document.addEventListener("input", (event) => {
  if (!event.target.closest("[data-saves=number]") || event.target.type === "hidden") return;
  const unsaved = event.target.value !== event.target.defaultValue;
  const send = document.querySelector("#sms-send button");
  const reason = document.querySelector("#sms-reason");
  send.dataset.shut ??= send.disabled;
  reason.dataset.text ??= reason.textContent;
  send.disabled = unsaved || send.dataset.shut === "true";
  reason.textContent = unsaved ? "Spara numret först" : reason.dataset.text;
  for (const control of document.querySelectorAll("[data-saves=answer] :is(select, button)")) control.disabled = unsaved;
});

/* A message that failed to reach the server says so where it is seen, and nothing typed is lost. */
function showFailure(reason) {
  const failure = document.getElementById("failure");
  failure.textContent = failure.dataset[reason];
  failure.hidden = false;
}
document.addEventListener("htmx:responseError", (event) =>
  showFailure(event.detail.xhr.status === 401 ? "signedOut" : "offline"));
document.addEventListener("htmx:sendError", () => showFailure("offline"));
document.addEventListener("htmx:beforeRequest", () => (document.getElementById("failure").hidden = true));
