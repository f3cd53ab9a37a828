"use strict";
/* A button with data-copies copies the field of that id, and says so in the element after it. Without this file one marks the
   text and copies it oneself. */
document.documentElement.classList.add("js"); // as teleq.js does, which Admin is without

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copies]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copies);
  // Browsers have no clipboard for pages by plain HTTP, and whoever runs them may have shut it.
  const copied = navigator.clipboard ? await navigator.clipboard.writeText(text.value).then(() => true, () => false) : false;
  if (!copied) {
    text.focus();
    text.select();
  }
  const told = button.nextElementSibling;
  told.textContent = ""; // said again where it was said before
  setTimeout(() => (told.textContent = copied ? button.dataset.copied : button.dataset.marked), 50);
});
