"use strict";
/* A page that stays open asks for what has changed meanwhile: every five seconds while it is seen, once a minute while it is
   hidden. Each element with data-live is asked for by htmx (hx-trigger="poll"); the server answers 204 where nothing has changed.
   Every question says whether somebody is there: the page is seen, and was used within ten minutes (cases/presence.py). */
{
  const SEEN = 5_000, HIDDEN = 60_000, USED_WITHIN = 600_000; // milliseconds
  let used = Date.now();
  let next;

  const somebodyIsThere = () => document.visibilityState === "visible" && Date.now() - used < USED_WITHIN;

  function ask() {
    for (const element of document.querySelectorAll("[data-live]")) htmx.trigger(element, "poll");
    wait();
  }
  function wait() {
    clearTimeout(next);
    next = setTimeout(ask, document.visibilityState === "visible" ? SEEN : HIDDEN);
  }

  for (const type of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
    document.addEventListener(type, () => (used = Date.now()), { capture: true, passive: true });
  }
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (detail.elt.matches("[data-live]")) detail.headers["X-Somebody-Is-There"] = somebodyIsThere() ? "yes" : "no";
  });
  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? ask() : wait()));
  wait();
}
