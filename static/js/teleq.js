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
  reason.textContent = unsaved ? reason.dataset.unsaved : reason.dataset.text;
  for (const control of document.querySelectorAll("[data-saves=answer] :is(select, button)")) control.disabled = unsaved;
  const call = document.querySelector("#call");
  if (!call) return; // a colleague has the case, or it is closed
  call.disabled = unsaved;
  const callReason = document.querySelector("#call-reason");
  callReason.textContent = unsaved ? callReason.dataset.unsaved : "";
}
document.addEventListener("input", (event) => {
  if (event.target.closest("[data-saves=number]")) shutWhileNumberIsUnsaved();
});

/* One save at a time. What is pressed during a save waits in a queue and is pressed again when the response has come, so that
   it posts the event, the number and the token of the page as it is then. A double click is one press. */
let saving = null; // the request and the press that is being saved
let waiting = [];
// What the page asks for by itself, and no nurse has pressed.
const byItself = (element) => element.matches("#count, [data-live], [data-whose]");

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

/* htmx replaces parts of the page with the response's (data-part; `LIVE_PARTS` in cases/case_page.py names them): those of a save, and
   those that the open page asks for by itself. What was typed, chosen, opened or resized since the request left is restored
   afterwards, and the focus too: on the page's heading where the focused element is gone. docs/decisions/0013, 0025 */
const asShown = (field) =>
  field.options ? ([...field.options].find((option) => option.defaultSelected) ?? field.options[0])?.value : field.defaultValue;
const fieldsOf = (node) => [...node.querySelectorAll(":is(input:not([type=hidden]), select, textarea)[id]")];
const partsOf = (node) => [...node.querySelectorAll("[data-part]")];

/* A part that the nurse uses at this moment stays as it is, unless it is what was pressed: one with a field that was changed,
   that the cursor is in or that is in error; with a question; with text that is marked; or under a button that is held down.
   What is about the number (data-with) stays as long as the number does. */
let heldDown = null;
const stayed = new Set(); // the ids of parts that stayed: they are asked for when the nurse is through with them
for (const type of ["pointerdown", "pointerup", "pointercancel"]) {
  document.addEventListener(type, ({ target }) => (heldDown = type === "pointerdown" ? target : null), true);
}
const isChangedByHand = (field) => field.value !== asShown(field);
function isInUse(part, isChanged) {
  const marked = getSelection();
  return part.contains(heldDown)
    || (!marked.isCollapsed && marked.containsNode(part, true))
    || part.querySelector(".invalid, .errorlist, [role=alert]") !== null
    || fieldsOf(part).some((field) => field === document.activeElement || isChanged(field));
}
function stays(part, isPosted, isChanged) {
  if (isPosted(part)) return false;
  const other = document.getElementById(part.dataset.with ?? "");
  return isInUse(part, isChanged) || (other !== null && !isPosted(other) && isInUse(other, isChanged));
}

/* What each part was served as, but for its tokens: one that comes again as it was is left alone. */
const asServed = (part) => part.outerHTML.replace(/name="(csrfmiddlewaretoken|token|note_press)" value="[^"]*"/g, "");
const served = new Map(partsOf(document).map((part) => [part.id, asServed(part)]));

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig: { elt, formData, verb } } = event.detail;
  const live = elt.matches("[data-live]");
  if (!event.detail.shouldSwap || (byItself(elt) && !live)) return;
  if (live && (saving || !elt.isConnected)) { // a save brings what is newer
    event.detail.shouldSwap = false;
    return;
  }
  const form = live ? null : (elt.form ?? elt.closest("form"));
  const saved = (field) => (form && field.form === form ? formData.get(field.name) : asShown(field));
  // 409: the answer was changed elsewhere, and the nurse has to see that one first.
  const changed = (field) => field.value !== saved(field) && !(xhr.status === 409 && answerList(field));
  const main = document.querySelector("main");
  const posted = live ? [] : partsOf(main).filter((part) =>
    part.contains(elt) || part.contains(form) || [...part.querySelectorAll("input, select, textarea")].some((field) => field.form === form));
  if (verb !== "get") { // else nothing was done that anything is to be said of
    if (xhr.status < 400) forgetNews(); // the nurse has acted
    for (const said of main.querySelectorAll(".said")) said.replaceChildren();
  }
  swapping = {
    live,
    error: xhr.status === 422,
    posted: new Set(posted.map(({ id }) => id)),
    changed,
    typed: fieldsOf(main).filter(changed).map(({ id, value }) => ({ id, value })),
    sized: fieldsOf(main).filter(({ style }) => style.height).map(({ id, style }) => ({ id, height: style.height })),
    opened: [...main.querySelectorAll("details[id]")].map(({ id, open, dataset }) => ({ id, open, served: dataset.open })),
    focused: document.activeElement.id,
    focusedInPosted: posted.some((part) => part.contains(document.activeElement)),
    before: whatIsShown(),
  };
});
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target: part, fragment } = event.detail;
  if (!swapping || !part.matches("[data-part]")) return;
  const next = fragment.firstElementChild;
  const isPosted = ({ id }) => swapping.posted.has(id);
  const html = asServed(next);
  if (!isPosted(part) && html === served.get(part.id)) {
    event.detail.shouldSwap = false;
    return;
  }
  if (stays(part, isPosted, swapping.changed)) {
    stayed.add(part.id);
    event.detail.shouldSwap = false;
    return;
  }
  served.set(part.id, html);
  for (const each of partsOf(next)) served.set(each.id, asServed(each));
  stayed.delete(part.id);
  for (const said of swapping.live ? part.querySelectorAll(".said") : []) { // what was said of an act stays
    fragment.querySelector(`#${said.id}`)?.replaceChildren(...said.childNodes);
  }
  for (const field of fragment.querySelectorAll("[autofocus]")) {
    if (isPosted(part)) swapping.toFocus ??= field.id;
    field.removeAttribute("autofocus"); // the focus moves when everything is in its place
  }
});
document.addEventListener("htmx:afterSettle", () => {
  if (!swapping) {
    shutWhileNumberIsUnsaved();
    return;
  }
  const { typed, sized, opened, focused, focusedInPosted, toFocus, error, posted, before, live } = swapping;
  swapping = null;
  for (const { id, value } of typed) {
    const field = document.getElementById(id);
    if (!field || field.value === value) continue;
    field.value = value;
    if (answerList(field)) field.dataset.changed = "true";
  }
  for (const { id, height } of sized) document.getElementById(id)?.style.setProperty("height", height);
  for (const { id, open, served: before } of opened) {
    const now = document.getElementById(id);
    if (now && now.dataset.open === before && (open || before)) now.open = open; // else it is served open or shut for a reason
  }
  const inError = [...posted].map((id) => document.querySelector(`[id="${id}"] [aria-invalid=true]`)).find(Boolean);
  if (focusedInPosted || document.activeElement === document.body) document.getElementById(toFocus ?? "")?.focus();
  if (error && inError && (focusedInPosted || document.activeElement === document.body)) inError.focus();
  for (const place of [`[id="${focused}"]`, "h1[tabindex]"]) {
    if (focused && document.activeElement === document.body) document.querySelector(place)?.focus();
  }
  shutWhileNumberIsUnsaved();
  tellNews(before, live);
});
document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (!detail.elt.matches("[data-live]")) return;
  const free = [...stayed].filter((id) => {
    const part = document.getElementById(id);
    return part && !stays(part, () => false, isChangedByHand);
  });
  if (!free.length) return;
  stayed.clear();
  delete detail.parameters.version; // everything, then
});

