"use strict";
/* A page that stays open asks for what has changed meanwhile: every five seconds while it is seen, or as many as its data-live
   says, once a minute while it is hidden. Each element with data-live is asked for by htmx (hx-trigger="poll"); the server answers 204 where nothing has changed.
   Every question says whether somebody is there: the page is seen, and was used within ten minutes (cases/presence.py). */
{
  const SEEN = 5, HIDDEN = 60; // seconds
  const USED_WITHIN = 600_000; // milliseconds
  let used = Date.now();
  let next;
  let asked = Date.now();

  const somebodyIsThere = () => document.visibilityState === "visible" && Date.now() - used < USED_WITHIN;

  function ask() {
    asked = Date.now();
    for (const element of document.querySelectorAll("[data-live]")) htmx.trigger(element, "poll");
    wait();
  }
  function wait() {
    const seconds = [...document.querySelectorAll("[data-live]")].map(({ dataset }) => Number(dataset.live) || SEEN);
    const after = document.visibilityState === "visible" ? Math.min(SEEN, ...seconds) : HIDDEN;
    clearTimeout(next);
    next = setTimeout(ask, Math.max(0, asked + after * 1000 - Date.now()));
  }

  for (const type of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
    document.addEventListener(type, () => (used = Date.now()), { capture: true, passive: true });
  }
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (detail.elt.matches("[data-live]")) detail.headers["X-Somebody-Is-There"] = somebodyIsThere() ? "yes" : "no";
  });
  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? ask() : wait()));
  document.addEventListener("htmx:afterSettle", wait); // it may be more often by now
  document.addEventListener("htmx:responseError", ({ detail }) => {
    if (detail.xhr.status === 404) detail.requestConfig.elt.removeAttribute("data-live"); // there is nothing to ask for
  });
  wait();
}
