"use strict";
/* What is being written is kept on the server: after a pause, when one leaves the field, and when one leaves the page. So it
   is there after Back, a reload, a crash, the end of the session, and on another computer. Without this file nothing is
   kept; then browsers put back what was half-written by themselves. */
{
  const PAUSE = 1000; // milliseconds
  const waits = new Map(); // by field, the time-out after which it is kept
  const kept = new WeakMap(); // by field, what the server has; before that it is what the page was shown with
  let underWay = 0;
  let latest = Promise.resolve();

  const isKept = (field) => field.value === (kept.get(field) ?? field.defaultValue);
  const shown = (node) => node.querySelectorAll("[data-drafts] [data-draft]");
  const ofForm = (form) => [...shown(document)].filter((field) => field.form === form);

  async function post(field) {
    const place = field.closest("[data-drafts]");
    const token = document.cookie.match(/(?:^|; )(?:__Host-)?csrftoken=([^;]+)/)?.[1] ?? "";
    const value = field.value;
    const response = await fetch(place.dataset.drafts, {
      method: "POST",
      keepalive: true, // goes on when the page is left
      headers: { "HX-Request": "true", ...JSON.parse(document.body.getAttribute("hx-headers")) },
      body: new URLSearchParams({ csrfmiddlewaretoken: token, field: field.dataset.draft, text: value }),
    });
    if (response.status === 401) document.dispatchEvent(new Event("teleq:signed-out"));
    if (!response.ok) throw new Error(`${response.status}`);
    const told = place.querySelector(".draft");
    if (!told || !field.isConnected) return;
    told.outerHTML = await response.text();
    htmx.process(place.querySelector(".draft"));
  }

  function keep(field) {
    clearTimeout(waits.get(field));
    waits.delete(field);
    if (!field.isConnected || isKept(field)) return;
    kept.set(field, field.value);
    underWay += 1;
    // In the order in which it was written, save when the page is left: then nothing can be waited for.
    const send = () => post(field).catch(() => kept.delete(field)).finally(() => (underWay -= 1));
    latest = document.visibilityState === "hidden" ? send() : latest.then(send);
  }
  const keepAll = () => shown(document).forEach(keep);

  document.addEventListener("input", ({ target }) => {
    if (!target.matches?.("[data-drafts] [data-draft]")) return;
    clearTimeout(waits.get(target));
    waits.set(target, setTimeout(keep, PAUSE, target));
  });
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    const isSaved = relatedTarget?.type === "submit" && relatedTarget.form === target.form; // by the button that is pressed
    if (target.matches?.("[data-drafts] [data-draft]") && !isSaved) keep(target);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") keepAll();
  });
  window.addEventListener("pagehide", keepAll);
  document.addEventListener("teleq:signed-in", keepAll);

  /* A save comes after the drafts that are on their way: one that came later would bring back what has been saved. */
  const held = new Set(); // the presses that wait for it
  function afterDrafts(event, form, press, goOn) {
    for (const field of ofForm(form)) clearTimeout(waits.get(field));
    if (!underWay) return;
    event.preventDefault();
    if (held.has(press)) return;
    held.add(press);
    latest.finally(() => {
      held.delete(press);
      goOn();
    });
  }
  document.addEventListener("htmx:confirm", (event) => {
    const { elt, verb, issueRequest } = event.detail;
    const form = elt.form ?? elt.closest("form");
    if (!event.defaultPrevented && verb !== "get" && form && !elt.matches("#count")) afterDrafts(event, form, elt, issueRequest);
  });
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || form.matches("[hx-post]") || !ofForm(form).length) return;
    afterDrafts(event, form, form, () => form.requestSubmit(submitter));
  });

  /* The draft is what comes back: a browser that put back what it remembers would show it to whoever signs in next. */
  function leaveItToTheDraft() {
    for (const { form } of shown(document)) form.autocomplete = "off";
  }
  leaveItToTheDraft();
  document.addEventListener("htmx:load", leaveItToTheDraft);
}
