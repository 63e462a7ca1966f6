// Keeps a page up to date: when the agent says that there is something new, the page is asked for again, and the
// parts of it that are marked as live are put in place of the old ones. Everything works without it, too.
"use strict";

(() => {
  const STALE = 12; // seconds without a word from the agent after which the page says so
  const LEAST = 1000; // milliseconds between two looks; more where a page takes long to make
  const SHARE = 10; // of the time at most one part in so many is spent on looks
  const began = performance.now();
  let served = Number(document.body.dataset.now);
  let heard = began;
  let servedAt = began;
  let asked = 0;
  let took = 0;
  let waiting = null;
  let busy = false;

  // The agent's clock, as far as this browser can tell.
  const now = () => served + (performance.now() - servedAt) / 1000;

  const span = (seconds) => {
    if (seconds < 1) return "now";
    if (seconds < 120) return `${Math.floor(seconds)} s ago`;
    if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} days ago`;
  };

  const ages = () => {
    for (const time of document.querySelectorAll("time[data-age]")) {
      const text = span(Math.max(0, now() - Number(time.dataset.age)));
      if (time.textContent !== text) time.textContent = text;
    }
    const silent = (performance.now() - heard) / 1000;
    const note = document.getElementById("stale");
    note.hidden = silent < STALE;
    if (!note.hidden) note.textContent = `This page is ${Math.floor(silent)} s old: the agent that serves it does not answer. It is shown as it was.`;
  };

  // Who works with the keyboard stays where he is.
  const keepingFocus = (place, change) => {
    const active = document.activeElement;
    const inside = active && place.contains(active);
    const same = (one) => one.tagName === active.tagName && one.textContent === active.textContent &&
      one.getAttribute("href") === active.getAttribute("href") && one.getAttribute("name") === active.getAttribute("name");
    change();
    if (!inside) return;
    const found = [...place.querySelectorAll("a, button, summary, [tabindex]")].find(same);
    if (found) found.focus({ preventScroll: true });
  };

  const isTypedIn = (place) => [...place.querySelectorAll("input:not([type=hidden]), select, textarea")].includes(document.activeElement);

  const replace = (fresh) => {
    for (const place of document.querySelectorAll("[data-live]")) {
      const news = fresh.getElementById(place.id);
      if (!news || isTypedIn(place)) continue;
      const open = [...place.querySelectorAll("details")].map((one) => one.open);
      if (place.className !== news.className) place.className = news.className;
      if (place.dataset.was === news.innerHTML) continue;
      place.dataset.was = news.innerHTML;
      keepingFocus(place, () => {
        place.replaceChildren(...news.childNodes);
        [...place.querySelectorAll("details")].forEach((one, number) => { if (number < open.length) one.open = open[number]; });
      });
    }
  };

  const look = async () => {
    waiting = null;
    if (document.hidden || busy) return;
    busy = true;
    asked = performance.now();
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      served = Number(fresh.body.dataset.now);
      servedAt = performance.now();
      heard = performance.now();
      replace(fresh);
      ages();
      took = performance.now() - asked;
    } catch (error) {
      // the note about the page's age tells of it
    } finally {
      busy = false;
    }
  };

  const soon = () => {
    if (waiting === null) waiting = setTimeout(look, Math.max(0, Math.max(LEAST, SHARE * took) - (performance.now() - asked)));
  };

  const listen = () => {
    const source = new EventSource("/events");
    let last = null;
    source.addEventListener("tick", (event) => {
      heard = performance.now();
      if (last !== event.data) soon();
      last = event.data;
    });
  };

  const themes = () => {
    const button = document.getElementById("theme");
    const dark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const tell = () => { button.textContent = dark() ? "Light" : "Dark"; };
    button.hidden = false;
    tell();
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem("viaduct-theme", document.documentElement.dataset.theme); } catch (error) { /* private mode */ }
      tell();
    });
  };

  try {
    const chosen = localStorage.getItem("viaduct-theme");
    if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  } catch (error) { /* private mode */ }
  themes();
  ages();
  setInterval(ages, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  if (document.querySelector("[data-live]")) listen();
})();
