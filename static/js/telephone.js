"use strict";
/* The demonstration's telephone. What is said comes into the log as it is played; then the seconds for a key are counted. Keys
   are pressed by pointer or, while the telephone has the focus, by keyboard. The forms are those of the page without this file,
   where one listens by oneself and has all the time in the world. */
{
  const page = document.querySelector(".telephone");
  const heard = document.getElementById("heard");
  const [withSound, withClock] = ["with-sound", "with-clock"].map((id) => document.getElementById(id));
  const sound = new Audio();
  const part = (id) => document.getElementById(id);
  let coming = []; // lines of the log that are still to be played
  let keys = ""; // pressed, and not sent yet
  let sending = false;
  let timer = null;
  let asks = part("waits")?.textContent; // in words, for keys
  let step = 0; // of what is played or counted: what an earlier one brings about comes too late

  function stop() {
    step++;
    clearTimeout(timer);
    sound.pause();
  }

  function add(...lines) {
    heard.append(...lines);
    heard.scrollTop = heard.scrollHeight;
  }

  function goOn() {
    stop();
    const line = coming.shift();
    if (!line) return count();
    add(line);
    if (!line.dataset.audio) return goOn();
    tell(part("waits")?.dataset.plays);
    const mine = step;
    const inSilence = () => {
      if (mine === step) timer = setTimeout(goOn, Number(line.dataset.seconds) * 1000);
    };
    if (!withSound.checked) return inSilence();
    sound.src = line.dataset.audio;
    sound.play().catch(inSilence); // a browser may not let a page make a sound
  }
  sound.addEventListener("ended", () => !sending && goOn());

  function count() {
    const { seconds } = page.querySelector("#telephone").dataset;
    if (!seconds) return;
    tell(asks);
    if (!withClock.checked) return;
    const out = performance.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((out - performance.now()) / 1000);
      if (left <= 0) return part("wait").click();
      tell(`${asks}: ${left} s`);
      timer = setTimeout(tick, 200);
    };
    tick();
  }

  function tell(words) {
    const told = part("waits");
    if (told && words && told.textContent !== words) told.textContent = words;
  }

  for (const choice of [withSound, withClock]) {
    choice.addEventListener("change", () => {
      stop();
      if (!sending) count();
    });
  }

  function press(key) {
    keys += key;
    send();
  }

  function send() {
    if (!part("typed")) keys = ""; // nothing is waited for
    if (sending || !keys) return;
    part("typed-keys").value = keys;
    keys = "";
    part("typed").requestSubmit();
  }

  page.addEventListener("click", (event) => {
    const key = event.target.closest("#keypad button");
    if (!key) return;
    event.preventDefault();
    press(key.value);
  });
  page.addEventListener("keydown", (event) => {
    const writes = event.target.matches("input, select");
    if (writes || event.ctrlKey || event.altKey || event.metaKey || !/^[0-9*#]$/.test(event.key) || !part("typed")) return;
    event.preventDefault();
    press(event.key);
  });

  /* The forms' responses are whole pages: htmx takes the telephone from them, and the log's new lines are taken here. */
  let said = null;
  const isOurs = ({ detail }) => detail.elt.closest?.(".telephone") === page;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!isOurs(event)) return;
    sending = true;
    stop();
    add(...coming.splice(0));
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (isOurs(event)) said = new DOMParser().parseFromString(event.detail.serverResponse, "text/html").getElementById("heard");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (isOurs(event) && !event.detail.successful) sending = false;
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!said) return;
    sending = false;
    let begins = false;
    if (said.dataset.call && heard.dataset.call !== said.dataset.call) {
      heard.replaceChildren();
      heard.dataset.call = said.dataset.call;
      begins = true;
    }
    asks = part("waits")?.textContent;
    coming = [...said.children].slice(heard.children.length);
    said = null;
    if (!page.contains(document.activeElement)) (part("keypad") ?? page.querySelector("#telephone button"))?.focus();
    if (keys) send();
    else goOn();
    // On a narrow screen what is said stands above the keys: as much of both as there is room for.
    if (begins && part("telephone").getBoundingClientRect().bottom > innerHeight) heard.parentElement.scrollIntoView();
  });

  heard.scrollTop = heard.scrollHeight;
  count(); // where a call is under way
}
