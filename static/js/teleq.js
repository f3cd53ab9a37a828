"use strict";
/* What plain forms and htmx don't do by themselves. Every page works without this file. */

document.documentElement.classList.add("js");

/* The answer is saved when the choice is made. With a closed list browsers fire `change` at every arrow key, so a choice
   made with the keyboard is saved when one leaves the list and its buttons, or presses Enter. */
let byKeyboard = false;
let swapping = null; // while htmx replaces parts of the page: what is restored afterwards
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
  if (swapping) return; // the list is being replaced, and its choice will be restored
  const form = answerForm(event.target);
  // The form's own buttons save by themselves.
  if (form?.querySelector("[data-changed]") && !form.contains(event.relatedTarget)) form.requestSubmit();
});
document.addEventListener("submit", (event) => {
  const list = answerForm(event.target)?.elements.answer;
  if (!list) return;
  delete list.dataset.changed;
  if (event.submitter?.matches(".save-answer")) list.focus(); // the button is hidden once the answer is saved
}, true);

/* While "Telefonnummer" holds an unsaved number, the answer, Skicka SMS and the call are disabled: they would be for the
   saved number, not for the one that is seen. */
function shutWhileNumberIsUnsaved() {
  const number = document.querySelector("[data-saves=number] [name=phone_number]");
  if (!number) return;
  const unsaved = number.value !== number.defaultValue || number.ariaInvalid === "true";
  const sends = document.querySelectorAll("#sms-send button");
  const reason = document.querySelector("#sms-reason");
  reason.dataset.text ??= reason.textContent;
  for (const send of sends) {
    send.dataset.shut ??= send.disabled;
    send.disabled = unsaved || send.dataset.shut === "true";
  }
  reason.textContent = unsaved ? "Spara numret först" : reason.dataset.text;
  for (const control of document.querySelectorAll("[data-saves=answer] :is(select, button)")) control.disabled = unsaved;
  const call = document.querySelector("#call");
  call.toggleAttribute("href", !unsaved);
  if (!unsaved) call.href = call.dataset.href;
  call.role = unsaved ? "link" : null; // an <a> without href has no role of its own
  call.ariaDisabled = unsaved ? "true" : null;
  document.querySelector("#call-reason").textContent = unsaved ? "Spara numret först" : "";
}
document.addEventListener("input", (event) => {
  if (event.target.closest("[data-saves=number]")) shutWhileNumberIsUnsaved();
});

/* One save at a time. What is pressed during a save waits in a queue and is pressed again when the response has come, so that
   it posts the event, the number and the token of the page as it is then. A double click is one press. */
let saving = null; // the request and the press that is being saved
let waiting = [];
// What the page asks for by itself, and no nurse has pressed.
const byItself = (element) => element.matches("#count, #history, [data-live], [data-whose]");

function pressOf(element, submitter) {
  const form = element.form ?? element.closest("form"); // a link stands in none
  return { id: (submitter ?? element).id, posts: form ? String(new URLSearchParams(new FormData(form))) : "" };
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
  else if (!successful || xhr.status === 409) waiting = []; // the nurse is told that nothing was saved, and decides anew
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

/* htmx replaces parts of the page with the response's. What was typed, chosen, opened or resized since the request left is
   restored afterwards, and the focus too: on the page's heading where the focused element is gone. docs/decisions/0013 */
const asShown = (field) =>
  field.options ? ([...field.options].find((option) => option.defaultSelected) ?? field.options[0])?.value : field.defaultValue;

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig: { elt, formData } } = event.detail;
  if (!event.detail.shouldSwap) return;
  const form = elt.form ?? elt.closest("form");
  const saved = (field) => (field.form === form ? formData.get(field.name) : asShown(field));
  const fields = [...document.querySelectorAll("main :is(input:not([type=hidden]), select, textarea)[id]")];
  // 409: the answer was changed elsewhere, and the nurse has to see that one first.
  const changed = (field) => field.value !== saved(field) && !(xhr.status === 409 && answerList(field));
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

/* A save that fails says so at the top of the page, where everything typed is still there. What the page asks for by itself
   fails in silence, and takes no such message away. */
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

/* The CSRF token in the page is out of date once somebody has signed in again in another tab. The cookie has the new one, which
   is posted instead. A GET needs none, and would leave it in logs. */
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.cookie.match(/(?:^|; )(?:__Host-)?csrftoken=([^;]+)/)?.[1];
  if (token && event.detail.verb !== "get") event.detail.parameters.csrfmiddlewaretoken = token;
});
