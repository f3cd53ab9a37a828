"use strict";
/* When the session has ended, one signs in again on the page: the forms are those of the sign-in pages, fetched and posted as
   they are there. What was being saved then goes on. Whoever else signs in comes to their own work list. */
{
  const dialog = document.getElementById("sign-in-again");
  const place = dialog?.querySelector(".sign-in");
  const problem = dialog?.querySelector("[role=alert]");
  const whose = (node) => node.querySelector("[data-whose]")?.dataset.whose;
  const shownTo = dialog && whose(document.getElementById("session"));

  function open() {
    if (!dialog || dialog.open) return;
    dialog.showModal();
    ask(`${dialog.dataset.login}?next=${encodeURIComponent(dialog.dataset.session)}`);
  }

  async function ask(address, options = {}) {
    problem.hidden = true;
    try {
      const response = await fetch(address, options);
      await show(response, new DOMParser().parseFromString(await response.text(), "text/html"));
    } catch {
      problem.hidden = false;
    }
  }

  async function show(response, page) {
    const { pathname } = new URL(response.url);
    const { session, login, secondFactor } = dialog.dataset;
    if (pathname === session && response.ok) {
      goOn(page);
      return;
    }
    const panel = page.querySelector("main .panel");
    if (![login, secondFactor].includes(pathname) || !panel) {
      location.replace(response.url); // somewhere that one has to go first, such as to a second factor of one's own
      return;
    }
    for (const form of panel.querySelectorAll("form")) form.setAttribute("action", form.getAttribute("action") ?? response.url);
    const scripts = [...panel.querySelectorAll("script[src]")].map((script) => script.getAttribute("src"));
    place.replaceChildren(...panel.childNodes);
    for (const src of scripts) { // of a page that was only read they would not run
      place.append(Object.assign(document.createElement("script"), { src, async: false }));
    }
    (place.querySelector("[aria-invalid=true]") ?? place.querySelector("input:not([type=hidden])"))?.focus();
  }

  function goOn(page) {
    if (whose(page) !== shownTo) {
      location.replace(dialog.dataset.workList); // Back does not lead to what the other one saw
      return;
    }
    const token = document.cookie.match(/(?:^|; )(?:__Host-)?csrftoken=([^;]+)/)?.[1] ?? "";
    for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
    dialog.close();
    place.replaceChildren();
    const session = document.getElementById("session");
    session.replaceChildren(...page.body.childNodes);
    htmx.process(session);
    document.dispatchEvent(new Event("teleq:signed-in"));
  }

  /* Anybody may have signed in again meanwhile, in another tab; and a computer that has slept has missed the end. */
  async function look() {
    const response = await fetch(dialog.dataset.session, { headers: { "HX-Request": "true" } });
    if (response.status === 401) open();
    else if (response.ok && dialog.open) goOn(new DOMParser().parseFromString(await response.text(), "text/html"));
  }

  document.addEventListener("htmx:responseError", ({ detail }) => detail.xhr.status === 401 && open());
  document.addEventListener("teleq:signed-out", open); // of what is not asked for by htmx
  if (dialog) {
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") look().catch(() => {});
    });
    dialog.addEventListener("cancel", (event) => event.preventDefault()); // there is nothing to see behind it
    dialog.querySelector(".again").addEventListener("click", () => {
      dialog.close();
      open();
    });
    dialog.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return; // a passkey is asked for first
      event.preventDefault();
      const { target: form, submitter } = event;
      if (form.matches(".identity-provider")) { // it leads away, which the sign-in page only may
        location.assign(`${dialog.dataset.login}?next=${encodeURIComponent(location.pathname + location.search)}`);
        return;
      }
      ask(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(new FormData(form, submitter)) });
    });
  }
}
