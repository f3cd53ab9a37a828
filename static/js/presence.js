"use strict";
/* When the page of a case is left, nobody is shown there any more (cases/presence.py). Without this it takes a minute. */
{
  const { left } = document.currentScript?.dataset ?? {};
  window.addEventListener("pagehide", () => {
    const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
    navigator.sendBeacon(left, new URLSearchParams({ csrfmiddlewaretoken: token }));
  });
}
