"use strict";
/* What plain forms and htmx don't do by themselves. Every page works without this file. */

document.documentElement.classList.add("js");

/* The answer is saved when the choice is made. With a closed list browsers fire `change` at every arrow key, so a choice
   made with the keyboard is saved when one leaves the list and its buttons, or presses Enter. */
let byKeyboard = false;
let swapping = null; // what is to stay on the page, while htmx puts an answer into it
const answerForm = (target) => target.closest?.("[data-saves=answer]");
const answerList = (target) => target.closest?.("[data-saves=answer] [name=answer]");

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
  if (swapping) return; // it is the list that leaves, and what is chosen in it is kept
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

/* While "Telefonnummer" holds an unsaved number, no answer, SMS or call can be meant for it. */
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
  const call = document.querySelector("#call");
  call.toggleAttribute("href", !unsaved);
  if (!unsaved) call.href = call.dataset.href;
  call.role = unsaved ? "link" : null; // without an address it is none by itself
  call.ariaDisabled = unsaved ? "true" : null;
  document.querySelector("#call-reason").textContent = unsaved ? "Spara numret först" : "";
}
document.addEventListener("input", (event) => {
  if (event.target.closest("[data-saves=number]")) shutWhileNumberIsUnsaved();
});

/* One save at a time. What is pressed meanwhile waits, and is pressed again when the answer has come: on the page as it is
   then, with the event, the number and the token that it is then shown with. The same press again is the same press. */
let saving = null; // the request and the press that is being saved
let waiting = [];
const byItself = (element) => element.matches("#count, #history, [data-whose]");

function pressOf(element, submitter) {
  const form = element.form ?? element.closest("form");
  return { id: (submitter ?? element).id, posts: String(new URLSearchParams(new FormData(form))) };
}
document.addEventListener("htmx:confirm", (event) => {
  const { elt, triggeringEvent } = event.detail;
  if (!saving || byItself(elt)) return;
  event.preventDefault();
  const press = pressOf(elt, triggeringEvent.submitter);
  const same = (other) => other.id === press.id && other.posts === press.posts;
  if ([saving.press, ...waiting].some(same)) return;
  waiting.push(press);
  if (answerForm(elt)) elt.elements.answer.dataset.changed = "true"; // not saved yet
});
document.addEventListener("htmx:beforeRequest", (event) => {
  const { xhr, requestConfig: { elt, triggeringEvent } } = event.detail;
  if (!byItself(elt)) saving = { xhr, press: pressOf(elt, triggeringEvent.submitter) };
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { xhr, successful } = event.detail;
  if (xhr !== saving?.xhr) return;
  if (xhr.status === 401) waiting.unshift(saving.press); // it goes on when one has signed in again
  else if (!successful || xhr.status === 409) waiting = []; // the page says that nothing was saved, and why
  saving = null;
  if (xhr.status !== 401) pressWaiting();
});
function pressWaiting() {
  while (waiting.length && !saving) {
    const again = document.getElementById(waiting.shift().id);
    if (again?.matches("form")) again.requestSubmit();
    else again?.click();
  }
}
document.addEventListener("teleq:signed-in", pressWaiting);
window.addEventListener("beforeunload", (event) => {
  if (waiting.length) event.preventDefault();
});

/* What is swapped in leaves what was typed, chosen, opened or made larger since, and somewhere for the keyboard to go on
   from. */
const asShown = (field) =>
  field.options ? ([...field.options].find((option) => option.defaultSelected) ?? field.options[0])?.value : field.defaultValue;

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig: { elt, formData } } = event.detail;
  if (!event.detail.shouldSwap) return;
  const form = elt.form ?? elt.closest("form");
  const saved = (field) => (field.form === form ? formData.get(field.name) : asShown(field));
  const fields = [...document.querySelectorAll("main :is(input:not([type=hidden]), select, textarea)[id]")];
  const changed = (field) => field.value !== saved(field) && !(xhr.status === 409 && answerList(field)); // look first
  swapping = {
    typed: fields.filter(changed).map(({ id, value }) => ({ id, value })),
    sized: fields.filter(({ style }) => style.height).map(({ id, style }) => ({ id, height: style.height })),
    opened: [...document.querySelectorAll("main details[open][id]")].map(({ id }) => id),
    focused: document.activeElement.id,
  };
});
document.addEventListener("htmx:afterSettle", () => {
  const { typed, sized, opened, focused } = swapping ?? { typed: [], sized: [], opened: [] };
  swapping = null;
  for (const { id, value } of typed) {
    const field = document.getElementById(id);
    if (!field || field.value === value) continue;
    field.value = value;
    if (answerList(field)) field.dataset.changed = "true";
  }
  for (const { id, height } of sized) document.getElementById(id)?.style.setProperty("height", height);
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  for (const place of [`[id="${focused}"]`, "h1[tabindex]"]) {
    if (focused && document.activeElement === document.body) document.querySelector(place)?.focus();
  }
  shutWhileNumberIsUnsaved();
});

/* A form that failed to reach the server says so where it is seen, and nothing typed is lost. What the page asks for by
   itself, the count and the history, fails in silence and hides no failure. */
function showFailure(event, reason) {
  if (byItself(event.target)) return;
  const failure = document.getElementById("failure");
  failure.textContent = failure.dataset[reason];
  failure.hidden = false;
  if (answerForm(event.target)) event.target.elements.answer.dataset.changed = "true"; // still to be saved
}
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status !== 401) showFailure(event, "offline"); // else js/session.js asks for a sign-in
});
document.addEventListener("htmx:sendError", (event) => showFailure(event, "offline"));
document.addEventListener("htmx:beforeRequest", (event) => {
  if (!byItself(event.target)) document.getElementById("failure").hidden = true;
});

/* Whoever has signed in again in another tab has a new token; the one in the page is of the session that ended. In an
   address it would be kept in logs. */
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  if (token && event.detail.verb !== "get") event.detail.parameters.csrfmiddlewaretoken = token;
});
