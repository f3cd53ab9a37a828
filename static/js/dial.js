"use strict";
/* "Ring" takes the case first. Only the answer to one's own press holds the link that dials, which is followed once. */
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.requestConfig.triggeringEvent?.submitter?.id !== "call") return;
  const link = document.querySelector("#dial:not([data-dialled])");
  if (!link) return;
  link.dataset.dialled = link.getAttribute("href");
  link.click();
});
