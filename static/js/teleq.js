"use strict";
/* What plain forms and htmx don't do by themselves. Every page works without this file. */

document.documentElement.classList.add("js");

/* The answer is saved when the choice is made. With a closed list browsers fire `change` at every arrow key, so a choice
   made with the keyboard is saved when one leaves the list and its buttons, or presses Enter. */
let byKeyboard = false;
const answerForm = (target) => target.closest?.("[data-saves=answer]");
const answerList = (target) => target.closest?.("[data-saves=answer] select");

document.addEventListener("pointerdown", () => (byKeyboard = false), true);
document.addEventListener("keydown", (event) => {
  byKeyboard = true;
  const list = answerList(event.target);
  if (list?.dataset.changed && event.key === "Enter") {
    event.preventDefault();
    list.form.requestSubmit();
  }
}, true);
document.addEventListener("change", (event) => {
  const list = answerList(event.target);
  if (!list) return;
  list.dataset.changed = "true";
  if (!byKeyboard) list.form.requestSubmit();
});
document.addEventListener("focusout", (event) => {
  const form = answerForm(event.target);
  // To the form's own buttons one goes on purpose: they save.
  if (form?.querySelector("[data-changed]") && !form.contains(event.relatedTarget)) form.requestSubmit();
});
document.addEventListener("submit", (event) => {
  const list = answerForm(event.target)?.elements.answer;
  if (!list) return;
  delete list.dataset.changed;
  if (event.submitter?.matches(".save-answer")) list.focus(); // the button goes when the answer is saved
}, true);

/* While "Telefonnummer" holds an unsaved number, neither an answer nor an SMS can be meant for it. */
function shutWhileNumberIsUnsaved() {
  const number = document.querySelector("[data-saves=number] [name=phone_number]");
  if (!number) return;
  const unsaved = number.value !== number.defaultValue || number.ariaInvalid === "true";
  const send = document.querySelector("#sms-send button");
  const reason = document.querySelector("#sms-reason");
  send.dataset.shut ??= send.disabled;
  reason.dataset.text ??= reason.textContent;
  send.disabled = unsaved || send.dataset.shut === "true";
  reason.textContent = unsaved ? "Spara numret först" : reason.dataset.text;
  for (const control of document.querySelectorAll("[data-saves=answer] :is(select, button)")) control.disabled = unsaved;
}
document.addEventListener("input", (event) => {
  if (event.target.closest("[data-saves=number]")) shutWhileNumberIsUnsaved();
});
document.addEventListener("htmx:afterSettle", shutWhileNumberIsUnsaved);

/* A form that failed to reach the server says so where it is seen, and nothing typed is lost. What the page asks for by
   itself, the count and the history, fails in silence and hides no failure. */
const byItself = (event) => event.target.matches("#count, #history");

function showFailure(event, reason) {
  if (byItself(event)) return;
  const failure = document.getElementById("failure");
  failure.textContent = failure.dataset[reason];
  failure.hidden = false;
  if (answerForm(event.target)) event.target.elements.answer.dataset.changed = "true"; // still to be saved
}
document.addEventListener("htmx:responseError", (event) =>
  showFailure(event, event.detail.xhr.status === 401 ? "signedOut" : "offline"));
document.addEventListener("htmx:sendError", (event) => showFailure(event, "offline"));
document.addEventListener("htmx:beforeRequest", (event) => {
  if (!byItself(event)) document.getElementById("failure").hidden = true;
});

/* Whoever has signed in again in another tab has a new token; the one in the page is of the session that ended. */
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  if (token) event.detail.parameters.csrfmiddlewaretoken = token;
});