/* What has come in by itself is told to screen readers and marked: entries of the history, and what stands in elements with
   data-changes. The marks stay until the nurse acts. */
const news = new Map(); // by what is marked, the word on its mark
const newsWords = document.getElementById("news")?.dataset;
const place = (key) => document.querySelector(`[data-changes="${CSS.escape(key)}"]`) ?? document.getElementById(key)?.querySelector(".what");
function shown(element) {
  const text = element.cloneNode(true);
  text.querySelectorAll(".new, select, button").forEach((each) => each.remove());
  return [text.textContent.trim(), ...fieldsOf(element).map(asShown)].join(" ");
}
const whatIsShown = () => ({
  entries: new Map([...document.querySelectorAll(".history > li[id]")].map(({ id, dataset }) => [id, dataset.news])),
  changes: new Map([...document.querySelectorAll("[data-changes]")].map((element) => [element.dataset.changes, shown(element)])),
});
function tellNews(before, live) {
  const now = whatIsShown();
  const mine = (id) => document.getElementById(id).matches("[data-mine]");
  const told = [];
  for (const [id, sentence] of before.entries.size ? now.entries : []) {
    const isNew = !before.entries.has(id);
    if ((isNew && mine(id)) || before.entries.get(id) === sentence) continue;
    news.set(id, isNew ? newsWords.new : newsWords.changed);
    told.push(sentence);
  }
  for (const [key, text] of live ? now.changes : []) {
    if (before.changes.has(key) && before.changes.get(key) !== text) news.set(key, newsWords.changed);
  }
  for (const [key, word] of news) {
    const element = place(key);
    if (!element || element.querySelector(".new")) continue;
    element.append(" ", Object.assign(document.createElement("span"), { className: "chip new", textContent: word }));
  }
  for (const said of live ? [] : document.querySelectorAll(".said:not(:empty)")) sayAgain(said);
  tell(told.reverse());
}
function forgetNews() {
  news.clear();
  document.querySelectorAll(".chip.new").forEach((chip) => chip.remove());
}
/* Screen readers tell what comes into a place that is there already: it has just come with its words. It is below what was
   pressed, and may be below the window. */
function sayAgain(said) {
  const words = [...said.childNodes];
  said.replaceChildren();
  setTimeout(() => {
    said.replaceChildren(...words);
    said.scrollIntoView({ block: "nearest" });
  }, 50);
}
function tell(sentences) {
  if (!sentences.length) return;
  const paragraphs = sentences.map((textContent) => Object.assign(document.createElement("p"), { textContent }));
  document.getElementById("news")?.replaceChildren(...paragraphs);
}

/* A save that takes more than a moment says so on the button that was pressed, without its changing size. */
const BUSY_AFTER = 300; // milliseconds
const busy = new Map(); // by request or form, what takes it back
const waitWords = () => document.getElementById("failure").dataset;
function showBusy(key, pressed, word) {
  busy.get(key)?.();
  const wait = setTimeout(() => {
    pressed.dataset.busy ??= word;
    pressed.ariaBusy = "true";
    tell([pressed.dataset.busy]);
  }, BUSY_AFTER);
  busy.set(key, () => {
    clearTimeout(wait);
    pressed.ariaBusy = null;
    const told = document.getElementById("news");
    if (pressed.dataset.busy && told?.textContent === pressed.dataset.busy) told.replaceChildren(); // it is so no more
    busy.delete(key);
  });
}
document.addEventListener("htmx:beforeRequest", (event) => {
  const { xhr, requestConfig: { elt, triggeringEvent, verb } } = event.detail;
  if (!byItself(elt)) showBusy(xhr, triggeringEvent?.submitter ?? elt, verb === "get" ? waitWords().wait : waitWords().saving);
});
document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => busy.get(xhr)?.());
document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (!event.defaultPrevented && submitter) showBusy(form, submitter, waitWords().wait); // a whole page comes
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
