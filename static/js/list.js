"use strict";
/* The work list while it is open. js/live.js asks for what has changed; the response holds the whole list, and what stands in
   its rows is changed in place. Which rows there are, their order and their sections wait while somebody is in the list, and
   are then shown when asked for: nothing moves under a pointer. Every list works without this file. */
{
  const list = document.getElementById("work-list");
  const updated = document.getElementById("updated");
  const noContact = document.getElementById("no-contact");
  const changes = document.getElementById("changes");
  const rows = () => document.getElementById("rows"); // the table, or the line that says that it is empty
  const casesIn = (node) => [...node.querySelectorAll("tr[id]")];
  let waiting = null; // the rows as the server has them, while they wait to be shown
  let ahead = Date.parse(updated.dataset.at) - Date.now(); // how much the server's clock is ahead of this machine's, in ms
  let latest = Date.parse(updated.dataset.at); // when teleQ last answered, by the server's clock

  const now = () => Date.now() + ahead;
  const words = updated.dataset; // in the language of the page, with a place for what is filled in
  const seconds = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Stockholm", timeStyle: "medium" });
  const clock = (at) => seconds.format(at).replaceAll(":", words.clock);

  /* Make a node as another one is, and leave what is the same in it: with its focus, its selection and its listeners. */
  function morph(old, fresh) {
    if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const name of old.getAttributeNames()) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const [were, are] = [[...old.childNodes], [...fresh.childNodes]];
    for (const node of were.slice(are.length)) node.remove();
    are.forEach((node, place) => (were[place] ? morph(were[place], node) : old.append(node)));
  }

  /* What stands in a row, its time aside, which changes by itself. */
  const told = (row) => [...row.cells].slice(1).map((cell) => cell.innerHTML).join();

  function change(row, fresh) {
    const before = told(row);
    morph(row, fresh.cloneNode(true));
    row.classList.toggle("changed", told(row) !== before);
  }

  function markAsGone(row) {
    row.classList.add("gone");
    const chip = Object.assign(document.createElement("span"), { className: "chip", textContent: words.gone });
    row.querySelector("[class*=status-]").parentElement.replaceChildren(chip);
  }

  /* Each row with its section, in order; and how many rows are new, gone or elsewhere: those outside the longest order that
     both have in common. */
  const arrangement = (node) => casesIn(node).map((row) => `${row.id} ${row.parentElement.id}`);

  function howMany(old, fresh) {
    const common = Array.from({ length: old.length + 1 }, () => new Array(fresh.length + 1).fill(0));
    for (let i = old.length - 1; i >= 0; i--) {
      for (let j = fresh.length - 1; j >= 0; j--) {
        common[i][j] = old[i] === fresh[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
      }
    }
    const elsewhere = new Set([...old, ...fresh].map((row) => row.split(" ")[0]));
    for (let i = 0, j = 0; i < old.length && j < fresh.length; ) {
      if (old[i] === fresh[j]) {
        elsewhere.delete(old[i].split(" ")[0]);
        i++, j++;
      } else if (common[i + 1][j] >= common[i][j + 1]) i++;
      else j++;
    }
    return elsewhere.size;
  }

  function somebodyIsInTheList() {
    const selection = document.getSelection();
    const isPointedAt = matchMedia("(hover: hover)").matches && rows().matches(":hover");
    const isSelected = !selection.isCollapsed && rows().contains(selection.anchorNode);
    return isPointedAt || isSelected || rows().contains(document.activeElement);
  }

  function arrange(fresh) {
    const old = new Map(casesIn(rows()).map((row) => [row.id, row]));
    const focused = document.activeElement;
    const wasInTheList = rows().contains(focused);
    for (const row of casesIn(fresh)) {
      if (old.has(row.id)) row.replaceWith(old.get(row.id));
      else row.classList.add("changed");
    }
    if (rows().nodeName === fresh.nodeName) rows().replaceChildren(...fresh.childNodes); // it stays scrolled sideways
    else rows().replaceWith(fresh);
    if (wasInTheList) (focused.isConnected ? focused : document.querySelector("h1")).focus({ preventScroll: true });
    waiting = null;
    changes.replaceChildren();
  }

  function showOrWait() {
    if (!waiting) return;
    if (!somebodyIsInTheList()) return arrange(waiting);
    const count = howMany(arrangement(rows()), arrangement(waiting));
    const text = (count === 1 ? words.change : words.changes).replace("{number}", count);
    if (changes.textContent === text) return; // it is read out once
    const button = changes.querySelector("button") ?? document.createElement("button");
    button.type = "button";
    button.textContent = text;
    if (!button.isConnected) changes.replaceChildren(button);
  }
  changes.addEventListener("click", ({ target }) => {
    if (!target.matches("button") || !waiting) return;
    arrange(waiting);
    document.querySelector("h1").focus({ preventScroll: true }); // the button is gone
    countMinutes();
  });

  function take(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    list.setAttribute("hx-vals", page.getElementById("work-list").getAttribute("hx-vals"));
    for (const part of page.querySelectorAll("[data-part]")) morph(document.getElementById(part.id), part);
    const fresh = page.getElementById("rows");
    const freshRows = new Map(casesIn(fresh).map((row) => [row.id, row]));
    for (const row of casesIn(rows())) {
      if (freshRows.has(row.id)) change(row, freshRows.get(row.id));
      else markAsGone(row);
    }
    const isAsItWas = rows().nodeName === fresh.nodeName && `${arrangement(rows())}` === `${arrangement(fresh)}`;
    waiting = isAsItWas ? null : fresh;
    if (!waiting) changes.replaceChildren();
  }

  /* What is due is late from one minute to the next without anything being changed: its minutes are counted here, in the words
     of teleq/swedish.py. */
  function countMinutes() {
    for (const time of document.querySelectorAll("#rows .late-for")) {
      const minutes = Math.floor((now() - Date.parse(time.dateTime)) / 60_000);
      const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
      const [h, min] = [hours && `${hours} h`, (rest || !hours) && `${rest} min`];
      const text = words.late.replace("{time}", minutes < 1 ? words.moment : [h, min].filter(Boolean).join(" "));
      if (time.textContent !== text) time.textContent = text;
    }
  }
  setInterval(countMinutes, 10_000);

  /* Before the page's own listeners, which put back what was typed after a swap: nothing is swapped here. */
  list.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target !== list) return;
    event.detail.shouldSwap = false;
    if (event.detail.xhr.status === 200) take(event.detail.xhr.responseText);
  });
  list.addEventListener("htmx:afterRequest", ({ target, detail: { xhr, successful } }) => {
    if (target !== list || xhr.status === 401) return; // then js/session.js asks for a sign-in
    if (!successful) {
      noContact.textContent ||= words.noContact.replace("{clock}", clock(latest));
      updated.hidden = true;
      return;
    }
    latest = Date.parse(xhr.getResponseHeader("Date"));
    ahead = latest - Date.now();
    noContact.textContent = "";
    updated.hidden = false;
    updated.textContent = words.updated.replace("{clock}", clock(latest));
    showOrWait();
    countMinutes();
  });

  /* Back from a case that has left the list meanwhile, so that the browser finds no row to go to: to where one was. */
  const place = `list ${location.search}`;
  const left = sessionStorage.getItem(place);
  if (location.hash && !document.getElementById(location.hash.slice(1)) && left) scrollTo(0, Number(left));
  addEventListener("pagehide", () => sessionStorage.setItem(place, String(scrollY)));
}
