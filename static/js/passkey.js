/* Passkeys: the browser is asked for one, and what it answers is posted. webauthnJSON is django-allauth's. */
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const problem = form.querySelector("[role=alert]");
  const say = (what) => {
    problem.textContent = problem.dataset[what];
    problem.hidden = false;
  };
  form.addEventListener("submit", async (event) => {
    if (form.dataset.asked) return; // the passkey is here, and is posted
    event.preventDefault();
    problem.hidden = true;
    const options = JSON.parse(document.getElementById("passkey-options").textContent);
    const create = form.dataset.passkey === "create";
    if (!window.PublicKeyCredential) {
      say("unknown");
      return;
    }
    try {
      const credential = create
        ? await webauthnJSON.create(options.creation_options)
        : await webauthnJSON.get(options.request_options);
      form.elements.credential.value = JSON.stringify(credential);
    } catch (error) {
      say(error.name === "SecurityError" ? "unknown" : "failed");
      return;
    }
    form.dataset.asked = "true";
    form.requestSubmit();
  });
}
